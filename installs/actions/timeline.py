"""Timeline: what happened to one installation, newest first, from every table that knows something of it.

Each source gives its newest rows, by an index, so a busy store's page is as fast as a quiet one's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.db.models import Q

from accounts.models import AuditEntry
from installs.models import Erasure, Happening, Installation, InstallAttempt, WebhookEvent

MOST = 50  # of each source, and of all together
_GOOD = (InstallAttempt.Outcome.INSTALLED, InstallAttempt.Outcome.SUPERSEDED)


@dataclass(frozen=True)
class Entry:
    """One thing that happened. `colour` is "success", "info", "warning" or "danger"; `page` is (model, key) or None."""

    at: datetime
    kind: str
    title: str
    text: str
    colour: str
    page: tuple[str, int] | None = None
    body: str = ""  # as it came: to be redacted when shown


def entries(installation: Installation, *, with_operators: bool) -> list[Entry]:
    """Return the newest entries; what operators did only for who may see their trail. Five queries."""
    found = [*_visits(installation), *_happenings(installation), *_events(installation), *_erasures(installation)]
    if with_operators:
        found += _operators(installation)
    return sorted(found, key=attrgetter("at"), reverse=True)[:MOST]


def _visits(installation: Installation) -> Iterator[Entry]:
    """Yield the visits that installed, and those that would have: they name the store and the app."""
    mine = Q(installation=installation)
    failed = Q(installation=None, app=installation.app, requested_store_id=installation.store.store_id)
    for about in (mine, failed):
        for row in InstallAttempt.objects.filter(about).order_by("-arrived_at")[:MOST]:
            colour = "success" if row.outcome in _GOOD else "danger"
            page = ("installs_installattempt", row.pk)
            yield Entry(row.arrived_at, "Visit", row.get_outcome_display(), _of_visit(row), colour, page)


def _of_visit(row: InstallAttempt) -> str:
    exchange = f"exchanged in {row.exchange_ms} ms" if row.exchange_ms is not None else ""
    signed_in = f"signed in {row.signed_in_at:%H:%M:%S}" if row.signed_in_at else ""
    generation = f"generation {row.generation}" if row.generation else ""
    return ", ".join(filter(None, (row.support_code, row.detail, generation, exchange, signed_in)))


_COLOURS = {"done": "success", "alive": "success", "dead": "danger", "mailed": "info", "": "warning"}


def _happenings(installation: Installation) -> Iterator[Entry]:
    for row in Happening.objects.filter(installation=installation).order_by("-last_at")[:MOST]:
        often = f"{row.times} times since {row.at:%F}" if row.times > 1 else ""
        took = f"{row.took_ms} ms" if row.took_ms is not None else ""
        words = ", ".join(filter(None, (row.detail, often, took)))
        title = f"{row.get_kind_display()}: {row.outcome}" if row.outcome else row.get_kind_display()
        kind = "Call" if row.kind in (Happening.Kind.PROBE, Happening.Kind.PREFILL) else "Life"
        yield Entry(row.last_at, kind, title, words, _COLOURS.get(row.outcome, "warning"))


def _events(installation: Installation) -> Iterator[Entry]:
    rows = WebhookEvent.objects.filter(app=installation.app, store_id=installation.store.store_id)
    for row in rows.defer("traceback").order_by("-received_at")[:MOST]:
        colour = {"done": "success", "failed": "danger"}.get(row.state, "info")
        again = f"delivered {row.deliveries} times" if row.deliveries > 1 else ""
        words = ", ".join(filter(None, (row.outcome or row.get_state_display(), row.error, again)))
        yield Entry(row.received_at, "Event", row.type, words, colour, ("installs_webhookevent", row.pk), row.body)


def _erasures(installation: Installation) -> Iterator[Entry]:
    rows = Erasure.objects.filter(store_id=installation.store.store_id).order_by("-at")
    for row in rows[:MOST]:
        words = f"{row.reason}, {sum(row.counts.values())} values"
        yield Entry(row.at, "Life", "Personal data erased", words, "warning", ("installs_erasure", row.pk))


def _operators(installation: Installation) -> Iterator[Entry]:
    store = installation.store.store_id
    # The store's other apps have entries of their own.
    other = Q(target_kind=installation._meta.label_lower) & ~Q(target_id=str(installation.pk))
    for row in AuditEntry.objects.filter(store_id=store).exclude(other).order_by("-at")[:MOST]:
        words = ", ".join(filter(None, (row.by_name or "the service", row.reason)))
        yield Entry(row.at, "Operator", row.what.capitalize(), words, "info", ("accounts_auditentry", row.pk))
