"""Charts as shapes: what a template draws as SVG, without a script. Each stands above a table with the same numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from installs.actions.figures import Sums

_STEP = 10.0  # a day's width
_HIGH = 100.0
_GAP = 0.2  # of a day's width


@dataclass(frozen=True)
class Bar:
    """A day: what rises above the line and what hangs below it."""

    x: float
    width: float
    top: float
    up: float
    down: float
    title: str


@dataclass(frozen=True)
class Chart:
    """Bars on a line at `zero`; `line` are the points of a curve. All in units of a box `wide` × 100."""

    bars: list[Bar]
    wide: float
    zero: float
    line: str
    most: int
    least: int
    first: date
    last: date


def comings_and_goings(found: Mapping[date, Sums]) -> Chart:
    """Draw installs above the line, uninstalls below it, and their difference as a curve."""
    ups = {day: sums.numbers["installs"] for day, sums in found.items()}
    downs = {day: sums.numbers["uninstalls"] for day, sums in found.items()}
    titles = {
        day: f"{day:%a %-d %b}: {ups[day]} installed, {downs[day]} uninstalled, net {sums.net:+}"
        for day, sums in found.items()
    }
    return _draw(ups, downs, titles)


def bars(found: Mapping[date, int]) -> Chart:
    """Draw one number a day."""
    return _draw(found, dict.fromkeys(found, 0), {day: f"{day:%a %-d %b}: {count:,}" for day, count in found.items()})


def _draw(ups: Mapping[date, int], downs: Mapping[date, int], titles: Mapping[date, str]) -> Chart:
    most, least = max(ups.values(), default=0), max(downs.values(), default=0)
    scale = _HIGH / max(most + least, 1)
    zero = round(most * scale, 2) if most or least else _HIGH
    drawn, line = [], []
    for at, day in enumerate(ups):
        up, down = round(ups[day] * scale, 2), round(downs[day] * scale, 2)
        x = round((at + _GAP / 2) * _STEP, 2)
        drawn.append(Bar(x, _STEP * (1 - _GAP), round(zero - up, 2), up, down, titles[day]))
        line.append(f"{(at + 0.5) * _STEP:g},{zero - (ups[day] - downs[day]) * scale:.2f}")
    known = list(ups)
    return Chart(drawn, len(known) * _STEP, zero, " ".join(line), most, least, known[0], known[-1])
