"""Recover: finish the installs that something interrupted."""

import logging

from django.db.models.functions import Now

from accounts import sealing, story
from installs import counters, spool
from installs.actions.install import install
from installs.models import InstallAttempt

log = logging.getLogger(__name__)


def import_spool() -> list[InstallAttempt]:
    """Install every grant that waits in the spool; return the attempts that ended now."""
    finished = []
    for uid in spool.waiting():
        try:
            receipt = spool.read(uid)
        except FileNotFoundError:
            continue
        except sealing.SealBroken:
            log.exception("spool_unreadable", extra={"attempt": str(uid)})
            continue
        attempt = InstallAttempt.objects.select_related("app").filter(uid=uid).first()
        if attempt is None:
            log.error("spool_without_attempt", extra={"attempt": str(uid)})
            continue
        with story.chapter(app=attempt.client_id, attempt=attempt.support_code):
            finished.append(install(attempt=attempt, receipt=receipt))
        spool.remove(uid)
    return finished


def close_abandoned() -> int:
    """Mark claims whose worker died as `worker_lost`, and return how many. Their codes are never sent again."""
    lost = 0
    for attempt in InstallAttempt.objects.abandoned().order_by("arrived_at")[:100]:
        if spool.holds(attempt.uid):
            continue
        rows = InstallAttempt.objects.filter(pk=attempt.pk, outcome=InstallAttempt.Outcome.CLAIMED)
        if not rows.update(outcome=InstallAttempt.Outcome.WORKER_LOST, finished_at=Now()):
            continue
        lost += 1
        counters.install(attempt.client_id, InstallAttempt.Outcome.WORKER_LOST)
        log.error("install_interrupted", extra={"app": attempt.client_id, "attempt": attempt.support_code})
    return lost
