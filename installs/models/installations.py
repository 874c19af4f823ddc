"""Installations: one app on one store."""

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.fields import KeyOf, SecretField
from accounts.models import Store
from installs import features, pace
from installs.ecwid import api, scopes
from installs.ecwid import pace as pacing
from installs.models.registrations import AppRegistration


class InstallationQuerySet(models.QuerySet["Installation"]):
    """Query words for installations."""

    def installed(self) -> Self:
        """Return those that stand now."""
        return self.filter(uninstalled_at=None)

    def callable(self) -> Self:
        """Return those whose token may be used."""
        return self.filter(uninstalled_at=None, token_died_at=None)

    def workable(self) -> Self:
        """Return those for which background work may call Ecwid: no operator holds it back."""
        return self.callable().filter(held_at=None)

    def probe_due(self) -> Self:
        """Return those to be probed now: suspects too, but not what an operator holds back."""
        return self.filter(uninstalled_at=None, held_at=None, probe_due_at__lte=Now())

    def for_lists(self) -> Self:
        """Join what a list shows, so that the number of queries does not grow with the rows."""
        return self.select_related("app", "store__settings", "prefill")


class Installation(models.Model):
    """One app on one store. Each install opens a new generation; what is older changes nothing (design rule 7)."""

    app = models.ForeignKey(AppRegistration, models.PROTECT, related_name="installations", db_index=False)
    store = models.ForeignKey(Store, models.PROTECT, related_name="installations")
    generation = models.PositiveIntegerField(default=1)
    secret_token = SecretField(bound_to=("app_id", "store_id"))
    public_token = SecretField(bound_to=("app_id", "store_id"))
    scopes = models.JSONField("granted scopes", default=list)
    # For lists to filter by: marked at each install, and brought in line with what apps ask for by fleet.mark_gaps.
    gap = models.BooleanField("lacks permissions", default=False, db_default=False, editable=False)
    subscription_status = models.CharField(max_length=20, blank=True)
    installed_at = models.DateTimeField(db_index=True)
    uninstalled_at = models.DateTimeField(null=True, blank=True)
    token_died_at = models.DateTimeField(null=True, blank=True, help_text="When Ecwid stopped taking the token.")
    paused_at = models.DateTimeField(null=True, blank=True, help_text="Since when plan or suspension stop us.")
    held_at = models.DateTimeField(null=True, blank=True, help_text="Since when an operator holds our work back.")
    probed_at = models.DateTimeField(null=True, blank=True)
    probe_due_at = models.DateTimeField(null=True, blank=True)
    erase_due_at = models.DateTimeField(null=True, blank=True, help_text="When personal data goes after an uninstall.")
    erased_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[InstallationQuerySet] = InstallationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint("app", "store", name="installation_once")]
        indexes = [
            models.Index("probe_due_at", name="probe_due", condition=Q(probe_due_at__isnull=False)),
            models.Index("erase_due_at", name="erase_due", condition=Q(erase_due_at__isnull=False)),
            # Which keys are in use must be known at every start, however many rows there are.
            models.Index(KeyOf("secret_token"), name="secret_token_key"),
            models.Index(KeyOf("public_token"), name="public_token_key"),
            # What operators filter by, in the order their list has: few rows among many, or the first of many.
            models.Index("app", "installed_at", name="installed_app"),
            models.Index("subscription_status", "installed_at", name="installed_status"),
            models.Index("installed_at", name="installed_dead", condition=Q(token_died_at__isnull=False)),
            models.Index("installed_at", name="installed_paused", condition=Q(paused_at__isnull=False)),
            models.Index("installed_at", name="installed_gap", condition=Q(gap=True)),
            models.Index("installed_at", name="installed_held", condition=Q(held_at__isnull=False)),
            models.Index("uninstalled_at", name="uninstalled", condition=Q(uninstalled_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.app.client_id} on store {self.store.store_id}"

    @property
    def state(self) -> str:
        """Return "installed" or "uninstalled"."""
        return "uninstalled" if self.uninstalled_at else "installed"

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """Return the scopes the app wants and this store has not granted."""
        return scopes.missing(self.app.wanted_scopes, self.scopes)

    @property
    def lame_features(self) -> list[features.Feature]:
        """Return the features that cannot work with what this store has granted."""
        return [one for one in features.of(self.app.client_id) if not one.works_with(self.scopes)]

    @property
    def reason(self) -> str:
        """Return what is wrong in one word, the worst first; "" when nothing is."""
        troubles = {
            "uninstalled": self.uninstalled_at,
            "disconnected": self.token_died_at,
            "held": self.held_at,
            "paused": self.paused_at,
            "subscription": self.subscription_status == "SUSPENDED",
            "permissions": self.missing_scopes or self.lame_features,
            "prefill": self.prefill.state == "failed",
        }
        return next((name for name, wrong in troubles.items() if wrong), "")

    @property
    def health(self) -> str:
        """Return "ok", "degraded" or "broken"."""
        return self.health_of(self.reason)

    @staticmethod
    def health_of(reason: str) -> str:
        """Return the health that a reason stands for."""
        if not reason:
            return "ok"
        return "broken" if reason in ("uninstalled", "disconnected") else "degraded"

    @property
    def callable(self) -> bool:
        """Tell whether its token may be used at all (design rule 9)."""
        return not (self.uninstalled_at or self.token_died_at)

    @property
    def workable(self) -> bool:
        """Tell whether background work may call Ecwid: its token may be used and no operator holds it back."""
        return self.callable and not self.held_at

    @property
    def is_cooling(self) -> bool:
        """Tell whether Ecwid asked us to be quiet with this token; a refusal then says nothing (contract §4.4)."""
        return pace.shared().cooling(pacing.key_of(self.secret_token)) > 0

    def current(self) -> "models.QuerySet[Installation]":
        """Return this row as long as no newer install has opened another generation (design rule 7)."""
        return Installation.objects.filter(pk=self.pk, generation=self.generation)

    def credentials(self) -> api.Credentials:
        """Return what the protocol needs to speak to Ecwid for this store."""
        return api.Credentials(settings.ECWID_API_URL, self.store.store_id, self.secret_token, pace.shared())
