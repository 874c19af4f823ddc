"""Lock-out: how long somebody who tries to get into the admin has to wait. The tries themselves are the state.

A name and an address together are locked after five failures: who knows an operator's name can lock out nobody but
themselves. Many addresses at one name are slowed down, never locked; addresses that the operator came from before
are not even that.
"""

from datetime import UTC, datetime, timedelta

from django.db.models import Max, QuerySet
from django.http import HttpRequest

from accounts.models import OperatorSignIn

FAILURES, LOCK = 5, timedelta(minutes=15)
SLOW_AFTER, SLOWEST = 10, timedelta(minutes=1)
KNOWN_FOR = timedelta(days=30)
_NONE = timedelta(0)


def begin(request: HttpRequest, username: str) -> tuple[OperatorSignIn, timedelta]:
    """Write a try down, then tell how long it has to wait; nothing may be looked at before that is over.

    Written first, so that tries at the same moment count each other.
    """
    attempt = OperatorSignIn.of(request, username)
    others = OperatorSignIn.objects.filter(username=attempt.username).exclude(pk=attempt.pk)
    wait = max(_locked(others.filter(address=attempt.address)), _slowed(others, attempt.address))
    if wait:
        attempt.ended(OperatorSignIn.Outcome.LOCKED)
    return attempt, wait


def words(wait: timedelta) -> str:
    """Spell how long somebody has to wait: "12 seconds", "15 minutes"."""
    seconds = max(round(wait.total_seconds()), 1)
    return f"{seconds} seconds" if seconds < 100 else f"{-(-seconds // 60)} minutes"


def _locked(tries: QuerySet[OperatorSignIn]) -> timedelta:
    """Return how long these tries lock: from the last of five failures that lie close together."""
    failures = _failures(tries, 2 * LOCK)[:FAILURES]
    if len(failures) < FAILURES or failures[0] - failures[-1] > LOCK:
        return _NONE
    return _left(failures[0] + LOCK)


def _slowed(tries: QuerySet[OperatorSignIn], address: str) -> timedelta:
    """Return how long the next try at a much tried name has to wait: twice as long each time, up to a minute."""
    failures = _failures(tries, LOCK)
    if len(failures) < SLOW_AFTER or _is_known(tries, address):
        return _NONE
    return _left(failures[0] + min(SLOWEST, timedelta(seconds=2 ** min(len(failures) - SLOW_AFTER, 10))))


def _failures(tries: QuerySet[OperatorSignIn], span: timedelta) -> list[datetime]:
    """Return when tries failed since the last that succeeded, newest first."""
    since = datetime.now(UTC) - span
    success = tries.filter(outcome__in=OperatorSignIn.SUCCESSES, at__gt=since).aggregate(last=Max("at"))["last"]
    failed = tries.filter(outcome__in=OperatorSignIn.FAILURES, at__gt=success or since)
    return list(failed.order_by("-at").values_list("at", flat=True)[:100])


def _is_known(tries: QuerySet[OperatorSignIn], address: str) -> bool:
    since = datetime.now(UTC) - KNOWN_FOR
    return tries.filter(outcome__in=OperatorSignIn.SUCCESSES, address=address, at__gt=since).exists()


def _left(until: datetime) -> timedelta:
    return max(until - datetime.now(UTC), _NONE)
