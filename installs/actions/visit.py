"""Visit: believe one opening of the native page, or not. The first opening that is believed installs.

A payload proves nothing by being readable: whoever has one can flip bits of its IV and so name another store, and
the fragment is not even encrypted (contract §8.1, §8.3). Its token proves itself, and for that one store only.

What Ecwid confirms is that a token works for a store, not which app it was issued to. Other apps hold tokens of the
same store, and everybody who looks at a storefront holds a public one. Only who knows the client secret can seal a
payload, so a sealed one says whose token it is; a fragment does not. Hence a fragment never replaces a token that
works, and counts for no more than the token we hold once the app is known to get sealed payloads.
"""

import hmac
import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from accounts import story
from accounts.models import Bucket
from installs import pace
from installs.actions import probe
from installs.actions.install import install
from installs.ecwid import api, errors, native, oauth, values
from installs.models import AppRegistration, Arrival, Installation, InstallAttempt, Source
from installs.models.attempts import digest
from installs.spool import Receipt

log = logging.getLogger(__name__)

_FAILURES = 20
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_PUBLIC = "public_"  # what a storefront shows to everybody (contract §2.6)


@dataclass(frozen=True)
class Opening:
    """One opening of the page. `sealed`: it came encrypted. `client` is the address of whoever opened it."""

    visit: native.Visit = field(repr=False)
    sealed: bool
    client: str


@dataclass(frozen=True)
class Admission:
    """Whom an opening lets in. `changed` says that the installation came, or came back, to life just now."""

    installation: Installation
    changed: bool


@dataclass(frozen=True)
class _Proof:
    """When a token answered for its store, and how long that took."""

    at: datetime
    took_ms: int


def read_payload(*, app: AppRegistration, payload: str) -> native.Visit:
    """Decrypt the `payload` of the address with the app's current client secret, or with the one before it.

    :raises errors.Forged: for every failure alike
    """
    for name, secret in app.secrets().items():
        try:
            visit = native.open_payload(payload, secret)
        except errors.Forged:
            continue
        if name == "previous":
            app.note_previous()
        return visit
    raise errors.Forged


def admit(*, app: AppRegistration, opening: Opening) -> Admission:
    """Return the installation that an opening is about, once its token has proved itself for that store.

    The token we hold needs no further proof. Any other is shown to Ecwid, outside any transaction, but not if it was
    refused within the last minute or its `client` has failed too often: Ecwid punishes our address for tokens that
    do not work (contract §4.3). What Ecwid confirms is installed, or heals what we took for dead.
    Source: contract §8.3, design rules 3, 4, 7, 9

    :raises EcwidError: when it does not prove itself, or nobody can tell just now
    """
    admission = _admit(app, opening)
    if opening.sealed and not app.payloads_sealed_at:
        AppRegistration.objects.filter(pk=app.pk).update(payloads_sealed_at=Now())
    return admission


def note_failure(*, client: str) -> None:
    """Count an opening by `client` that was not believed."""
    Bucket.take("native failures", client, size=_FAILURES, refill=_HOUR)


def _admit(app: AppRegistration, opening: Opening) -> Admission:
    known = _installation(app, opening.visit.store_id)
    held = known is not None and _holds(known, opening.visit)
    if known and held and known.callable:
        return Admission(known, changed=False)
    _require_a_chance(app, opening)
    if not (held or opening.sealed):
        _require_none_better(app, known)
    proof = _prove(app, opening.visit)
    if known and held:
        probe.follow(known, api.Probe.ALIVE)
    else:
        _install(app, opening.visit, proof, replaces=known.generation if known else 0)
    opened = _installation(app, opening.visit.store_id)
    if opened is None or not opened.callable:  # uninstalled in this very moment
        raise errors.Forged
    return Admission(opened, changed=True)


def _installation(app: AppRegistration, store_id: int) -> Installation | None:
    rows = Installation.objects.select_related("app", "store__settings", "prefill")
    return rows.filter(app=app, store__store_id=store_id).first()


def _holds(known: Installation, visit: native.Visit) -> bool:
    # In constant time: the answer's delay must not tell how much of a guess is right. A wiped token is "", which no
    # visit brings.
    return hmac.compare_digest(known.secret_token.encode(), visit.secret_token.encode())


def _require_a_chance(app: AppRegistration, opening: Opening) -> None:
    """Refuse what Ecwid need not be asked about.

    :raises errors.Forged: when so
    """
    if Bucket.is_empty("native token", _subject(app, opening.visit), size=1, refill=_MINUTE):
        raise errors.Forged
    if Bucket.is_empty("native failures", opening.client, size=_FAILURES, refill=_HOUR):
        log.warning("native_client_failed_too_often", extra={"app": app.client_id})
        raise errors.Forged


def _require_none_better(app: AppRegistration, known: Installation | None) -> None:
    """Refuse a stranger's token in a fragment, unless it is the only one that may be ours: nothing says whose it is.

    :raises errors.Forged: when the app gets sealed payloads, or the token we hold works, or nobody can tell
    """
    if app.payloads_sealed_at:
        raise errors.Forged
    if known and known.callable:
        verdict = api.probe(known.credentials())
        probe.follow(known, verdict)
        if verdict is not api.Probe.DEAD:
            raise errors.Forged


def _prove(app: AppRegistration, visit: native.Visit) -> _Proof:
    at, started = datetime.now(UTC), time.monotonic()
    try:
        _ask(visit)
    except (errors.Unreachable, errors.Paused):
        raise  # says nothing against the token
    except errors.EcwidError:
        Bucket.take("native token", _subject(app, visit), size=1, refill=_MINUTE)
        raise
    return _Proof(at, round((time.monotonic() - started) * 1000))


def _ask(visit: native.Visit) -> None:
    """Have Ecwid say that the token is a secret one and answers for the store; any refusal, a scope's too, is none.

    A public token reads the profile as well, but no subscription (contract §3, §5.3).
    """
    if visit.secret_token.startswith(_PUBLIC):
        raise errors.Forged
    credentials = api.Credentials(settings.ECWID_API_URL, visit.store_id, visit.secret_token, pace.shared())
    profile = api.get(credentials, "/profile", {"responseFields": "generalInfo(storeId)"})
    general = profile.get("generalInfo") if isinstance(profile, dict) else None
    if not isinstance(general, dict) or values.store_id(general.get("storeId")) != visit.store_id:
        raise errors.Forged
    api.get_application(credentials)


def _install(app: AppRegistration, visit: native.Visit, proof: _Proof, *, replaces: int) -> InstallAttempt:
    """Open the generation after `replaces` with this visit's tokens, once however many openings come together.

    All of them claim one attempt, and `install` lets one of them count: it may be repeated, also where a worker
    died in the middle. The payload lists no scopes. A token we do not hold comes from a fresh install, and that
    grants what the app's record asks for (contract §2.7), so this is what we take for granted; where it is too
    much, Ecwid says so and the feature goes without.
    """
    replaced = f"native:{visit.store_id}:{replaces}:{visit.secret_token}"
    attempt, _ = InstallAttempt.objects.claim(app, Arrival(replaced, visit.store_id, source=Source.NATIVE))
    grant = oauth.Grant(visit.store_id, visit.secret_token, visit.public_token, tuple(app.wanted_scopes), email="")
    story.about(app=app.client_id, store=visit.store_id, attempt=attempt.support_code)
    receipt = Receipt(attempt.uid, grant, proof.at, proof.took_ms)
    # The claim is younger than the proof: an install in between has replaced the token that was good then.
    return install(attempt=attempt, receipt=receipt, replaces=replaces)


def _subject(app: AppRegistration, visit: native.Visit) -> str:
    return digest(f"{app.client_id}:{visit.store_id}:{visit.secret_token}")
