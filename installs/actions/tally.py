"""Tally: each app's numbers of each day, counted by the database and kept when the rows they came from are gone."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet
from django.db.models.functions import TruncDate

from installs.actions import vitals
from installs.models import AppRegistration, Happening, InstallAttempt, Leased, RejectedDelivery, Tally, WebhookEvent

log = logging.getLogger(__name__)

SETTLED = timedelta(days=3)  # whoever visits today may finish the first-run page tomorrow
_AGAIN = timedelta(hours=1)
_DAY = timedelta(days=1)
_SPAN = 7  # days counted at once
_PATIENCE = 8.0  # seconds, long before a task's time limit
_STEPS = ("visits", "exchanged", "signed_in", "prefilled", "onboarded")
_WHY = "installation__prefill__error"
_WORDS = 40  # of a prefill's error, so that one text of Ecwid's does not become a thousand reasons

# (app's pk, day) → numbers by the names of Tally's columns
Numbers = dict[tuple[int, date], dict[str, Any]]


def catch_up() -> int:
    """Count today anew, then past days that are missing or not settled yet; return how many rows were written.

    Repeating it changes nothing. It stops in good time, and the next run goes on. Makes no request.
    """
    now, began = datetime.now(UTC), time.monotonic()
    written = recount(now.date(), now.date()) + _write_health(now.date())
    for first, last in _spans(_unsettled(now)):
        if time.monotonic() - began > _PATIENCE:
            break
        written += recount(first, last)
    return written


def recount(first: date, last: date) -> int:
    """Count the days from `first` to `last` anew and write what was found; return how many rows that were.

    What retention has removed meanwhile does not lower a number (`Tally.take`), so any day may be counted again.
    """
    numbers = visits(first, last)
    for more in (installs(first, last), uninstalls(first, last), _events(first, last), _rejected(first, last)):
        for key, counted in more.items():
            numbers.setdefault(key, {}).update(counted)
    known = {(row.app_id, row.day): row for row in Tally.objects.filter(day__range=(first, last))}
    for app_id, day in numbers:
        known.setdefault((app_id, day), Tally(app_id=app_id, day=day))
    for key, row in known.items():
        row.take(numbers.get(key, {}))
    return _save(known.values(), [name for name in _COLUMNS if name != "health"])


def visits(first: date, last: date) -> Numbers:
    """Count the funnel of the visits that began on these days, and what the others ended with."""
    rows = _of_days(InstallAttempt.objects.filter(app__isnull=False), "arrived_at", first, last)
    got = Q(installation__isnull=False)
    read = got & Q(installation__prefill__done_at__isnull=False)
    signed_in = Q(signed_in_at__isnull=False)
    steps = rows.values("app_id", "on", _WHY).annotate(
        visits=Count("pk"),
        exchanged=Count("pk", filter=got),
        read=Count("pk", filter=read),
        signed_in=Count("pk", filter=got & signed_in),
        prefilled=Count("pk", filter=read & signed_in),
        onboarded=Count("pk", filter=read & signed_in & Q(installation__store__onboarded_at__isnull=False)),
    )
    numbers: Numbers = {}
    for row in steps:
        counted = numbers.setdefault((row.pop("app_id"), row.pop("on")), {**dict.fromkeys(_STEPS, 0), "unread": {}})
        why, unread = _word(row.pop(_WHY)), row["exchanged"] - row.pop("read")
        if unread:
            counted["unread"][why] = counted["unread"].get(why, 0) + unread
        for name, count in row.items():
            counted[name] += count
    _add_reasons(numbers, "outcomes", rows.filter(installation=None), "outcome")
    return numbers


def installs(first: date, last: date) -> Numbers:
    """Count the installs that won a store, or won it back: connecting a connected store anew is none."""
    before = Happening.objects.filter(
        installation=OuterRef("installation"),
        kind=Happening.Kind.UNINSTALLED,
        generation=OuterRef("generation") - 1,
    )
    won = InstallAttempt.objects.filter(outcome=InstallAttempt.Outcome.INSTALLED, app__isnull=False)
    won = won.filter(Q(generation=1) | Exists(before))
    rows = _of_days(won, "arrived_at", first, last).annotate(installs=Count("pk"))
    return {(row["app_id"], row["on"]): {"installs": row["installs"]} for row in rows}


def uninstalls(first: date, last: date) -> Numbers:
    """Count the uninstalls."""
    gone = Happening.objects.filter(kind=Happening.Kind.UNINSTALLED, app__isnull=False)
    rows = _of_days(gone, "last_at", first, last).annotate(uninstalls=Count("pk"))
    return {(row["app_id"], row["on"]): {"uninstalls": row["uninstalls"]} for row in rows}


def _events(first: date, last: date) -> Numbers:
    rows = _of_days(WebhookEvent.objects.all(), "received_at", first, last)
    rows = rows.annotate(events=Count("pk"), failed_events=Count("pk", filter=Q(state=Leased.State.FAILED)))
    return {(row.pop("app_id"), row.pop("on")): row for row in rows}


def _rejected(first: date, last: date) -> Numbers:
    numbers: Numbers = {}
    _add_reasons(numbers, "rejected", _of_days(RejectedDelivery.objects.all(), "received_at", first, last), "reason")
    return numbers


def _of_days(rows: "QuerySet[Any]", column: str, first: date, last: date) -> "QuerySet[Any, dict[str, Any]]":
    """Return the rows whose `column` falls on these days (UTC), to be grouped by app and day."""
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC) + _DAY
    within = rows.filter(**{f"{column}__gte": begin, f"{column}__lt": end})
    grouped: QuerySet[Any, dict[str, Any]] = within.annotate(on=TruncDate(column, tzinfo=UTC)).values("app_id", "on")
    return grouped.order_by()


def _add_reasons(numbers: Numbers, name: str, rows: "QuerySet[Any, dict[str, Any]]", column: str) -> None:
    """Count `rows` by the words of `column` and put them under `name`."""
    found: defaultdict[tuple[int, date], Counter[str]] = defaultdict(Counter)
    for app_id, on, word, count in rows.values_list("app_id", "on", column).annotate(count=Count("pk")):
        found[app_id, on][_word(word)] += count
    for key, counts in found.items():
        numbers.setdefault(key, {})[name] = dict(counts)


def _word(text: str | None) -> str:
    return (text or "waiting").split(":")[0][:_WORDS]


def _write_health(today: date) -> int:
    """Write how all installations stood when they were last looked at into today's rows."""
    vitals.refresh_health()
    health = vitals.health()
    reasons = health.reasons if health else {}
    apps = dict(AppRegistration.objects.filter(client_id__in=reasons).values_list("client_id", "pk"))
    known = {row.app_id: row for row in Tally.objects.filter(day=today)}
    for client_id, pk in apps.items():
        row = known.setdefault(pk, Tally(app_id=pk, day=today))
        row.health = reasons[client_id]
    return _save(known.values(), ["health", "counted_at"])


def _save(rows: Iterable[Tally], columns: list[str]) -> int:
    rows = list(rows)
    for row in rows:
        row.counted_at = datetime.now(UTC)
    Tally.objects.bulk_create(
        [Tally(app_id=row.app_id, day=row.day, **{name: getattr(row, name) for name in _COLUMNS}) for row in rows],
        batch_size=500,
        update_conflicts=True,
        unique_fields=["day", "app"],
        update_fields=columns,
    )
    return len(rows)


_COLUMNS = [field.name for field in Tally._meta.concrete_fields if field.name not in ("id", "app", "day")]


def _unsettled(now: datetime) -> list[date]:
    """Return the past days to count: those never counted, and those that were counted too early to be final."""
    past = Tally.objects.filter(day__lt=now.date())
    last = past.aggregate(last=Max("day"))["last"]
    day = last + _DAY if last else _first_day(now)
    fresh = set(past.filter(day__gte=now.date() - SETTLED, counted_at__gt=now - _AGAIN).values_list("day", flat=True))
    days = {now.date() - n * _DAY for n in range(1, SETTLED.days + 1)} - fresh
    while day < now.date():
        days.add(day)
        day += _DAY
    return sorted(days)


def _first_day(now: datetime) -> date:
    first = InstallAttempt.objects.aggregate(first=Min("arrived_at"))["first"]
    return (first or now).astimezone(UTC).date()


def _spans(days: list[date]) -> Iterator[tuple[date, date]]:
    """Join days that follow one another to spans of a week at most."""
    span: list[date] = []
    for day in days:
        if span and (day - span[-1] > _DAY or len(span) == _SPAN):
            yield span[0], span[-1]
            span = []
        span.append(day)
    if span:
        yield span[0], span[-1]
