"""Apps registered with Ecwid."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from accounts import sealing
from accounts.fields import SecretField
from installs import features
from installs.ecwid import oauth

RETRIES_LAST = timedelta(hours=24)  # how long Ecwid tries to deliver an event (contract §7.5)
_ORIGIN = r"https?://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]{1,5})?"


class AppRegistrationQuerySet(models.QuerySet["AppRegistration"]):
    """Query words for registrations."""

    def called(self, client_id: str) -> "AppRegistration | None":
        """Return the app of this client ID, always as it stands now: nothing is cached.

        The statement is written out, because making it anew took more time at every door than asking it.
        """
        rows = self.raw("SELECT * FROM installs_appregistration WHERE client_id = %s", [client_id])
        return next(iter(rows), None)

    def enabled(self) -> Self:
        """Return the apps that merchants may install."""
        return self.filter(enabled=True)


class AppRegistration(models.Model):
    """Our record of an app registered with Ecwid. Live as soon as it is saved."""

    class Kind(models.TextChoices):
        EXTERNAL = "external", "External: merchants work on our site"
        NATIVE = "native", "Native: a page inside the store's admin"
        CUSTOM = "custom", "Custom: one store, tokens pasted"

    client_id = models.CharField(
        "client ID",
        max_length=100,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*$", "Letters, digits, dots, dashes, underscores.")],
        help_text="The app ID on the app's details page at #develop-apps. It never changes.",
    )
    name = models.CharField(max_length=100, help_text="What merchants see.")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.EXTERNAL)
    client_secret = SecretField(bound_to=("client_id",))
    client_secret_set_at = models.DateTimeField(null=True, editable=False)
    previous_client_secret = SecretField(bound_to=("client_id",))
    previous_secret_uses = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    previous_secret_seen_at = models.DateTimeField(null=True, editable=False)
    wanted_scopes = models.JSONField(default=list, blank=True)
    enabled = models.BooleanField(default=True, help_text="A disabled app answers merchants with a plain 404.")
    # They end up in a header that tells browsers whom to trust, so each must be an origin and nothing more.
    admin_origins = models.CharField(
        max_length=1000,
        blank=True,
        validators=[RegexValidator(rf"^{_ORIGIN}( +{_ORIGIN})*\Z", "Origins such as https://admin.example.com.")],
        help_text="Where resellers show this app's native page: the origins of their admins, separated by spaces. "
        "They replace those of ECWID_ADMIN_ORIGINS.",
    )
    payloads_sealed_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when Ecwid is known to seal this app's payloads. Others bring no new token from then on.",
    )
    retention_days = models.PositiveSmallIntegerField(
        default=30,
        validators=[MaxValueValidator(3650)],
        help_text="How long settings are kept after an uninstall, for a merchant who comes back. Then they are erased.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[AppRegistrationQuerySet] = AppRegistrationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["name", "client_id"]
        verbose_name = "app registration"

    def __str__(self) -> str:
        return f"{self.name} ({self.client_id})"

    @property
    def secret_fingerprint(self) -> str:
        """Return eight characters that tell two client secrets apart and give neither away."""
        if not self.client_secret:
            return ""
        return hashlib.sha256(f"{self.client_id}:{self.client_secret}".encode()).hexdigest()[:8]

    def replace_secret(self, secret: str) -> None:
        """Make `secret` the current one; what was current before it still verifies. Does not save."""
        try:
            current = self.client_secret
        except sealing.SealBroken:
            current = ""
        if secret != current:
            self.previous_client_secret, self.client_secret = current, secret
            self.client_secret_set_at = datetime.now(UTC)
            self.previous_secret_uses, self.previous_secret_seen_at = 0, None

    def note_previous(self) -> None:
        """Write down that something came that only the previous client secret verifies."""
        uses = F("previous_secret_uses") + 1
        AppRegistration.objects.filter(pk=self.pk).update(previous_secret_uses=uses, previous_secret_seen_at=Now())

    @property
    def previous_retirable_at(self) -> datetime | None:
        """Return from when on the previous client secret may be forgotten; None when nobody knows of any.

        An event that it signed is sent again for as long as a day, and each of these deliveries counts as a use.
        """
        uses = [moment for moment in (self.client_secret_set_at, self.previous_secret_seen_at) if moment]
        return max(uses) + RETRIES_LAST if uses else None

    @property
    def asked_scopes(self) -> tuple[str, ...]:
        """Return the scopes connect/ asks for: those of the app, and those of its features."""
        wanted = [*self.wanted_scopes, *(scope for feature in features.of(self.client_id) for scope in feature.scopes)]
        return tuple(dict.fromkeys(wanted))

    def frame_ancestors(self) -> list[str]:
        """Return the origins that may show this app's native page in a frame, and no others may."""
        return self.admin_origins.split() or settings.ECWID_ADMIN_ORIGINS

    def secrets(self) -> dict[str, str]:
        """Return the client secrets that may have signed what comes in: the current one, and the one before it."""
        known = {"current": self.client_secret, "previous": self.previous_client_secret}
        return {name: secret for name, secret in known.items() if secret}

    def address(self, door: str) -> str:
        """Return the absolute address of one of this app's doors, such as `return`."""
        return settings.SITE_URL + reverse(door, args=[self.client_id])

    def addresses(self) -> dict[str, str]:
        """Return every address to hand to Ecwid, by Ecwid's name for it (contract §9.1)."""
        return {name: self.address(door) for name, door in ECWID_NAMES.items()}

    def oauth_client(self) -> oauth.Client:
        """Return what the protocol needs to speak for this app."""
        return oauth.Client(
            oauth_url=settings.ECWID_OAUTH_URL,
            client_id=self.client_id,
            client_secret=self.client_secret,
            redirect_uri=self.address("return"),
        )


ECWID_NAMES = {
    "redirectUrl": "return",
    "openAppUrl": "open",
    "webhookUrl": "webhook",
    "iframeUrl": "native",
}
