"""Adopt: take an installation over by tokens that somebody brought, pasted or in a file. No code was exchanged here.

The same `install` does it as at the Return URL, so store, owner, generation and prefill come about in the same way.
"""

import hmac
import logging
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from installs import pace
from installs.actions import probe
from installs.actions.install import install
from installs.ecwid import api, oauth
from installs.models import AppRegistration, Arrival, Installation, InstallAttempt, Source
from installs.spool import Receipt

log = logging.getLogger(__name__)

_SOON = timedelta(minutes=2)


def look(grant: oauth.Grant) -> api.Probe:
    """Ask Ecwid whether a token works for its store. One request; touches no row."""
    return api.probe(api.Credentials(settings.ECWID_API_URL, grant.store_id, grant.secret_token, pace.shared()))


def known(*, app: AppRegistration, store_id: int) -> Installation | None:
    """Return the installation of an app on a store, if it was ever there."""
    rows = Installation.objects.select_related("app", "store", "prefill")
    return rows.filter(app=app, store__store_id=store_id).first()


def holds(installation: Installation, grant: oauth.Grant) -> bool:
    """Tell whether this very token is the one we hold, and use."""
    same = hmac.compare_digest(installation.secret_token.encode(), grant.secret_token.encode())
    return same and installation.callable


def adopt(*, app: AppRegistration, grant: oauth.Grant, source: Source, verdict: api.Probe) -> Installation:
    """Open a generation with these tokens and let it follow the `verdict` of the look that was taken at them.

    A token that nobody could judge just now is probed again soon. The one we hold already opens nothing new. Makes no
    request; may be repeated.
    """
    installation = known(app=app, store_id=grant.store_id)
    if installation is None or not holds(installation, grant):
        _install(app, grant, source, replaces=installation.generation if installation else 0)
        installation = known(app=app, store_id=grant.store_id)
        assert installation is not None  # noqa: S101  just made; for the type checker
    if verdict in (api.Probe.UNKNOWN, api.Probe.BLOCKED):
        installation.current().update(probed_at=None, probe_due_at=Now() + _SOON)
    else:
        probe.follow(installation, verdict)
    log.info("adopted", extra={"app": app.client_id, "store": grant.store_id, "verdict": verdict.value})
    return installation


def _install(app: AppRegistration, grant: oauth.Grant, source: Source, *, replaces: int) -> InstallAttempt:
    # The claim names what is replaced, so that of two at once one counts, and a repeated one does not count again.
    arrival = Arrival(f"{source}:{grant.store_id}:{replaces}:{grant.secret_token}", grant.store_id, source=source)
    attempt, _ = InstallAttempt.objects.claim(app, arrival)
    return install(attempt=attempt, receipt=Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=0))
