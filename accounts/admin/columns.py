"""Columns of the operators' lists: states and times at a glance."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display


@lru_cache(maxsize=1000)  # a list shows the same few hundreds of times
def label(colour: str, text: str) -> SafeString:
    """Show a state in the theme's colours: "success", "info", "warning" or "danger". The words tell it too."""
    return render_to_string("unfold/helpers/label.html", {"type": colour, "text": text})


def at(column: str, description: str, form: str = "%F %H:%M") -> Callable[[Any], SafeString]:
    """Make a list column of a time, short enough to stand in one line: 2026-11-20 08:00, in UTC."""

    def show(row: Any) -> SafeString:
        moment = getattr(row, column)
        words = format(moment, form) if moment else "–"
        return format_html('<span class="whitespace-nowrap">{}</span>', words)

    show.__name__ = column
    column_of: Callable[[Any], SafeString] = display(show, description=description, ordering=column)
    return column_of
