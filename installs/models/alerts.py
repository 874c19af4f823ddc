"""Alerts: what is wrong and since when, by which rule, and who was told."""

import re
import uuid
from dataclasses import dataclass
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, validate_email
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.fields import SecretField
from accounts.models.leases import Leased, LeasedQuerySet

# What we say may name stores: it crosses no network in clear, and an address brings no credentials along.
_SAFE = re.compile(
    r"https://[^\s/?#@]+([/?][^\s#]*)?|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?([/?][^\s#]*)?"
)


class Rule(models.TextChoices):
    """What is watched. The runbook has an entry for each."""

    SECRET_WRONG = "client_secret_wrong", "Client secret is wrong"
    EXCHANGES_FAIL = "exchanges_fail", "Exchanges fail"
    INSTALL_UNFINISHED = "install_unfinished", "An install never came to us"
    WEBHOOKS_SILENT = "webhooks_silent", "No webhooks come"
    WEBHOOKS_REFUSED = "webhooks_refused", "Webhooks are refused"
    DEAD_LETTERS = "dead_letters", "Events failed for good"
    QUEUE_OLD = "queue_old", "Work waits too long"
    HEALTH_DROP = "health_drop", "Stores drop away"
    SPOOL_FULL = "spool_waiting", "Grants wait on disk"
    PRIVACY_DUE = "privacy_due", "A privacy deadline is near"
    TEST = "test", "A test"


@dataclass(frozen=True)
class Threshold:
    """From which value on a rule raises an alarm, unless an operator says otherwise, and in which unit."""

    value: int
    unit: str


THRESHOLDS: dict[Rule, Threshold] = {
    Rule.SECRET_WRONG: Threshold(1, "refused exchanges since the last good one"),
    Rule.EXCHANGES_FAIL: Threshold(20, "percent of the last 15 minutes' exchanges, five of them or more"),
    Rule.INSTALL_UNFINISHED: Threshold(10, "minutes after Ecwid told us of it"),
    Rule.WEBHOOKS_SILENT: Threshold(24, "hours"),
    Rule.WEBHOOKS_REFUSED: Threshold(3, "refused within an hour in which none was believed"),
    Rule.DEAD_LETTERS: Threshold(1, "events"),
    Rule.QUEUE_OLD: Threshold(10, "minutes"),
    Rule.HEALTH_DROP: Threshold(10, "percent of an app's stores within a day, five of them or more"),
    Rule.SPOOL_FULL: Threshold(60, "seconds"),
    Rule.PRIVACY_DUE: Threshold(7, "days before the deadline"),
}


class AlertRuleQuerySet(models.QuerySet["AlertRule"]):
    """Query words for rules."""

    def complete(self) -> Self:
        """Return one row a rule, those added that a newer version brought along."""
        missing = set(THRESHOLDS) - set(self.values_list("rule", flat=True))
        self.bulk_create([AlertRule(rule=rule) for rule in sorted(missing)], ignore_conflicts=True)
        return self.all()

    def thresholds(self) -> dict[Rule, int]:
        """Return from which value on each rule raises an alarm; rules that are switched off are left out."""
        limits = {rule: threshold.value for rule, threshold in THRESHOLDS.items()}
        for row in self.exclude(enabled=True, threshold=None):
            if row.enabled:
                limits[Rule(row.rule)] = row.limit
            else:
                limits.pop(Rule(row.rule), None)
        return limits


class AlertRule(models.Model):
    """What an operator changed about a rule."""

    rule = models.CharField(max_length=30, unique=True, choices=Rule, editable=False)
    enabled = models.BooleanField(default=True)
    threshold = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: the value that comes with it."
    )

    objects: ClassVar[AlertRuleQuerySet] = AlertRuleQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["rule"]

    def __str__(self) -> str:
        return self.get_rule_display()

    @property
    def limit(self) -> int:
        """Return the value from which on it raises an alarm."""
        return THRESHOLDS[Rule(self.rule)].value if self.threshold is None else self.threshold


class AlertReceiver(models.Model):
    """Whom to tell: an operator by mail, or an address of the operators' by a signed webhook."""

    class Kind(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Signed webhook"

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.MAIL)
    address = models.CharField(max_length=500, unique=True, help_text="An e-mail address, or https://….")
    secret = SecretField(bound_to=("uid",))
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind", "address"]

    def __str__(self) -> str:
        return self.address

    def clean(self) -> None:
        """Refuse an address that nothing can be sent to safely."""
        if self.kind == self.Kind.MAIL:
            validate_email(self.address)
        elif not _SAFE.fullmatch(self.address):
            raise ValidationError({"address": "An https:// address, or http:// on this machine only."})


class AlertQuerySet(models.QuerySet["Alert"]):
    """Query words for alerts."""

    def open(self) -> Self:
        """Return those that stand."""
        return self.filter(resolved_at=None)


class Alert(models.Model):
    """Something is wrong with one subject by one rule; at most one of them is open at a time."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    rule = models.CharField(max_length=30, choices=Rule)
    subject = models.CharField(max_length=100, blank=True, help_text="An app, a queue, or nothing for all of it.")
    text = models.CharField(max_length=300, help_text="What was seen last.")
    opened_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[AlertQuerySet] = AlertQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint("rule", "subject", condition=Q(resolved_at=None), name="alert_open_once"),
        ]
        indexes = [models.Index("opened_at", name="alert_opened")]

    def __str__(self) -> str:
        return f"{self.get_rule_display()}: {self.subject}" if self.subject else self.get_rule_display()


class AlertDelivery(Leased):
    """One receiver to be told of one turn of an alert. The row is the queue."""

    class Turn(models.TextChoices):
        OPENED = "opened", "Opened"
        RESOLVED = "resolved", "Resolved"

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="deliveries", db_index=False)
    receiver = models.ForeignKey(AlertReceiver, models.CASCADE, related_name="deliveries")
    turn = models.CharField(max_length=10, choices=Turn)
    delivered_at = models.DateTimeField(null=True, blank=True)

    claimed_with = ("alert", "receiver")

    objects: ClassVar[LeasedQuerySet["AlertDelivery"]] = LeasedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "alert deliveries"
        constraints = [models.UniqueConstraint("alert", "receiver", "turn", name="alert_told_once")]
        indexes = [models.Index("due_at", name="alert_delivery_due", condition=~Q(state__in=["done", "failed"]))]

    def __str__(self) -> str:
        return f"{self.get_turn_display()} to {self.receiver}: {self.state}"
