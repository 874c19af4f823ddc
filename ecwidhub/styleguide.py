"""The design system on one page, for whoever builds pages: every token and every component. DEBUG only."""

import re
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.forms import SignInForm

_CSS = settings.BASE_DIR / "ecwidhub" / "assets" / "hub.css"
_ICONS = settings.BASE_DIR / "templates" / "icons"
_TOKEN = re.compile(r"^  --([\w-]+): ", re.MULTILINE)
_KINDS = {"space": r"s\d", "type": r"text-\w+", "weight": r"weight-\w+", "corner": r"radius(-\w+)?"}
_WORDLESS = r"shadow|sans|display|mono|gutter|control(-l)?|page|column|measure|layer-\w+"

_DOORS = {"in_frame": False}
_ROW: dict[str, Any] = {"name": "phone", "label": "Phone", "editable": True, "address": "#settings", "by": "store"}
_SETTINGS = [
    _ROW | {"name": "one", "words": "+31 20 555 0123"},
    _ROW | {"name": "two", "words": "+31 20 555 0199", "by": "merchant", "store_words": "+31 20 555 0123"},
    _ROW | {"name": "three", "words": "", "by": "merchant"},
    _ROW | {"name": "four", "words": "", "by": ""},
    _ROW | {"name": "five", "words": "https://paper.example/", "href": "https://paper.example/", "editable": False},
]
_BONDS = ("works", "waits", "whole", "apart")


@require_GET
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show what pages are made of.

    :raises Http404: outside DEBUG, where nobody builds
    """
    if not settings.DEBUG:
        raise Http404
    wrong = SignInForm({"email": "somebody"}, auto_id="wrong_%s")
    shown = {"tokens": tokens(_CSS.read_text("utf-8")), "icons": sorted(icon.name for icon in _ICONS.glob("*.svg"))}
    samples = {"rows": _SETTINGS, "bonds": _BONDS, "doors": _DOORS, "form": SignInForm(), "wrong": wrong}
    return render(request, "styleguide.html", shown | samples)


def tokens(css: str) -> dict[str, list[str]]:
    """Return the names of the tokens that a style sheet's first list has, by kind."""
    kinds: dict[str, list[str]] = {}
    for name in dict.fromkeys(_TOKEN.findall(css)):
        kinds.setdefault(_kind(name), []).append(name)
    return kinds


def _kind(name: str) -> str:
    for kind, pattern in _KINDS.items():
        if re.fullmatch(pattern, name):
            return kind
    return "other" if re.fullmatch(_WORDLESS, name) else "colour"
