"""Visits that may install: which code or token came, what it bought, and what the merchant was told."""

import hashlib
import secrets
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import IntegrityError, models
from django.db.models import Q
from django.db.models.functions import Now

from installs.models.installations import Installation
from installs.models.registrations import AppRegistration

CLAIM_LEASE = timedelta(seconds=60)  # an exchange ends within 13 s, its install soon after; later the worker is dead
STATE_LIFE = timedelta(hours=1)
_POLL_SECONDS = 0.1
_USUAL = ("claimed", "installed")
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def digest(text: str) -> str:
    """Return what we keep of a code, a state or a browser's cookie: enough to recognise it, useless to a thief."""
    return hashlib.sha256(text.encode()).hexdigest()


def new_support_code() -> str:
    """Return a code a merchant can read out: ten characters without look-alikes, as XXXXX-XXXXX."""
    chosen = secrets.randbelow(len(_LETTERS) ** 10)  # in one call to the system instead of ten
    letters = "".join(_LETTERS[chosen // len(_LETTERS) ** place % len(_LETTERS)] for place in range(10))
    return f"{letters[:5]}-{letters[5:]}"


class Source(models.TextChoices):
    """Which door an install came through."""

    RETURN = "return", "Return URL"
    NATIVE = "native", "Native page"
    PASTED = "pasted", "Tokens pasted"
    IMPORTED = "imported", "File of installations"


@dataclass(frozen=True)
class Arrival:
    """What came with one visit. `store_id` is None in the older flow of the Return URL (contract §2.2)."""

    code: str = field(default="", repr=False)
    store_id: int | None = None
    trusted: bool = False  # the browser shows that it comes from the store's own admin (design rule 5)
    source: Source = Source.RETURN


class InstallAttemptQuerySet(models.QuerySet["InstallAttempt"]):
    """Query words for attempts."""

    def claim(self, app: AppRegistration, arrival: Arrival) -> tuple["InstallAttempt", bool]:
        """Claim the code of `arrival`, committed before any call. Return the attempt and whether it is ours.

        The unique (app, code) is the lock: of any number of visits with one code, one wins (design rule 1).
        """
        code_hash = digest(f"{app.client_id}:{arrival.code}")
        try:
            return self.record(app, arrival, code_hash=code_hash), True
        except IntegrityError:
            return self.get(app=app, code_hash=code_hash), False

    def record(self, app: AppRegistration | None, arrival: Arrival, **fields: Any) -> "InstallAttempt":
        """Write down one visit."""
        return self.create(
            app=app,
            client_id=app.client_id if app else "",
            requested_store_id=arrival.store_id,
            trusted=arrival.trusted,
            source=arrival.source,
            **fields,
        )

    def abandoned(self) -> "InstallAttemptQuerySet":
        """Return claims whose worker must have died: the lease is over and nothing came of them."""
        return self.filter(outcome=InstallAttempt.Outcome.CLAIMED, arrived_at__lt=Now() - CLAIM_LEASE)


class InstallAttempt(models.Model):
    """One visit that may install. Any support code shown to a merchant leads here."""

    class Outcome(models.TextChoices):
        CLAIMED = "claimed", "In progress"
        INSTALLED = "installed", "Installed"
        UNKNOWN_APP = "unknown_app", "No such app"
        APP_DISABLED = "app_disabled", "App is disabled"
        REFUSED = "refused", "Refused by the merchant"
        NO_CODE = "no_code", "Came without a code"
        CODE_REJECTED = "code_rejected", "Code rejected or expired"
        SECRET_WRONG = "secret_wrong", "Client secret is wrong"
        UNREACHABLE = "unreachable", "Ecwid unreachable, nothing sent"
        THROTTLED = "throttled", "Ecwid asked us to slow down"
        REPLY_LOST = "reply_lost", "Reply lost, result unknown"
        REPLY_MALFORMED = "reply_malformed", "Reply malformed, result unknown"
        WORKER_LOST = "worker_lost", "Interrupted, result unknown"
        STORE_MISMATCH = "store_mismatch", "Code belongs to another store"
        SUPERSEDED = "superseded", "A newer install won"

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    support_code = models.CharField(max_length=11, unique=True, default=new_support_code, editable=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, related_name="attempts", db_index=False)
    client_id = models.CharField("client ID", max_length=100, blank=True)
    source = models.CharField("came through", max_length=10, choices=Source, default=Source.RETURN)
    code_hash = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001  NULLs are not equal
    requested_store_id = models.BigIntegerField("store ID", null=True)
    trusted = models.BooleanField("came from the admin", default=False)
    outcome = models.CharField(max_length=20, choices=Outcome, default=Outcome.CLAIMED)
    detail = models.CharField(max_length=300, blank=True, help_text="What went wrong, without secrets.")
    installation = models.ForeignKey(Installation, models.SET_NULL, null=True, related_name="attempts")
    generation = models.PositiveIntegerField(null=True)
    arrived_at = models.DateTimeField(db_default=Now())
    exchanged_at = models.DateTimeField(null=True)
    exchange_ms = models.PositiveIntegerField("exchange, ms", null=True)
    finished_at = models.DateTimeField(null=True)
    signed_in_at = models.DateTimeField(null=True)

    objects: ClassVar[InstallAttemptQuerySet] = InstallAttemptQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "visit"
        constraints = [models.UniqueConstraint("app", "code_hash", name="code_claimed_once")]
        indexes = [
            models.Index("arrived_at", name="attempt_arrived"),
            # The sweep looks for these every few seconds, among all visits there ever were.
            models.Index("arrived_at", name="attempt_claimed", condition=Q(outcome="claimed")),
            models.Index("arrived_at", name="attempt_ended", condition=Q(installation=None)),  # prune, batch by batch
            # Endings and ways that are rare. The usual visit, whose end is written once, has an entry in neither.
            models.Index("outcome", "arrived_at", name="attempt_outcome", condition=~Q(outcome__in=_USUAL)),
            models.Index("source", "arrived_at", name="attempt_source", condition=~Q(source="return")),
            models.Index("app", "arrived_at", name="attempt_app_arrived"),  # how an app's last visits ended
            models.Index("requested_store_id", name="attempt_store"),
        ]

    def __str__(self) -> str:
        return self.support_code

    def fail(self, outcome: str, detail: str = "") -> None:
        """Write down how it ended. The code stays claimed for ever, so it can never be exchanged again."""
        rows = InstallAttempt.objects.filter(pk=self.pk, installation=None)
        rows.update(outcome=outcome, detail=detail[:300], finished_at=Now())
        self.outcome, self.detail = outcome, detail[:300]

    def release(self, detail: str) -> None:
        """Give the code back: nothing was sent, so the merchant's refresh may try it again (design rule 2)."""
        rows = InstallAttempt.objects.filter(pk=self.pk)
        rows.update(code_hash=None, outcome=self.Outcome.UNREACHABLE, detail=detail[:300], finished_at=Now())
        self.outcome, self.detail, self.code_hash = self.Outcome.UNREACHABLE, detail[:300], None

    def finished_within(self, span: timedelta) -> bool:
        """Tell whether this ended no longer than `span` ago."""
        return self.finished_at is not None and datetime.now(UTC) - self.finished_at < span

    def wait(self, patience: float) -> None:
        """Wait up to `patience` seconds until whoever claimed this code knows how it ended."""
        deadline = time.monotonic() + patience
        while self.outcome == self.Outcome.CLAIMED and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            self.refresh_from_db()


class ConnectStateQuerySet(models.QuerySet["ConnectState"]):
    """Query words for states."""

    def redeem(self, app: AppRegistration, state: str, *, browser: str, code: str) -> bool:
        """Use up `state`. True when we issued it to this browser, for this app, and no other code used it.

        The same code may come again: a refresh is not a second use.
        """
        code_hash = digest(f"{app.client_id}:{code}")
        rows = self.filter(app=app, state_hash=digest(state), browser_hash=digest(browser))
        fresh = rows.filter(Q(code_hash=None) | Q(code_hash=code_hash), created_at__gt=Now() - STATE_LIFE)
        return bool(fresh.update(code_hash=code_hash))


class ConnectState(models.Model):
    """A one-time OAuth `state`, bound to the browser it was given to."""

    app = models.ForeignKey(AppRegistration, models.CASCADE)
    state_hash = models.CharField(max_length=64, unique=True)
    browser_hash = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64, null=True)  # noqa: DJ001  null until used
    created_at = models.DateTimeField(db_default=Now(), db_index=True)

    objects: ClassVar[ConnectStateQuerySet] = ConnectStateQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"State of {self.app_id} at {self.created_at:%F %T}"

    @classmethod
    def issue(cls, app: AppRegistration, browser: str) -> str:
        """Make a state for `browser` and return it; only its hash is kept."""
        state = secrets.token_urlsafe(32)
        cls.objects.create(app=app, state_hash=digest(state), browser_hash=digest(browser))
        return state
