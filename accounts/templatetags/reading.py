"""Days, moments and names as the reader of a page writes them."""

from collections.abc import Iterable
from datetime import datetime

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator
from django.utils.translation import gettext, pgettext

from accounts import formats

register = template.Library()

_LONGEST = 50


@register.filter
def day(at: datetime | None) -> str:
    """Return a day: "26 November 2026"."""
    return formats.day(at) if at else ""


@register.filter
def moment(at: datetime | None) -> str:
    """Return a day and a time of day: "26 November 2026, 17:30 UTC"."""
    return formats.moment(at) if at else ""


@register.filter
def ago(at: datetime | None) -> str:
    """Return how long ago something was: "3 minutes ago"."""
    return formats.ago(at) if at else ""


@register.filter
def since(at: datetime | None) -> str:
    """Return how long ago something was, in an element that says when precisely; hub.js keeps it true."""
    if not at:
        return ""
    made = '<time datetime="{}" title="{}" data-ago>{}</time>'
    return format_html(made, at.isoformat(), formats.moment(at), formats.ago(at))


@register.filter
def listed(words: Iterable[str]) -> str:
    """Return our own words one after the other: "Phone, City"."""
    return formats.listed(words)


@register.filter(needs_autoescape=True)
def names(items: Iterable[object], most: int = 0, autoescape: bool = True) -> str:
    """Return names one after the other, at most `most` of them: "Kaffee, Paper Trail and more"."""
    each = [Truncator(str(item)).chars(_LONGEST) for item in items]
    shown = each[:most] if most else each
    # A name is a stranger in its sentence: it may run the other way.
    between = pgettext("between two names of a list", ", ")
    words = (
        format_html_join(between, "<bdi>{}</bdi>", ((name,) for name in shown)) if autoescape else between.join(shown)
    )
    if len(shown) == len(each):
        return words
    sentence = gettext("%(names)s and more") % {"names": "{}"}
    return format_html(sentence, words) if autoescape else sentence.format(words)
