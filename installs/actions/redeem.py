"""Redeem a claimed code: exchange it once, put the grant on disk, install."""

import logging
import time
from datetime import UTC, datetime

from django.db import InterfaceError, OperationalError, connection

from installs import spool
from installs.actions.install import install
from installs.ecwid import errors, oauth
from installs.models import InstallAttempt

log = logging.getLogger(__name__)

_PAUSES = (0.0, 0.2, 0.5)  # before each try to write; then the sweep takes over


def redeem(*, attempt: InstallAttempt, code: str) -> InstallAttempt:
    """Exchange the code that `attempt` has claimed and install what it buys; return how the attempt ended.

    Makes one request to Ecwid and never repeats one that may have been received (design rules 1 and 2). When the
    database dies after the exchange, the attempt is still CLAIMED, its grant waits in the spool, and the sweep
    finishes the install.

    :raises spool.SpoolUnusable: before anything is spent.
    """
    spool.prepare()
    asked_at, started = datetime.now(UTC), time.monotonic()
    grant = _exchange(attempt, code)
    if grant is None:
        return attempt
    exchange_ms = round((time.monotonic() - started) * 1000)
    if attempt.requested_store_id not in (None, grant.store_id):
        attempt.fail(InstallAttempt.Outcome.STORE_MISMATCH, "The token belongs to another store than the address.")
        log.error("install_store_mismatch", extra=_about(attempt))
        return attempt
    receipt = spool.Receipt(attempt.uid, grant, asked_at, exchange_ms)
    _spool(receipt)
    return _persist(attempt, receipt)


def _spool(receipt: spool.Receipt) -> None:
    """Put the grant on disk. A full disk must not cost the merchant the install: the database may still take it."""
    try:
        spool.put(receipt)
    except OSError:
        log.exception("spool_failed", extra={"attempt": str(receipt.attempt)})


def _exchange(attempt: InstallAttempt, code: str) -> oauth.Grant | None:
    """Return the grant, or None after writing down why there is none."""
    assert attempt.app is not None  # noqa: S101  a claim has an app; this is for the type checker
    try:
        return oauth.exchange_code(attempt.app.oauth_client(), code, attempt.requested_store_id)
    except errors.EcwidError as error:
        _record_failure(attempt, error)
        return None


def _record_failure(attempt: InstallAttempt, error: errors.EcwidError) -> None:
    outcome = outcome_of(error)
    level = logging.ERROR if outcome == InstallAttempt.Outcome.SECRET_WRONG else logging.WARNING
    log.log(level, "install_failed", extra=_about(attempt) | {"outcome": str(outcome), "reason": str(error)})
    if isinstance(error, errors.Unreachable) and not error.sent:
        attempt.release(str(error))
    else:
        attempt.fail(outcome, str(error))


def outcome_of(error: errors.EcwidError) -> InstallAttempt.Outcome:
    """Return how an attempt ends whose exchange raised `error`."""
    outcomes = InstallAttempt.Outcome
    match error:
        case errors.SecretWrong():
            return outcomes.SECRET_WRONG
        case errors.Throttled():
            return outcomes.THROTTLED
        case errors.Malformed():
            return outcomes.REPLY_MALFORMED
        case errors.Unreachable(sent=False):
            return outcomes.UNREACHABLE
        case errors.Unreachable():
            return outcomes.REPLY_LOST
        case _:
            return outcomes.CODE_REJECTED


def _persist(attempt: InstallAttempt, receipt: spool.Receipt) -> InstallAttempt:
    """Install, trying again on fresh connections; the receipt stays on disk until it is done."""
    for pause in _PAUSES:
        if pause:
            time.sleep(pause)
        try:
            finished = install(attempt=attempt, receipt=receipt)
        except (OperationalError, InterfaceError) as error:
            log.warning("install_database_failed", extra=_about(attempt) | {"reason": type(error).__name__})
            connection.close()
        else:
            spool.remove(receipt.attempt)
            return finished
    return attempt


def _about(attempt: InstallAttempt) -> dict[str, object]:
    return {"app": attempt.client_id, "attempt": attempt.support_code, "store": attempt.requested_store_id}
