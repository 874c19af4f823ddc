"""Charts as shapes: what a template draws as SVG, without a script. Each stands above a table with the same numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from installs.actions.figures import WEEK, Span, Sums

_STEP = 10.0  # a bar's place
_HIGH = 100.0
_PLACE = '<g><title>{}</title><rect class="hit" x="{}" width="{}" y="0" height="100"/></g>'
_GAP = 0.2  # of that


@dataclass(frozen=True)
class Chart:
    """Bars on a line at `zero`: paths of what rises above it and what hangs below it, and the points of a curve.

    All in units of a box `wide` × 100.
    """

    places: SafeString  # of each day or week, with what it says when it is pointed at
    wide: float
    zero: float
    up: str
    down: str
    line: str
    most: int
    least: int
    first: date
    last: date


def comings_and_goings(found: Mapping[Span, Sums]) -> Chart:
    """Draw installs above the line, uninstalls below it, and their difference as a curve."""
    ups = {span: sums.numbers["installs"] for span, sums in found.items()}
    downs = {span: sums.numbers["uninstalls"] for span, sums in found.items()}
    titles = {
        span: f"{_when(span)}: {ups[span]:,} installed, {downs[span]:,} uninstalled, net {sums.net:+,}"
        for span, sums in found.items()
    }
    return _draw(ups, downs, titles)


def bars(found: Mapping[Span, int]) -> Chart:
    """Draw one number a span."""
    return _draw(found, dict.fromkeys(found, 0), {span: f"{_when(span)}: {count:,}" for span, count in found.items()})


def _when(span: Span) -> str:
    if span.first == span.last:
        return f"{span.first:%a %-d %b}"
    return f"{span.first:%-d %b} to {span.last:%-d %b}" + (f" ({span.days} days)" if span.days < WEEK else "")


def _draw(ups: Mapping[Span, int], downs: Mapping[Span, int], titles: Mapping[Span, str]) -> Chart:
    most, least = max(ups.values(), default=0), max(downs.values(), default=0)
    scale = _HIGH / max(most + least, 1)
    zero = round(most * scale, 2) if most or least else _HIGH
    width, places, line = _STEP * (1 - _GAP), list[tuple[str, str, str]](), []
    paths: dict[str, list[str]] = {"up": [], "down": []}
    for at, span in enumerate(ups):
        x = round((at + _GAP / 2) * _STEP, 2)
        places.append((titles[span], f"{x:g}", f"{width:g}"))
        for name, high in (("up", -ups[span]), ("down", downs[span])):
            if high:
                paths[name].append(f"M{x:g} {zero:g}v{high * scale:.2f}h{width:g}V{zero:g}z")
        line.append(f"{(at + 0.5) * _STEP:g},{zero - (ups[span] - downs[span]) * scale:.2f}")
    up, down, wide = "".join(paths["up"]), "".join(paths["down"]), len(ups) * _STEP
    first, *_, last = (*ups, *ups)
    return Chart(
        format_html_join("", _PLACE, places), wide, zero, up, down, " ".join(line), most, least, first.first, last.last
    )
