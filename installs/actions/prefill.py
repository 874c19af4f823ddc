"""Prefill: read the store's profile and the app's subscription from Ecwid and fill the account's settings."""

import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    DateTimeField,
    F,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, NullIf

from accounts import story
from accounts.models import Membership, StoreSettings, User, prepared
from accounts.models.prepared import Given
from installs import counters
from installs.actions import probe
from installs.ecwid import api, errors, profile
from installs.models import Happening, Installation, Prefill

log = logging.getLogger(__name__)

# After each failed try: quick while the merchant is looking, patient afterwards, and then a person's turn.
_DELAYS = [3, 10, 30, 120, 600, 1800, *[3600] * 72]
_PAUSED = timedelta(hours=3)  # 402: the plan or a suspension, which change in hours, not in seconds
_JITTER = 0.2
_PK, _STORE = Given("pk", BigIntegerField()), Given("store", BigIntegerField())


@dataclass(frozen=True)
class Findings:
    """What Ecwid said. `subscription` is "" when it did not tell."""

    facts: profile.StoreFacts
    subscription: str
    at: datetime


def prefill(*, installation_id: int) -> Prefill | None:
    """Fill the settings of an installation's store, if that is due and nobody else is at it.

    Two requests to Ecwid outside any transaction, then one transaction. Returns the row as it was worked on, or
    None when there was nothing to do. Every refusal by Ecwid ends in the row: a retry, or `failed` with a reason.
    """
    work = Prefill.claim(installation_id)
    if work is None:
        return None
    installation = work.installation
    story.about(app=installation.app.client_id, store=installation.store.store_id)
    if not installation.callable:
        work.give_up("disconnected")
        return work
    started = time.monotonic()
    try:
        findings = _ask(installation)
    except errors.EcwidError as error:
        _note(installation, started, type(error).__name__, str(error))
        _record_failure(work, installation, error)
    else:
        _store(work, installation, findings, started)
    return work


def _note(installation: Installation, started: float, outcome: str, detail: str = "") -> None:
    took_ms = round((time.monotonic() - started) * 1000)
    Happening.objects.note(installation, Happening.Kind.PREFILL, outcome, detail=detail, took_ms=took_ms)


def _ask(installation: Installation) -> Findings:
    credentials = installation.credentials()
    asked_at = datetime.now(UTC)
    facts = profile.facts(api.get_profile(credentials))
    try:
        subscription = api.get_application(credentials).status
    except errors.EcwidError as error:
        # The settings are worth having without it; the health probe asks again.
        log.warning("application_status_unknown", extra=_about(installation) | {"reason": str(error)})
        subscription = ""
    return Findings(facts, subscription, asked_at)


def _store(work: Prefill, installation: Installation, findings: Findings, started: float) -> None:
    """Write what was found, unless a newer install or another worker has taken over meanwhile (design rule 7)."""
    with transaction.atomic(durable=True):
        (settings,) = _settings(store=installation.store_id)
        _note(installation, started, "done")
        # The installation's row before the prefill's, as whoever installs and uninstalls locks them.
        _resume(pk=installation.pk, generation=installation.generation, status=findings.subscription)
        if not work.finish(done_at=findings.at):
            transaction.set_rollback(True)
            log.info("prefill_overtaken", extra=_about(installation))
            return
        changed = settings.fill(findings.facts.known(), findings.at)
        settings.save(update_fields=[*changed, "origins", "filled_at"])
        if work.generation > 1 or work.done_at:  # the first reading of all changes nothing anybody knew
            told = list(dict.fromkeys([*work.changed_since, *changed]))
            Prefill.objects.filter(pk=work.pk).update(changed_since=told)
        _introduce_owner(installation, settings)
    if not work.done_at:
        counters.prefilled(installation.app.client_id, (datetime.now(UTC) - installation.installed_at).total_seconds())
    counters.prefill(installation.app.client_id, "done")
    log.info("prefilled", extra=_about(installation) | {"tries": work.tries})


@prepared.Update
def _resume() -> tuple[QuerySet[Installation], dict[str, object]]:
    """Nothing stops us any more; what the subscription is stays where Ecwid did not tell."""
    mine = Installation.objects.filter(pk=_PK, generation=Given("generation", IntegerField()))
    told = NullIf(Given("status", CharField()), Value(""))
    return mine, {"paused_at": None, "subscription_status": Coalesce(told, F("subscription_status"))}


@prepared.Select
def _settings() -> QuerySet[StoreSettings]:
    return StoreSettings.objects.select_for_update().filter(pk=_STORE)


def _introduce_owner(installation: Installation, settings: StoreSettings) -> None:
    """Give the owner a name and a contact e-mail where they have none yet. Neither is ever used to find them."""
    if settings.owner_name or settings.contact_email:
        _introduce(store=installation.store_id, name=settings.owner_name, email=settings.contact_email)


@prepared.Update
def _introduce() -> tuple[QuerySet[User], dict[str, object]]:
    name, email = Given("name", CharField()), Given("email", CharField())
    owners = Membership.objects.filter(store_id=_STORE, role=Membership.Role.OWNER).order_by("pk")
    lacking = User.objects.filter(Q(name="") | Q(email=""), pk=Subquery(owners.values("user")[:1]))
    # An address that the store tells is nobody's proof, whatever was proven before an erasure.
    proven = Case(When(email="", then=None), default=F("email_proven_at"), output_field=DateTimeField())
    return lacking, {
        "name": _unless_known("name", name),
        "email": _unless_known("email", email),
        "email_proven_at": proven,
    }


def _unless_known(column: str, value: Given) -> Case:
    return Case(When(**{column: ""}, then=value), default=F(column), output_field=CharField())


def _record_failure(work: Prefill, installation: Installation, error: errors.EcwidError) -> None:
    match error:
        case errors.TokenDead() if not installation.is_cooling:
            work.give_up("disconnected")
            probe.follow(installation, api.Probe.DEAD)
        case errors.TokenDead():
            # A token that is blocked for its rate answers like a dead one (contract §4.4): wait and see.
            work.retry(_delay(work), "blocked")
        case errors.Paused():
            work.retry(_PAUSED, "paused")
            probe.follow(installation, api.Probe.PAUSED)
        case errors.Unreachable():
            _retry(work, error)
        case _:
            work.give_up(f"refused: {error}")
    counters.prefill(installation.app.client_id, "failed")
    reason = {"reason": f"{type(error).__name__}: {error}", "tries": work.tries}
    log.warning("prefill_failed", extra=_about(installation) | reason)


def _retry(work: Prefill, error: errors.Unreachable) -> None:
    if work.tries > len(_DELAYS):
        work.give_up(f"gave up: {error}")
        return
    asked_for = timedelta(seconds=error.retry_after or 0)
    work.retry(max(asked_for, _delay(work)), str(error))


def _delay(work: Prefill) -> timedelta:
    base = _DELAYS[min(work.tries, len(_DELAYS)) - 1]
    return timedelta(seconds=base * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311  spreads load, no secret


def _about(installation: Installation) -> dict[str, object]:
    return {"app": installation.app.client_id, "store": installation.store.store_id}
