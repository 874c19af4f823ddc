"""Prefills: reading a store's profile into its settings, as a row that is its own queue."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Now

from accounts.models import prepared
from accounts.models.leases import HOLDER, LEASE, PK, Leased, LeasedQuerySet
from accounts.models.prepared import Given
from installs.models.installations import Installation


class PrefillQuerySet(LeasedQuerySet["Prefill"]):
    """Query words for prefills."""

    def due(self) -> Self:
        """Return those to be worked on now; what an operator holds back waits."""
        held = Installation.objects.filter(pk=OuterRef("pk"), held_at__isnull=False)
        # Not a join: a claim updates these rows, and its conditions must stand on the row itself to be asked again.
        return super().due().filter(~Exists(held))


class Prefill(Leased):
    """What is known of an installation's prefill. `generation` says which install it belongs to."""

    installation = models.OneToOneField(Installation, models.CASCADE, primary_key=True, related_name="prefill")
    generation = models.PositiveIntegerField(default=1)
    done_at = models.DateTimeField(null=True, blank=True)
    changed_since = models.JSONField(
        default=list, help_text="What changed in the store since its page was last looked at, by setting."
    )

    claimed_with = ("installation__app", "installation__store")

    objects: ClassVar[PrefillQuerySet] = PrefillQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index("due_at", name="prefill_due", condition=~Q(state__in=["done", "failed"])),
            models.Index("installation", name="prefill_failed", condition=Q(state="failed")),
        ]

    def __str__(self) -> str:
        return f"Prefill of {self.installation_id}: {self.state}"

    def restart(self) -> bool:
        """Ask for it again now. False while it is running or already about to."""
        rows = Prefill.objects.filter(pk=self.pk).exclude(state=self.State.RUNNING, lease_until__gte=Now())
        return bool(rows.update(state=self.State.WAITING, due_at=Now(), lease_until=None, tries=0, error=""))

    def again(self) -> bool:
        """Ask for it because the store has changed. False when one is running, which another then follows.

        The running one may have read what was there before, and no second event would tell.
        """
        running = Prefill.objects.filter(pk=self.pk, state=self.State.RUNNING)
        return not running.update(due_at=Now()) and self.restart()

    def finish(self, **facts: object) -> bool:
        """Mark as done, or as due once more where the store has changed since this was claimed."""
        return bool(_finish(pk=self.pk, holder=self.lease_by, **facts))


@prepared.Update
def _finish() -> tuple[models.QuerySet[Prefill], dict[str, object]]:
    changed = When(due_at__gt=F("lease_until") - LEASE, then=Value(Prefill.State.WAITING))
    state = Case(changed, default=Value(Prefill.State.DONE))
    done_at = Given("done_at", models.DateTimeField())
    mine = Prefill.objects.filter(pk=PK, state=Prefill.State.RUNNING, lease_by=HOLDER)
    return mine, {"lease_until": None, "lease_by": None, "state": state, "error": "", "done_at": done_at}
