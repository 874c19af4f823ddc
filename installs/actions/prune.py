"""Prune: what is only kept for a while goes, a bounded batch at a time."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import Bucket, Invitation, Letter, OperatorSignIn, Proof, Session, SignInRequest
from installs.models import Alert, ConnectState, Happening, InstallAttempt, Job, Leased, RejectedDelivery, WebhookEvent
from installs.models.events import REJECTED_LIFE

log = logging.getLogger(__name__)

BATCH = 500
EVENTS_KEPT = timedelta(days=30)  # Ecwid sends an event again for a day (contract §7.5), operators ask for longer
STATES_KEPT = timedelta(days=1)
SIGN_INS_KEPT = timedelta(days=1)
INVITATIONS_KEPT = timedelta(days=7)  # after their time is over
JOBS_KEPT = timedelta(days=180)  # with what came of every row; who asked for it stays in the audit trail
ATTEMPTS_KEPT = timedelta(days=90)
TRIES_KEPT = timedelta(days=365)  # operators' sign-ins; what they did then stays for good


def prune() -> int:
    """Remove one batch of each kind of row whose time is over; return how many rows went or lost their body.

    Makes no request. Repeat it until it returns 0; an interruption costs nothing, because every batch stands alone.
    """
    counts = {label: _remove(rows) for label, rows in _over()} | {"bodies": _blank_dead_letters()}
    total = sum(counts.values())
    if total:
        log.info("pruned", extra={"counts": counts})
    return total


def _over() -> Iterator[tuple[str, QuerySet[Any]]]:
    """Yield what nobody needs any more. The database's clock decides, as for everything that is due."""
    yield (
        "events",
        WebhookEvent.objects.filter(state=Leased.State.DONE, received_at__lt=Now() - EVENTS_KEPT),
    )
    yield "rejected deliveries", RejectedDelivery.objects.filter(received_at__lt=Now() - REJECTED_LIFE)
    yield "states", ConnectState.objects.filter(created_at__lt=Now() - STATES_KEPT)
    # A claim in progress stays, however old: its grant may still wait in the spool. The others' codes died long ago.
    ended = InstallAttempt.objects.filter(installation=None).exclude(outcome=InstallAttempt.Outcome.CLAIMED)
    # In their order, or PostgreSQL takes the index of all that installed nothing for the shorter way.
    yield "attempts", ended.filter(arrived_at__lt=Now() - ATTEMPTS_KEPT).order_by("arrived_at")
    # Uninstalls stay: the numbers of each day are counted from them.
    passing = Happening.objects.exclude(kind=Happening.Kind.UNINSTALLED)
    yield "happenings", passing.filter(last_at__lt=Now() - ATTEMPTS_KEPT)
    yield "sessions", Session.objects.filter(expire_date__lt=Now())
    yield "sign-in requests", SignInRequest.objects.filter(asked_at__lt=Now() - SIGN_INS_KEPT)
    yield "operators' sign-ins", OperatorSignIn.objects.filter(at__lt=Now() - TRIES_KEPT)
    # A letter goes with what it is about; the others have nothing left in them once they are sent.
    yield "invitations", Invitation.objects.filter(expires_at__lt=Now() - INVITATIONS_KEPT)
    yield "proofs", Proof.objects.filter(expires_at__lt=Now())
    sent = Letter.objects.filter(state__in=[Leased.State.DONE, Leased.State.FAILED])
    yield "letters", sent.filter(due_at__lt=Now() - SIGN_INS_KEPT)
    # An alert that is over goes like the visits it was about; one that stands stays.
    yield "alerts", Alert.objects.filter(resolved_at__lt=Now() - ATTEMPTS_KEPT)
    yield "jobs", Job.objects.filter(ended_at__lt=Now() - JOBS_KEPT)
    yield "limits", Bucket.objects.filter(at__lt=Now() - SIGN_INS_KEPT)


def _remove(rows: QuerySet[Any]) -> int:
    some = list(rows.values_list("pk", flat=True)[:BATCH])
    # Asked again, so that a row somebody has put back to work meanwhile stays.
    rows.filter(pk__in=some).delete()
    return len(some)


def _blank_dead_letters() -> int:
    """Take the bodies out of dead letters: the row stays for its operator, what a merchant's store said does not."""
    rows = WebhookEvent.objects.filter(state=Leased.State.FAILED, received_at__lt=Now() - EVENTS_KEPT).exclude(body="")
    some = list(rows.values_list("pk", flat=True)[:BATCH])
    return rows.filter(pk__in=some).update(body="") if some else 0
