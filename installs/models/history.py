"""History: what happened to each installation over time, and each app's numbers day by day."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import prepared
from accounts.models.prepared import Given
from installs.models.installations import Installation
from installs.models.registrations import AppRegistration


class HappeningQuerySet(models.QuerySet["Happening"]):
    """Query words for what happened."""

    def note(
        self, installation: Installation, kind: str, outcome: str, *, detail: str = "", took_ms: int | None = None
    ) -> None:
        """Write down what happened. The same again, with nothing in between, counts one more time.

        So a token that answers every day for years is one row, and the table grows with changes, not with time.
        """
        alike = {"kind": kind, "outcome": outcome[:40], "detail": detail[:200], "generation": installation.generation}
        last = next(iter(_last(installation=installation.pk)), None)
        if last and {name: getattr(last, name) for name in alike} == alike:
            self.filter(pk=last.pk).update(times=F("times") + 1, last_at=Now(), took_ms=took_ms)
        else:
            self.create(installation=installation, app_id=installation.app_id, took_ms=took_ms, **alike)


class Happening(models.Model):
    """Something that happened to an installation and stands nowhere else: a probe, a prefill, a mail, an uninstall."""

    class Kind(models.TextChoices):
        PREFILL = "prefill", "Settings read"
        PROBE = "probe", "Probe"
        UNINSTALLED = "uninstalled", "Uninstalled"
        REMINDED = "reminded", "Link to reconnect"

    installation = models.ForeignKey(Installation, models.CASCADE, related_name="happenings", db_index=False)
    # The installation's, once more: days are counted by app, and a join for that would read all installations.
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, related_name="+", db_index=False)
    generation = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=Kind)
    outcome = models.CharField(max_length=40, blank=True)
    detail = models.CharField(max_length=200, blank=True, help_text="What went wrong, without secrets.")
    took_ms = models.PositiveIntegerField("took, ms", null=True, help_text="The last time, Ecwid's answers included.")
    times = models.PositiveIntegerField(default=1)
    at = models.DateTimeField("first", db_default=Now())
    last_at = models.DateTimeField("last", db_default=Now())

    objects: ClassVar[HappeningQuerySet] = HappeningQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index("installation", "last_at", name="happening_of"),
            models.Index("kind", "last_at", name="happening_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.outcome}"


@prepared.Select
def _last() -> models.QuerySet[Happening]:
    mine = Happening.objects.filter(installation=Given("installation", models.BigIntegerField()))
    return mine.order_by("-pk")[:1]


class Tally(models.Model):
    """One app's numbers of one day (UTC), counted from rows that may be gone by now.

    The funnel follows the visits that began that day, however late they went on.
    """

    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="tallies")
    day = models.DateField()
    counted_at = models.DateTimeField()

    visits = models.PositiveIntegerField(default=0)
    exchanged = models.PositiveIntegerField(default=0)
    signed_in = models.PositiveIntegerField(default=0)
    prefilled = models.PositiveIntegerField(default=0)
    onboarded = models.PositiveIntegerField(default=0)
    outcomes: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)
    unread: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)

    installs = models.PositiveIntegerField(default=0, help_text="Stores won or won back, not reconnected ones.")
    uninstalls = models.PositiveIntegerField(default=0)

    events = models.PositiveIntegerField(default=0, help_text="Webhooks believed.")
    failed_events = models.PositiveIntegerField(default=0)
    rejected: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)

    # How the installations stood when this was counted, by `Installation.reason`; "" for those that are well.
    health: "models.JSONField[dict[str, int], dict[str, int]]" = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "app"], name="tally_once")]
        verbose_name, verbose_name_plural = "numbers of a day", "numbers by day"

    def __str__(self) -> str:
        return f"{self.app_id} on {self.day:%F}"

    def take(self, counted: dict[str, Any]) -> None:
        """Take over what was counted anew. What has been pruned meanwhile does not lower what was known."""
        for names in _TOGETHER:
            weight = names[0]
            if _size(counted.get(weight, 0)) >= _size(getattr(self, weight)):
                for name in names:
                    setattr(self, name, counted.get(name, type(getattr(self, name))()))


# Numbers that belong together, the one that tells whether rows are missing first.
_TOGETHER = (
    ("visits", "exchanged", "signed_in", "prefilled", "onboarded", "outcomes", "unread"),
    ("installs",),
    ("uninstalls",),
    ("events", "failed_events"),
    ("rejected",),
)


def _size(value: int | dict[str, int]) -> int:
    return sum(value.values()) if isinstance(value, dict) else value


class SavedView(models.Model):
    """A list with its filters, under a name an operator gave it."""

    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000, blank=True)
    owner = models.ForeignKey("accounts.User", models.CASCADE, related_name="saved_views", db_index=False)
    shared = models.BooleanField("for everybody", default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_view_once")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
