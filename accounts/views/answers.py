"""What several doors answer with."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from accounts import doorbell, tasks
from accounts.models import Letter

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def see_other(address: str) -> HttpResponse:
    """Send the browser on by GET, so that a reload repeats nothing."""
    return without_referrer(HttpResponseRedirect(address, status=303))


def without_referrer(response: HttpResponse) -> HttpResponse:
    """Keep the address, which holds a link's token, from whatever page comes next.

    Not `no-referrer`: browsers then send a form's POST with `Origin: null`, which looks like another site's.
    """
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


def dead_link(request: HttpRequest, name: str, **context: object) -> HttpResponse:
    """Say that a mailed link no longer works: the same page for every reason."""
    return without_referrer(render(request, f"accounts/{name}.html", context, status=410))


def too_many(request: HttpRequest, words: "StrOrPromise") -> HttpResponse:
    """Say that this was enough for now."""
    return render(request, "accounts/too_many.html", {"words": words}, status=429)


def done(request: HttpRequest, words: "Mapping[str, StrOrPromise]") -> str:
    """Return what the last action did, in words, from `?done=`; "" for anything we never say."""
    return str(words.get(request.GET.get("done", ""), ""))


def ring(letters: Iterable[Letter]) -> None:
    """Ring for letters that are committed."""
    for letter in letters:
        doorbell.ring(tasks.send_letter, letter.pk)
