"""Repeat: what an operator asks for once more. Rows become due; who nudges a worker is the caller's business."""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from installs.models import Installation, Leased, WebhookEvent
from installs.models.events import WebhookEventQuerySet
from installs.models.installations import InstallationQuerySet

_BATCH = 1000


def _nothing(_done: int) -> None:
    return


def repeatable(events: WebhookEventQuerySet) -> WebhookEventQuerySet:
    """Return those of `events` that can be put back: all but the ones a worker is handling now."""
    return events.exclude(state=Leased.State.RUNNING, lease_until__gte=Now())


def handling(*, events: WebhookEventQuerySet, tell: Callable[[int], object] = _nothing) -> int:
    """Put events back to be handled now, as if they had just come; return how many.

    All or none, in one transaction: an interruption leaves nothing half done. `tell` hears how far it is.
    """
    anew = {"tries": 0, "error": "", "traceback": "", "outcome": "", "handled_at": None}
    free = {"lease_until": None, "lease_by": None}
    rows = repeatable(events)
    with transaction.atomic(durable=True):
        pks = list(rows.order_by("pk").values_list("pk", flat=True))
        done = 0
        for start in range(0, len(pks), _BATCH):
            some = repeatable(WebhookEvent.objects.filter(pk__in=pks[start : start + _BATCH]))
            done += some.update(state=Leased.State.WAITING, due_at=Now(), **anew, **free)
            tell(done)
    return done


def probing(*, installations: InstallationQuerySet) -> list[int]:
    """Make a probe of each token due now; return whose.

    An uninstalled one has no token left, and what an operator holds back is not asked about. A suspect keeps the time
    of its confirming probe: two refusals in one breath are one refusal (design rule 9).
    """
    askable = installations.installed().filter(held_at=None).filter(Q(token_died_at=None) | Q(probe_due_at__lte=Now()))
    pks = list(askable.order_by("pk").values_list("pk", flat=True))
    askable.update(probe_due_at=Now())
    return pks


def prefilling(*, installations: InstallationQuerySet) -> list[int]:
    """Ask for the settings of each store anew; return whose. What is disconnected, held or being read stays."""
    rows: list[Installation] = list(installations.workable().select_related("prefill").order_by("pk"))
    return [row.pk for row in rows if row.prefill.restart()]
