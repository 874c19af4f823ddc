"""Uninstall: what is done once Ecwid no longer takes the token, and what a later erasure removes."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Session
from installs.models import Happening, Installation, Leased, Prefill

log = logging.getLogger(__name__)


def suspect(*, installation: Installation, at: datetime, confirm_after: timedelta) -> bool:
    """Stop everything that would use a token Ecwid has refused, until one more probe after a while tells.

    Settings and sessions stay: the refusal may have been a mistake, or the merchant only has to reconnect.
    """
    with transaction.atomic(durable=True):
        changed = installation.current().filter(token_died_at=None, uninstalled_at=None)
        if not changed.update(token_died_at=at, probed_at=at, probe_due_at=Now() + confirm_after):
            return False
        _stop_work(installation)
    log.error("token_refused", extra=_about(installation))
    return True


def close(*, installation: Installation, at: datetime) -> bool:
    """Close an installation whose uninstall Ecwid has confirmed. False when a newer generation stands.

    Tokens are wiped, its work stops, people who hold no other connected store are signed out, and the settings wait
    until the app's retention is over, for a merchant who comes back.
    """
    with transaction.atomic(durable=True):
        due = at + timedelta(days=installation.app.retention_days)
        wiped = {"secret_token": "", "public_token": "", "probe_due_at": None, "erase_due_at": due}
        changed = installation.current().filter(uninstalled_at=None)
        if not changed.update(uninstalled_at=at, **wiped):
            return False
        Happening.objects.note(installation, Happening.Kind.UNINSTALLED, "")
        _stop_work(installation)
        _end_sessions(installation)
    log.info("uninstalled", extra=_about(installation))
    return True


def _stop_work(installation: Installation) -> None:
    unfinished = Prefill.objects.filter(pk=installation.pk, generation=installation.generation)
    unfinished.exclude(state=Leased.State.DONE).update(
        state=Leased.State.FAILED, error="disconnected", lease_until=None, lease_by=None
    )


def _end_sessions(installation: Installation) -> None:
    """Sign out the people of this store who hold no other connected one, and who came in through its admin."""
    connected = Installation.objects.installed().values("store")
    Session.objects.filter(store=installation.store).exclude(store__in=connected).delete()
    people = installation.store.memberships.values("user")
    elsewhere = Session.objects.filter(user__in=people, user__memberships__store__in=connected).values("pk")
    Session.objects.filter(user__in=people).exclude(pk__in=elsewhere).delete()


def _about(installation: Installation) -> dict[str, object]:
    about = {"app": installation.app.client_id, "store": installation.store.store_id}
    return about | {"generation": installation.generation}
