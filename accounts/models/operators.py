"""Operators' second factor, and every try to sign in to the admin."""

import base64
from typing import Any, ClassVar

from django.db import models
from django.http import HttpRequest
from django_otp.models import Device, ThrottlingMixin
from django_otp.oath import TOTP

from accounts.fields import SecretField
from accounts.models.people import User


class Authenticator(ThrottlingMixin, Device):
    """An app that makes six digits every half minute. Wrong ones make the next try wait: 1, 2, 4, 8 … seconds.

    Unlike the library's own device its seed is encrypted at rest. It is bound to the person, so a seed copied to
    another's row lets nobody in.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    seed = SecretField(bound_to=("user_id",))  # base32, the way authenticator apps take it
    last_t = models.BigIntegerField(default=-1, editable=False)  # no digits count twice
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Authenticator"]] = models.Manager()

    class Meta:
        constraints = [models.UniqueConstraint("user", "confirmed", name="authenticator_once")]

    def get_throttle_factor(self) -> int:
        return 1

    def totp(self) -> TOTP:
        """Return the generator of this moment's digits."""
        return TOTP(base64.b32decode(self.seed))

    def verify_token(self, token: str) -> bool:
        """Tell whether `token` is right now, once. Call it through `django_otp.verify_token`, which locks the row."""
        if not self.verify_is_allowed()[0]:
            return False
        totp, digits = self.totp(), "".join(token.split())
        if not (digits.isascii() and digits.isdecimal() and totp.verify(int(digits), 1, self.last_t + 1)):
            return False
        self.last_t = totp.t()
        self.throttle_reset()
        return True


class RecoveryCode(models.Model):
    """One way in without the authenticator. Only its hash is kept: 80 random bits need no slow one."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes", db_index=False)
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("user", "digest", name="recovery_code_once")]

    def __str__(self) -> str:
        return f"Recovery code of person {self.user_id}"


class OperatorSignIn(models.Model):
    """One try to get into the admin: written before the password is looked at, so that no try goes uncounted."""

    class Outcome(models.TextChoices):
        TRIED = "tried", "Not finished"
        PASSWORD = "password", "Wrong name or password"
        LOCKED = "locked", "Locked out"
        HALF = "half", "Password right, second step awaited"
        CODE = "code", "Wrong code"
        IN = "in", "Signed in"
        RECOVERED = "recovered", "Signed in with a recovery code"
        ENROLLED = "enrolled", "Signed in, second factor set up"
        CONFIRMED = "confirmed", "Confirmed who they are"
        OUT = "out", "Signed out"

    FAILURES: ClassVar = [Outcome.TRIED, Outcome.PASSWORD, Outcome.CODE]
    SUCCESSES: ClassVar = [Outcome.IN, Outcome.RECOVERED, Outcome.ENROLLED, Outcome.CONFIRMED]

    at = models.DateTimeField("when", auto_now_add=True, db_index=True)
    username = models.CharField("name given", max_length=150)  # lower case: how it is spelled unlocks nothing
    person = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    address = models.CharField("from where", max_length=45, blank=True)
    agent = models.CharField("browser", max_length=200, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.TRIED)

    class Meta:
        verbose_name = "sign-in"
        indexes = [models.Index("username", "at", name="operator_sign_in")]

    def __str__(self) -> str:
        return f"{self.username}: {self.get_outcome_display()}"

    @classmethod
    def of(cls, request: HttpRequest, username: str) -> "OperatorSignIn":
        """Begin a row about whoever asks."""
        address, agent = str(request.META.get("REMOTE_ADDR", "")), request.headers.get("User-Agent", "")
        # Written before any form looks at it, and PostgreSQL takes no NUL in a text.
        name = username.lower().replace("\x00", "")
        return cls.objects.create(username=name[:150], address=address[:45], agent=agent.replace("\x00", "")[:200])

    def ended(self, outcome: Outcome, person: Any = None) -> None:
        """Write down what became of this try."""
        self.outcome, self.person = outcome, person or self.person
        self.save(update_fields=["outcome", "person"])
