"""Disconnect: remove the app from the store at Ecwid, because an owner says so here, and believe it once it is so.

Nothing is done by halves: our side is closed when a probe finds the token dead, and stays as it is until then.
"""

import logging
from datetime import UTC, datetime, timedelta
from enum import Enum

from django.db.models.functions import Now

from installs.actions import uninstall
from installs.ecwid import api, errors
from installs.models import Installation

log = logging.getLogger(__name__)

SCOPE = "update_store_profile"  # without it an app cannot remove itself (contract §2.6)
_SOON = timedelta(minutes=1)


class Outcome(Enum):
    """How it ended, and what the merchant can do."""

    REMOVED = "removed"
    BY_HAND = "by hand"  # Ecwid does not let the app do it: the merchant removes it in the store's admin
    NOT_NOW = "not now"  # nobody answered, or not in time; nothing has changed, and it may be repeated
    UNCONFIRMED = "unconfirmed"  # asked for, and not seen yet; the probe that is due soon will tell


def disconnect(*, installation: Installation) -> Outcome:
    """Uninstall the app from the store, and close the installation once its token is dead.

    At most two requests, outside any transaction: the removal, which may be repeated safely, and one probe
    (contract §2.6, §4.5). A token that is already known to be dead is not used again (design rule 9).
    """
    if not installation.callable:
        return Outcome.REMOVED if installation.uninstalled_at else Outcome.BY_HAND
    if SCOPE not in installation.scopes:
        return Outcome.BY_HAND
    credentials = installation.credentials()
    try:
        api.cancel_application(credentials, installation.app.client_id)
        failure = None
    except errors.EcwidError as error:
        failure = error
    outcome = _refused(failure) or _look(installation, credentials, asked=failure is None)
    about = {"app": installation.app.client_id, "store": installation.store.store_id}
    reason = f"{type(failure).__name__}: {failure}" if failure else ""
    log.info("disconnect", extra=about | {"outcome": outcome.value, "reason": reason})
    return outcome


def _refused(failure: errors.EcwidError | None) -> Outcome | None:
    """Return how it ended where Ecwid's answer says that nothing was removed; None where only a look can tell."""
    match failure:
        case errors.Unreachable(sent=False):
            return Outcome.NOT_NOW
        case errors.ScopeMissing() | errors.FeatureMissing() | errors.Paused():
            return Outcome.BY_HAND
        case errors.NotFound() | errors.Unreachable() | errors.TokenDead() | None:
            return None  # removed before, or the answer was lost on its way to us; a 429 holds the look back, too
        case _:
            return Outcome.BY_HAND


def _look(installation: Installation, credentials: api.Credentials, *, asked: bool) -> Outcome:
    """Ask what has become of the token, and close the installation when it is dead."""
    verdict = api.probe(credentials)
    if verdict is api.Probe.DEAD:
        uninstall.close(installation=installation, at=datetime.now(UTC))
        installation.refresh_from_db()  # somebody may have connected anew, or closed it first
        return Outcome.REMOVED if installation.uninstalled_at else Outcome.UNCONFIRMED
    installation.current().filter(uninstalled_at=None).update(probe_due_at=Now() + _SOON)
    return Outcome.UNCONFIRMED if asked else Outcome.NOT_NOW
