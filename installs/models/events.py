"""Webhooks: what Ecwid told us, recorded before it is believed, and what was refused at the door."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import ClassVar

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models.leases import Leased, LeasedQuerySet
from installs.ecwid import webhooks
from installs.models.registrations import AppRegistration

OUTCOME_MAX = 30  # characters
REJECTED_KEPT = 1000  # for each app
REJECTED_LIFE = timedelta(days=7)


# Written out, because making it anew for each delivery took longer than writing the row.
_INSERT = """
    INSERT INTO installs_webhookevent (
        app_id, event_id, type, store_id, occurred_at, body, body_hash,
        signer, received_at, due_at, state, tries, deliveries, conflicts, error, outcome, traceback
    )
    SELECT id, %s, %s, %s, {occurred_at}, %s, %s, 'current', {now}, {now}, 'waiting', 0, 1, 0, '', '', ''
    FROM installs_appregistration WHERE id = %s AND client_secret = %s
    ON CONFLICT DO NOTHING
"""


@lru_cache
def _insert(vendor: str) -> str:
    """Return the statement in the words of a database."""
    now, _ = WebhookEvent.objects.all().query.get_compiler(DEFAULT_DB_ALIAS).compile(Now())
    return _INSERT.format(now=now, occurred_at="%s::timestamptz" if vendor == "postgresql" else "%s")


class WebhookEventQuerySet(LeasedQuerySet["WebhookEvent"]):
    """Query words for events."""

    def record(self, app: AppRegistration, event: webhooks.Event, body: bytes, *, signer: str) -> bool:
        """Write down one accepted delivery, committed when this returns. False when we had it before.

        A redelivery of an event we failed to handle is due again at once: Ecwid's retry is our second chance.
        """
        row = WebhookEvent(
            app=app,
            event_id=event.event_id,
            type=event.type,
            store_id=event.store_id,
            occurred_at=datetime.fromtimestamp(event.created, UTC),
            body=body.decode("utf-8", "replace"),
            body_hash=hashlib.sha256(body).hexdigest(),
            signer=signer,
            due_at=Now(),
        )
        try:
            row.save(force_insert=True)  # one statement, committed by itself: nothing here needs a transaction
        except IntegrityError:
            self._redelivered(row)
            return False
        return True

    def record_new(self, app: AppRegistration, event: webhooks.Event, body: bytes) -> bool:
        """Write down a delivery that the app's current secret signed, in one statement. False when that wrote nothing.

        It writes only where the app still has the secret that `app` has, whenever that was read: this is what makes a
        remembered app safe. So False says that the event is known already, or that the app is not what it was.
        """
        sealed = AppRegistration._meta.get_field("client_secret").value_from_object(app)
        with connection.cursor() as cursor:
            cursor.execute(
                _insert(connection.vendor),
                [
                    event.event_id,
                    event.type,
                    event.store_id,
                    connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(event.created, UTC)),
                    body.decode("utf-8", "replace"),
                    hashlib.sha256(body).hexdigest(),
                    app.pk,
                    sealed,
                ],
            )
            return bool(cursor.rowcount == 1)

    def _redelivered(self, row: "WebhookEvent") -> None:
        known = self.filter(app=row.app, event_id=row.event_id)
        # The signature covers two fields only, so the same id with another body is somebody's tampering.
        known.update(
            deliveries=F("deliveries") + 1,
            conflicts=F("conflicts") + models.Case(models.When(body_hash=row.body_hash, then=0), default=1),
        )
        failed = known.filter(Q(state=Leased.State.FAILED) | Q(state=Leased.State.WAITING, tries__gt=0))
        failed.update(state=Leased.State.WAITING, due_at=Now(), tries=0)


class WebhookEvent(Leased):
    """One event as Ecwid delivered it. A knock, not a letter: only the id and the time are signed (design rule 6)."""

    class Signer(models.TextChoices):
        CURRENT = "current", "Current client secret"
        PREVIOUS = "previous", "Previous client secret"

    # The constraint and an index below begin with it; a third would only cost the door time.
    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="events", db_index=False)
    event_id = models.CharField("event ID", max_length=64)
    type = models.CharField(max_length=100)
    store_id = models.BigIntegerField("store ID", db_index=True)
    occurred_at = models.DateTimeField(help_text="Ecwid's clock; order is never taken from it.")
    received_at = models.DateTimeField(db_default=Now())
    signer = models.CharField("signed with", max_length=10, choices=Signer)
    body = models.TextField()
    body_hash = models.CharField(max_length=64)
    deliveries = models.PositiveIntegerField(default=1)
    conflicts = models.PositiveIntegerField(default=0, help_text="Deliveries of this event with another body.")
    outcome = models.CharField(max_length=OUTCOME_MAX, blank=True, help_text="What became of it.")
    traceback = models.TextField(blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[WebhookEventQuerySet] = WebhookEventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "event"
        constraints = [models.UniqueConstraint("app", "event_id", name="event_once")]
        indexes = [
            models.Index("due_at", name="event_due", condition=~Q(state__in=["done", "failed"])),
            models.Index("received_at", name="event_received"),
            models.Index("app", "received_at", name="event_app_received"),  # when an app was last heard
            models.Index("received_at", name="event_conflict", condition=Q(conflicts__gt=0)),
            models.Index("received_at", name="event_previous", condition=Q(signer="previous")),
            models.Index("received_at", name="event_failed", condition=Q(state="failed")),  # dead letters
        ]

    def __str__(self) -> str:
        return f"{self.type} of store {self.store_id}"


class RejectedDeliveryQuerySet(models.QuerySet["RejectedDelivery"]):
    """Query words for what was refused at the door."""

    def note(self, app: AppRegistration, body: bytes, signature: str, reason: str) -> None:
        """Keep a refused delivery for the operator, the newest thousand of each app."""
        text = body[: RejectedDelivery.BODY_KEPT].decode("utf-8", "replace").replace("\x00", "")
        row = self.create(app=app, body=text, signature=signature[:100].replace("\x00", ""), reason=reason)
        if row.pk % 100 == 0:
            kept = self.filter(app=app).order_by("-pk").values_list("pk", flat=True)[REJECTED_KEPT:]
            self.filter(pk__in=list(kept)).delete()


class RejectedDelivery(models.Model):
    """A delivery that was not believed: forged, unsigned, another app's, junk. Nothing is ever done with it."""

    BODY_KEPT = 2000

    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="rejected_deliveries")
    reason = models.CharField(max_length=50)
    signature = models.CharField(max_length=100, blank=True)
    body = models.TextField(blank=True)
    received_at = models.DateTimeField(db_default=Now(), db_index=True)

    objects: ClassVar[RejectedDeliveryQuerySet] = RejectedDeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "rejected deliveries"

    def __str__(self) -> str:
        return f"{self.reason} at {self.received_at:%F %T}"
