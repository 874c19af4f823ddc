"""Languages: which one a reader gets. A region falls back to its language, and what we do not have to English.

The order: what the store's admin says about whoever opened the app there (installs/views/native.py), what the person
chose, what the store speaks where a page is about one store, what the browser asks for. No cookie remembers it.
"""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from accounts.models import Store, User


def nearest(tag: str) -> str:
    """Return what we have that is nearest to a language tag such as "pt_BR"; "" when that is nothing."""
    try:
        return translation.get_supported_language_variant(tag.replace("_", "-").lower())
    except LookupError:
        return ""


def of_browser(request: HttpRequest) -> str:
    """Return what we have that the browser would like best, else English."""
    for tag, _weight in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if tag == "*":
            break
        if found := nearest(tag):
            return found
    return settings.LANGUAGE_CODE


def of_people(people: list[User]) -> str:
    """Return what the first of these people chose who chose anything, else ""."""
    return next((found for person in people if (found := nearest(person.language))), "")


def of_store(store: Store) -> str:
    """Return what we have of the language a store speaks, else ""."""
    return nearest(store.settings.default_language)


def speak(language: str) -> None:
    """Answer this request in `language`; "" changes nothing. The middleware ends it with the request."""
    if language:
        translation.activate(language)


def speak_about(store: Store, reader: User | None) -> None:
    """Answer in a store's language where its reader has chosen none."""
    speak((of_people([reader]) if reader else "") or of_store(store))


def spoken() -> str:
    """Return the language this request is answered in."""
    return translation.get_language() or settings.LANGUAGE_CODE
