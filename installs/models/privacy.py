"""Privacy: requests about personal data, and receipts for what was erased."""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from installs.models.events import WebhookEvent
from installs.models.installations import Installation

DEADLINE = timedelta(days=30)


class PrivacyRequestQuerySet(models.QuerySet["PrivacyRequest"]):
    """Query words for requests."""

    def open(self) -> "PrivacyRequestQuerySet":
        """Return the requests that still wait for somebody."""
        return self.filter(closed_at=None)


class PrivacyRequest(models.Model):
    """Somebody asks for their data, or to be forgotten. An operator answers before the deadline."""

    class Kind(models.TextChoices):
        OWNER_EXPORT = "profile.personaldataexportrequest", "Store owner wants their data"
        OWNER_REMOVAL = "profile.personaldataremovalrequest", "Store owner wants to be forgotten"
        CUSTOMER_EXPORT = "customer.personaldataexportrequest", "A customer wants their data"
        CUSTOMER_REMOVAL = "customer.personaldataremovalrequest", "A customer wants to be forgotten"

    kind = models.CharField(max_length=50, choices=Kind)
    installation = models.ForeignKey(Installation, models.CASCADE, related_name="privacy_requests")
    event = models.OneToOneField(WebhookEvent, models.SET_NULL, null=True)
    subject = models.CharField(max_length=255, blank=True, help_text="Whom it concerns, as far as Ecwid says.")
    opened_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[PrivacyRequestQuerySet] = PrivacyRequestQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.installation_id})"


class Erasure(models.Model):
    """The receipt of an erasure: what was removed and when, holding nothing of what it was."""

    store_id = models.BigIntegerField("store ID")
    client_id = models.CharField("client ID", max_length=100)
    reason = models.CharField(max_length=50)
    counts = models.JSONField(default=dict, help_text="How many values of each kind were removed.")
    at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"Erasure of store {self.store_id} at {self.at:%F %T}"
