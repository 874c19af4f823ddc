"""Watch: notice what nobody reports, long before it costs anything."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from installs.models import AppRegistration, Installation, Leased, PrivacyRequest, RejectedDelivery, WebhookEvent
from installs.models.events import WebhookEventQuerySet
from installs.models.privacy import PrivacyRequestQuerySet

PATIENCE = timedelta(minutes=10)  # a worker takes an event up within seconds, a lost ring is found by the next sweep
NEAR = timedelta(days=7)
OURS = "doctor"  # the signature of the doctor's own knock, which is refused like any stranger's
_RECENTLY = timedelta(hours=1)


@dataclass(frozen=True)
class Hearing:
    """How an app's webhooks arrive: Ecwid blocks them after two weeks of failure (contract §7.5).

    `verdict` is "fine", "silent" or "refused"; `last` the last one believed."""

    verdict: str
    last: datetime | None
    refused: int  # within the last hour


def hearing(*, app: AppRegistration, silent_hours: int = 24, refused_from: int = 1) -> Hearing:
    """Return how an app's webhooks arrive; three queries, no effect.

    It is silent when none was believed for so many hours, refused when so many were within one.
    """
    now, silence = datetime.now(UTC), timedelta(hours=silent_hours)
    received = WebhookEvent.objects.filter(app=app).order_by("-received_at").values_list("received_at", flat=True)
    last = received.first()
    turned_away = RejectedDelivery.objects.filter(app=app, received_at__gt=now - _RECENTLY)
    refused = turned_away.exclude(signature=OURS).count()
    if refused >= refused_from and (last is None or last < now - _RECENTLY):
        # Everything is turned away at the door: most likely a client secret that was entered wrongly.
        return Hearing("refused", last, refused)
    installed = Installation.objects.installed().filter(app=app, installed_at__lt=now - silence)
    silent = (last is None or last < now - silence) and installed.exists()
    return Hearing("silent" if silent else "fine", last, refused)


def dead_letters() -> WebhookEventQuerySet:
    """Return the events that failed for good and wait for an operator."""
    return WebhookEvent.objects.filter(state=Leased.State.FAILED)


def stuck_events() -> WebhookEventQuerySet:
    """Return the events that have been due for so long that nobody can be working."""
    return WebhookEvent.objects.due().filter(due_at__lt=datetime.now(UTC) - PATIENCE)


def pressing_requests() -> PrivacyRequestQuerySet:
    """Return the open privacy requests whose deadline is near or over."""
    return PrivacyRequest.objects.open().filter(due_at__lt=datetime.now(UTC) + NEAR)
