"""The audit trail: what operators did, as rows that only ever get more."""

from typing import Any, ClassVar, NoReturn

from django.db import models

from accounts.models.people import User


class AppendOnly(Exception):
    """Somebody tried to change or delete what is on record."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Query words for the trail; none of them changes or deletes."""

    def about(self, target: models.Model) -> "AuditQuerySet":
        """Return what was done to one row."""
        return self.filter(target_kind=target._meta.label_lower, target_id=str(target.pk))

    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly

    def delete(self) -> NoReturn:
        raise AppendOnly


class AuditEntry(models.Model):
    """One thing an operator did. Holds no secret and no merchant's name: see accounts/audit.py, which writes it."""

    at = models.DateTimeField("when", auto_now_add=True, db_index=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    by_name = models.CharField("who", max_length=150, blank=True, help_text="Stays when the person is gone.")
    what = models.CharField(max_length=200)
    target_kind = models.CharField("kind", max_length=100, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_name = models.CharField("to what", max_length=200, blank=True)
    store_id = models.BigIntegerField("store ID", null=True, blank=True, db_index=True)
    reason = models.CharField("why", max_length=500, blank=True)
    address = models.GenericIPAddressField("from where", null=True, blank=True)
    changes: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict, blank=True)

    objects: ClassVar[AuditQuerySet] = AuditQuerySet.as_manager()  # type: ignore[assignment]
    # The one door by which something may go: an erasure of personal data blanks the reasons (actions/erase.py).
    erasing: ClassVar[models.Manager["AuditEntry"]] = models.Manager()

    class Meta:
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = [models.Index("target_kind", "target_id", name="audit_target")]

    def __str__(self) -> str:
        return f"{self.by_name or 'somebody'}: {self.what} {self.target_name}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save a new entry.

        :raises AppendOnly: when it is on record already
        """
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly
