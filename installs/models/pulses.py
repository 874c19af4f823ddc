"""Pulses: signs of life. One row a name, written by whoever is alive, read by whoever wants to know."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models.functions import Now


class PulseQuerySet(models.QuerySet["Pulse"]):
    """Query words for signs of life. All times are the database's."""

    def beat(self, name: str, **facts: Any) -> None:
        """Write down that `name` is alive now, and what it found."""
        if not self.filter(name=name).update(at=Now(), facts=facts):
            self.bulk_create([Pulse(name=name, at=Now(), facts=facts)], ignore_conflicts=True)

    def last(self, name: str) -> datetime | None:  # type: ignore[override]
        """Return when `name` was last alive."""
        return self.filter(name=name).values_list("at", flat=True).first()

    def older_than(self, age: timedelta) -> Self:
        """Return those that were last alive longer ago than `age`."""
        return self.filter(at__lt=Now() - age)


class Pulse(models.Model):
    """When something was last alive, and what it found then."""

    name = models.CharField(max_length=100, unique=True)
    at = models.DateTimeField(null=True)
    facts: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    objects: ClassVar[PulseQuerySet] = PulseQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "doctor"

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%F %T}" if self.at else f"{self.name}, not yet"
