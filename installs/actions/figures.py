"""Figures: what the operators' first page says about a span of days. Tallies for history, live rows for today.

Every question here is answered in a time that does not grow with stores or events: tallies are a row per app and day,
what is live is read by an index, at most a day of it, and lists have an end.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from statistics import quantiles
from typing import Any

from django.db.models import Aggregate, Expression, F, QuerySet, Sum, TextField
from django.db.models.functions import Cast, TruncWeek

from installs.actions import tally, vitals, watch
from installs.models import Alert, AppRegistration, Happening, InstallAttempt, Tally

STEPS = {
    "visits": "Return URL visited",
    "exchanged": "Code exchanged",
    "signed_in": "Signed in",
    "prefilled": "Settings read",
    "onboarded": "First run finished",
}
_SUMS = (*STEPS, "installs", "uninstalls", "events", "failed_events")
_COUNTERS = ("outcomes", "unread", "rejected")
_DAY = timedelta(days=1)
WEEK = 7
_BY_DAY = 90  # days that can be told apart in a chart; what is longer is shown by the week
_CALLS = 500  # of each kind, the last ones
LISTED = 8
_SLOWEST = 10
_APPS = 20

_Outcome = InstallAttempt.Outcome
# Visits that came to an end as they should, or to the end that the merchant wanted.
_NO_FAILURE = (_Outcome.CLAIMED, _Outcome.INSTALLED, _Outcome.SUPERSEDED, _Outcome.REFUSED)


@dataclass(frozen=True)
class Span:
    """A day, or as much of a week (Monday to Sunday) as lies within the window."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Window:
    """What the page is about: the last `days` days, today included, of one app or of all."""

    days: int
    app: AppRegistration | None = None
    last: date = field(default_factory=lambda: datetime.now(UTC).date())

    @property
    def by_week(self) -> bool:
        return self.days > _BY_DAY

    @property
    def first(self) -> date:
        return self.last - (self.days - 1) * _DAY


@dataclass
class Sums:
    """Numbers of a span, by the names of Tally's columns."""

    numbers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Add numbers by the names of Tally's columns, as many of them as there are."""
        for name, value in row.items():
            if name in _COUNTERS:
                self.count(name, [value])
            else:
                self.numbers[name] += value

    def count(self, name: str, counted: Iterable[Mapping[str, int]]) -> None:
        """Add what was counted by words."""
        counter: Counter[str] = getattr(self, name)
        for words in counted:
            for word, number in words.items():
                counter[word] += number

    @property
    def net(self) -> int:
        return self.numbers["installs"] - self.numbers["uninstalls"]


@dataclass(frozen=True)
class Step:
    """One step of the funnel. `lost` counts those who came to the step before and not here, and `why` says why."""

    title: str
    count: int
    share: float  # of the visits
    lost: int
    why: list[tuple[str, int]]


@dataclass(frozen=True)
class Calls:
    """How long one kind of call to Ecwid took lately, in milliseconds; `slowest` are pages to look at."""

    title: str
    count: int
    p50: int
    p95: int
    slowest: list[tuple[int, str, datetime]]  # ms, the address of an admin page's model and key, when


def days(window: Window) -> dict[Span, Sums]:
    """Return the numbers of each day of `window`, oldest first."""
    each = (window.first + n * _DAY for n in range(window.days))
    return _sums(window, [Span(day, day) for day in each], F("day"))


def shown(window: Window) -> dict[Span, Sums]:
    """Return the numbers that the page shows, oldest first: of each day, in a long window of each week."""
    return _sums(window, _weeks(window), TruncWeek("day")) if window.by_week else days(window)


def _weeks(window: Window) -> Iterator[Span]:
    monday = window.first - window.first.weekday() * _DAY
    while monday <= window.last:
        yield Span(max(monday, window.first), min(monday + (WEEK - 1) * _DAY, window.last))
        monday += WEEK * _DAY


def total(found: Iterable[Sums]) -> Sums:
    """Return the numbers of several spans together."""
    whole = Sums()
    for one in found:
        whole.add(one.numbers | {name: getattr(one, name) for name in _COUNTERS})
    return whole


class _Joined(Aggregate):
    """The texts of a group with commas between them: one reading of JSON for many rows."""

    function = "STRING_AGG"
    template = "%(function)s(%(expressions)s, ',')"
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **context)


def _sums(window: Window, spans: Iterable[Span], begin: Expression | F) -> dict[Span, Sums]:
    """Return the sums of `spans`, to each of which belong the days that `begin` makes one of."""
    found = {span: Sums() for span in spans}
    by_day = {span.first: sums for span, sums in found.items()}
    *_, current = found.values()
    stored: QuerySet[Any] = Tally.objects.filter(day__range=(window.first, window.last)).order_by()
    stored = stored.filter(app=window.app) if window.app else stored
    past: QuerySet[Any, dict[str, Any]] = stored.filter(day__lt=window.last).annotate(begin=begin).values("begin")
    numbers = {f"{name}_": Sum(name) for name in _SUMS}
    for row in past.annotate(**numbers, **{f"{name}_": _Joined(Cast(name, TextField())) for name in _COUNTERS}):
        sums = by_day[max(row["begin"], window.first)]
        sums.add({name: row[f"{name}_"] for name in _SUMS})
        for name in _COUNTERS:
            sums.count(name, json.loads(f"[{row[f'{name}_']}]"))
    for row in _today(window, stored.filter(day=window.last)):
        current.add(row)
    return found


def _today(window: Window, stored: QuerySet[Tally]) -> Iterable[dict[str, Any]]:
    """Return today's numbers of each app: what was counted lately, and over it what is counted now."""
    known = stored.values("app_id", *_SUMS, *_COUNTERS)
    rows: dict[int, dict[str, Any]] = {row.pop("app_id"): row for row in known}
    for count in (tally.visits, tally.installs, tally.uninstalls):
        for (app_id, _), live in count(window.last, window.last).items():
            if window.app is None or app_id == window.app.pk:
                rows[app_id] = rows.get(app_id, {}) | live
    return rows.values()


def funnel(whole: Sums) -> list[Step]:
    """Return the steps from a visit to a finished first run, with where people were lost."""
    outcomes = Counter({str(_Outcome(name).label): count for name, count in whole.outcomes.items()})
    reasons = {"exchanged": outcomes, "prefilled": whole.unread}
    visits, before = whole.numbers["visits"], whole.numbers["visits"]
    steps = []
    for name, title in STEPS.items():
        count = whole.numbers[name]
        why = reasons.get(name, Counter()).most_common(LISTED)
        steps.append(Step(title, count, count / visits if visits else 0.0, before - count, why))
        before = count
    return steps


def health(window: Window) -> tuple[Counter[str], datetime | None]:
    """Return how many installations stand how ("" is well), and when that was counted."""
    known = vitals.health()
    if known is None:
        return Counter(), None
    chosen = [window.app.client_id] if window.app else known.reasons
    return sum((Counter(known.reasons.get(client_id, {})) for client_id in chosen), Counter()), known.at


def hearings(window: Window) -> Iterator[tuple[AppRegistration, watch.Hearing]]:
    """Yield how each app's webhooks arrive."""
    apps = [window.app] if window.app else AppRegistration.objects.enabled()[:_APPS]
    for app in apps:
        yield app, watch.hearing(app=app)


def alerts() -> QuerySet[Alert]:
    """Return what is wrong by now, whatever the app; what began last comes first."""
    return Alert.objects.open().order_by("-opened_at")


def failures(window: Window, most: int = LISTED) -> list[InstallAttempt]:
    """Return the last visits of the last day that failed, newest first."""
    rows = InstallAttempt.objects.filter(arrived_at__gt=datetime.now(UTC) - _DAY).exclude(outcome__in=_NO_FAILURE)
    rows = rows.filter(app=window.app) if window.app else rows
    return list(rows.select_related("app").order_by("-arrived_at")[:most])


def calls() -> list[Calls]:
    """Return how long Ecwid took for the last calls of each kind, whatever the app: one address answers for all."""
    exchanges = InstallAttempt.objects.filter(exchange_ms__isnull=False).order_by("-arrived_at")
    kinds: list[tuple[str, str, QuerySet[Any, Any]]] = [
        ("Exchange of a code", "installattempt", exchanges.values_list("exchange_ms", "pk", "arrived_at"))
    ]
    for kind, title in ((Happening.Kind.PREFILL, "Settings read"), (Happening.Kind.PROBE, "Probe")):
        rows = Happening.objects.filter(kind=kind, took_ms__isnull=False).order_by("-last_at")
        kinds.append((title, "installation", rows.values_list("took_ms", "installation_id", "last_at")))
    return [_timed(title, model, list(rows[:_CALLS])) for title, model, rows in kinds]


def _timed(title: str, model: str, rows: list[tuple[int, int, datetime]]) -> Calls:
    took = sorted(ms for ms, _, _ in rows)
    cuts = quantiles(took, n=20, method="inclusive") if len(took) > 1 else took * 19 or [0] * 19
    slowest = islice(sorted(rows, reverse=True), _SLOWEST)
    pages = [(ms, f"/admin/installs/{model}/{pk}/change/", at) for ms, pk, at in slowest]
    return Calls(title, len(took), round(cuts[9]), round(cuts[18]), pages)
