"""The catalogues in locale/: finds what merchants read in the source, and keeps each language's file up to it.

`make messages` after a change of words: new ones come into every catalogue empty, those that are gone go, and what is
translated is compiled. Nothing but babel is needed. See docs/languages.md.
"""

import io
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from installs.ecwid import scopes

ROOT = Path(__file__).resolve().parent.parent
CODE = ("accounts", "ecwidhub", "installs")
# Operators read English, and so do those who type commands.
_OPERATORS = {"admin", "management", "migrations"}
_SINGLE, _PLURAL, _CONTEXT = None, (1, 2), ((1, "c"), 2)
_KEYWORDS: dict[str, Any] = dict(DEFAULT_KEYWORDS) | {
    "gettext_lazy": _SINGLE, "gettext_noop": _SINGLE, "ngettext_lazy": _PLURAL, "pgettext_lazy": _CONTEXT,
}  # fmt: skip
_COMMENTS = ("Translators:",)
# As gettext, Django and translators count in Arabic; Babel has the last two forms the other way round.
_PLURAL_FORMS = {
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
}
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)  # git knows when a file changed; two branches should not differ by it

Found = tuple[Any, list[str], str | None]


def languages() -> list[str]:
    """Return the languages that have a catalogue: all but the one that the source is written in."""
    return [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def path(language: str) -> Path:
    """Return where a language's catalogue is; its compiled form lies beside it."""
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


def sources() -> Catalog:
    """Return everything in the source that merchants read, untranslated."""
    catalog = Catalog()
    for words, comments, context in (*_in_code(), *_in_templates(), *_in_scopes()):
        catalog.add(words, auto_comments=comments, context=context)
    return catalog


def _in_code() -> Iterator[Found]:
    for file in sorted(file for room in CODE for file in (ROOT / room).rglob("*.py")):
        if not _OPERATORS & set(file.relative_to(ROOT).parts) and file.name != "admin.py":
            yield from _extracted("python", file.read_text())


def _in_templates() -> Iterator[Found]:
    for file in sorted((ROOT / "templates").rglob("*.*")):
        if file.suffix in (".html", ".txt") and not _OPERATORS & set(file.relative_to(ROOT).parts):
            # Django writes a template as calls among crossed out text, which is no Python but will do for JavaScript.
            yield from _extracted("javascript", templatize(file.read_text(), origin=str(file)))


def _in_scopes() -> Iterator[Found]:
    """The protocol knows nothing of Django, so what its scopes allow is translated where it is shown."""
    for words in scopes.SCOPES.values():
        yield words, [], None


def _extracted(method: str, text: str) -> Iterator[Found]:
    for _line, words, comments, context in extract(method, io.BytesIO(text.encode()), _KEYWORDS, _COMMENTS):
        yield words, comments, context


def read(language: str) -> Catalog:
    """Return a language's catalogue as it is; an empty one where there is none yet."""
    if not path(language).exists():
        return Catalog(locale=language)
    with path(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def updated(language: str, found: Catalog) -> Catalog:
    """Return a language's catalogue with the messages that are found now, each translated as before."""
    before = read(language)
    after = Catalog(
        locale=language, header_comment=f"# Merchants' pages and mails: {dict(settings.LANGUAGES)[language]}.",
        project="pages", version="1", msgid_bugs_address="-", last_translator="-", language_team="-",
        creation_date=_LONG_AGO, revision_date=_LONG_AGO, fuzzy=False,
    )  # fmt: skip
    if language in _PLURAL_FORMS:
        after.mime_headers = [("Plural-Forms", _PLURAL_FORMS[language])]
    for message in found:
        if message.id:
            known = before.get(forms(message.id)[0], message.context)
            string = known.string if known and known.pluralizable == message.pluralizable else None
            after.add(message.id, string, auto_comments=message.auto_comments, context=message.context)
    return after


def forms(words: Any) -> tuple[str, ...]:
    """Return the plural forms of a message or of its translation; most have one."""
    return tuple(words) if isinstance(words, list | tuple) else (words,)


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as its file says it. No addresses of source lines: they change with every commit."""
    out = io.BytesIO()
    write_po(out, catalog, width=110, no_location=True, sort_output=True)
    return out.getvalue()


def compiled(catalog: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def missing(catalog: Catalog) -> list[str]:
    """Return the messages that a catalogue does not translate, or not in every plural form."""
    return [forms(message.id)[0] for message in catalog if message.id and not _is_whole(message, catalog)]


def _is_whole(message: Message, catalog: Catalog) -> bool:
    strings = forms(message.string)
    return all(strings) and len(strings) == (catalog.num_plurals if message.pluralizable else 1)


def main() -> int:
    """Bring every catalogue up to the source, and say what waits for its translator."""
    found, waiting = sources(), 0
    for language in languages():
        catalog, file = updated(language, found), path(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written(catalog))
        file.with_suffix(".mo").write_bytes(compiled(catalog))
        words = missing(catalog)
        waiting += len(words)
        print(f"{language}: {len(catalog)} messages, {len(words)} to translate")
        for word in words[:5]:
            print(f"    {word}")
    return 1 if waiting else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
    django.setup()
    sys.exit(main())
