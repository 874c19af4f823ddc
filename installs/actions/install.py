"""Install: from what a code bought to an account. One transaction, no network; may be repeated at any time."""

import logging
from datetime import UTC, datetime

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import Membership, Store, StoreSettings, User
from installs import counters
from installs.actions.probe import EVERY, spread
from installs.ecwid import scopes
from installs.models import Installation, InstallAttempt, Prefill
from installs.spool import Receipt

log = logging.getLogger(__name__)


class _DoneBefore(Exception):
    """Another worker has finished this attempt meanwhile; what was done here is rolled back."""


def install(*, attempt: InstallAttempt, receipt: Receipt, replaces: int | None = None) -> InstallAttempt:
    """Turn a receipt into store, installation, person and membership, and return the finished attempt.

    Repeating it changes nothing. A receipt older than the installation it would replace is set aside: the newer
    install has replaced its token (contract §2.6). Who knows which generation the receipt `replaces` says so: it is
    older, then, than any other. Identity is the store id that the exchange returned, never an e-mail (design rule 4).
    """
    try:
        with transaction.atomic(durable=True):
            _install(attempt, receipt, replaces)
    except _DoneBefore:
        return InstallAttempt.objects.select_related("app", "installation__store").get(pk=attempt.pk)
    counters.install(attempt.client_id, attempt.outcome)
    return attempt


def _install(attempt: InstallAttempt, receipt: Receipt, replaces: int | None) -> None:
    assert attempt.app is not None  # noqa: S101  a claim has an app; for the type checker
    store, created = _store(receipt)
    known = None if created else Installation.objects.filter(app=attempt.app, store=store).first()
    if known and _is_newer(known, attempt, replaces):
        _finish(attempt, known, receipt, InstallAttempt.Outcome.SUPERSEDED)
        return
    installation = known or Installation(app=attempt.app, generation=0)
    installation.store = store
    _open_generation(installation, attempt, receipt)
    _finish(attempt, installation, receipt, InstallAttempt.Outcome.INSTALLED)
    log.info(
        "installed",
        extra={
            "app": attempt.client_id,
            "store": store.store_id,
            "generation": installation.generation,
            "attempt": attempt.support_code,
            "missing_scopes": list(installation.missing_scopes),
        },
    )


def _is_newer(known: Installation, attempt: InstallAttempt, replaces: int | None) -> bool:
    """Tell whether the token we hold is newer than the attempt's. One that cannot be used is in nobody's way.

    Claims are ordered by the database's clock: on a host whose own is ahead, an install would win over all that come
    in that time, and over the living token.
    """
    if not known.callable:
        return False
    return known.installed_at > attempt.arrived_at if replaces is None else known.generation != replaces


def _store(receipt: Receipt) -> tuple[Store, bool]:
    """Return the store and whether it is new, locked so that its installs come one after the other. It has an owner."""
    stores = Store.objects.select_for_update()
    store, created = stores.get_or_create(store_id=receipt.grant.store_id)
    if created:
        StoreSettings.objects.create(store=store)
    if created or not store.memberships.filter(role=Membership.Role.OWNER).exists():
        owner = User.objects.create_merchant(email=receipt.grant.email)
        Membership.objects.create(user=owner, store=store, role=Membership.Role.OWNER)
        store.owner = owner
    return store, created


def _open_generation(installation: Installation, attempt: InstallAttempt, receipt: Receipt) -> None:
    """Open the next generation: new tokens, new scopes, and a prefill that is due now."""
    opened: dict[str, object] = {
        "generation": installation.generation + 1,
        "secret_token": receipt.grant.secret_token,
        "public_token": receipt.grant.public_token,
        "scopes": list(receipt.grant.scopes),
        "gap": bool(scopes.missing(installation.app.asked_scopes, receipt.grant.scopes)),
        "installed_at": attempt.arrived_at,
        "probed_at": attempt.arrived_at,
        "probe_due_at": attempt.arrived_at + spread(EVERY),
        **dict.fromkeys(("uninstalled_at", "token_died_at", "paused_at", "erase_due_at", "erased_at")),
    }
    for name, value in opened.items():
        setattr(installation, name, value)
    first = installation.generation == 1
    # Nothing but this: what else stands in the row, an operator may be writing just now.
    installation.save(force_insert=first, update_fields=None if first else opened)
    # By the database's clock: on a host whose own is ahead, the merchant would wait for as long as that.
    prefill = Prefill(installation=installation, generation=installation.generation, due_at=Now())
    prefill.save(force_insert=first)


def _finish(
    attempt: InstallAttempt, installation: Installation, receipt: Receipt, outcome: InstallAttempt.Outcome
) -> None:
    """Write down how it ended, if nobody else has (the compare-and-set that makes `install` repeatable)."""
    end = {
        "installation": installation,
        "generation": installation.generation,
        "outcome": outcome,
        "exchanged_at": receipt.exchanged_at,
        "exchange_ms": receipt.exchange_ms,
        "finished_at": datetime.now(UTC),
        "detail": "",
    }
    if not InstallAttempt.objects.filter(pk=attempt.pk, installation=None).update(**end):
        raise _DoneBefore
    for name, value in end.items():
        setattr(attempt, name, value)
