"""Doors: for whom an address is. Most are for people with a browser, some for programs that have none."""

from collections.abc import Callable
from typing import ParamSpec

from django.http import HttpResponse

Given = ParamSpec("Given")
View = Callable[Given, HttpResponse]
_FOR_PROGRAMS = "for_programs"


def for_programs(view: View[Given]) -> View[Given]:
    """Mark a view that knows no session, no language and no page: it is called by the short way.

    Outermost decorator. Such a view gets no `request.user` and no `request.session`.
    """
    setattr(view, _FOR_PROGRAMS, True)
    return view


def is_for_programs(view: Callable[..., object]) -> bool:
    """Tell whether a view is marked so."""
    return getattr(view, _FOR_PROGRAMS, False)
