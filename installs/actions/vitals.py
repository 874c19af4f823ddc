"""Vitals: the figures that tell how the whole is doing, each asked of the database in a bounded time."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Min, Q, QuerySet, Value, When
from django.db.models.functions import Now

from accounts.models import LeasedQuerySet, Letter, SignInRequest
from installs.actions import fleet
from installs.models import AlertDelivery, Installation, Job, Leased, Prefill, Pulse, WebhookEvent

COUNTED = 10_000  # nobody needs to know how far beyond that a queue is
HEALTH_EVERY = timedelta(minutes=5)
_LATELY = timedelta(days=1)
_HEALTH = "health"

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Backlog:
    """What waits in one queue: `depth` counts to 10 000, `age` is in seconds since the longest waiting was due."""

    name: str
    depth: int
    age: float


@dataclass(frozen=True)
class Health:
    """How the stores are, by client ID: how many for each reason ("" is well), and how many dropped away in a day.

    `grants` is what they granted, None where a release before this one counted.
    """

    reasons: Counts
    lost: dict[str, int]
    grants: fleet.Grants | None
    at: datetime

    def standing(self) -> dict[str, int]:
        """Return how many stand, by client ID."""
        return {app: sum(counts.values()) - counts.get("uninstalled", 0) for app, counts in self.reasons.items()}


def backlogs() -> Iterator[Backlog]:
    """Yield what is due in each queue: two queries each, answered by an index of what is not done."""
    for name, rows, due in _queues():
        depth = rows.order_by(due)[:COUNTED].count()
        oldest = rows.aggregate(oldest=Min(due))["oldest"] if depth else None
        age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
        yield Backlog(name, depth, max(age, 0.0))


def _queues() -> Iterator[tuple[str, QuerySet[Any], str]]:
    leased: dict[str, LeasedQuerySet[Any]] = {
        "events": WebhookEvent.objects.due(),
        "prefills": Prefill.objects.due(),
        "letters": Letter.objects.due(),
        "sign_in_links": SignInRequest.objects.due(),
        "alerts": AlertDelivery.objects.due(),
        "jobs": Job.objects.due(),
    }
    ended = [Leased.State.DONE, Leased.State.FAILED]
    for name, rows in leased.items():
        # Said in the words of the index, or the database would look through all that is done.
        yield name, rows.exclude(state__in=ended), "due_at"
    yield "probes", Installation.objects.probe_due(), "probe_due_at"
    yield "erasures", Installation.objects.filter(erase_due_at__lte=Now()), "erase_due_at"


def health() -> Health | None:
    """Return how the stores were when somebody last counted; one row is read."""
    pulse = Pulse.objects.filter(name=_HEALTH, at__isnull=False).first()
    if pulse is None or pulse.at is None:
        return None
    return Health(pulse.facts["reasons"], pulse.facts["lost"], pulse.facts.get("grants"), pulse.at)


def grants() -> fleet.Grants:
    """Return what stores had granted when somebody last counted; where nobody has yet, there is little to count."""
    known = health()
    return fleet.grants() if known is None or known.grants is None else known.grants


def refresh_health() -> None:
    """Count the stores again unless that was done lately: reading all of them is nothing to do at every look."""
    if Pulse.objects.filter(name=_HEALTH, at__gt=Now() - HEALTH_EVERY).exists():
        return
    Pulse.objects.beat(_HEALTH, reasons=_reasons(), lost=_lost(), grants=fleet.grants())


def _reasons() -> Counts:
    fleet.mark_gaps()
    whens = [When(condition, then=Value(reason)) for reason, condition in fleet.conditions().items()]
    reason = Case(*whens, default=Value(""), output_field=CharField())
    groups = Installation.objects.annotate(why=reason).values_list("app__client_id", "why").annotate(n=Count("pk"))
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for client_id, why, count in groups.order_by():
        reasons[client_id][why] = count
    return {client_id: dict(counter) for client_id, counter in reasons.items()}


def _lost() -> dict[str, int]:
    since = Now() - _LATELY
    gone = Q(uninstalled_at__gt=since) | Q(token_died_at__gt=since) | Q(paused_at__gt=since)
    groups = Installation.objects.filter(gone).values_list("app__client_id").annotate(n=Count("pk"))
    return dict(groups.order_by())
