"""Jobs: what operators ask for and takes longer than a page, as rows that are their own queue."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import connection, models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.fields import SecretField
from accounts.models import Store
from accounts.models.leases import Leased, LeasedQuerySet
from installs.models.installations import Installation
from installs.models.registrations import AppRegistration


class Outcome(models.TextChoices):
    """What became of one row of a job."""

    WAITING = "", "Waiting"
    DONE = "done", "Done"
    LEFT = "left", "Left alone"
    FAILED = "failed", "Failed"


class JobQuerySet(LeasedQuerySet["Job"]):
    """Query words for jobs."""

    def open(self) -> "JobQuerySet":
        """Return the jobs that have not ended."""
        return self.exclude(state__in=[Leased.State.DONE, Leased.State.FAILED])

    def about(self, store: Store) -> "JobQuerySet":
        """Return the jobs that were about this store alone, so that their reasons may tell of its people."""
        rows = JobItem.objects.filter(target__in=Installation.objects.filter(store=store).values("pk"))
        return self.filter(total=1, params__rows=Installation._meta.label_lower, pk__in=rows.values("job"))


class Job(Leased):
    """Something an operator had done to many rows: what, why, by whom, how far it is and what came of it.

    `kind` says who works on it (`actions.jobs`), `params` what they need to know; never a secret.
    """

    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    reason = models.CharField(max_length=300)
    params: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField("left alone", default=0)
    failed = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(db_default=Now(), db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[JobQuerySet] = JobQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index("due_at", name="job_due", condition=~Q(state__in=["done", "failed"]))]

    def __str__(self) -> str:
        return self.title

    @property
    def seen(self) -> int:
        """Return how many rows are behind us."""
        return self.done + self.left + self.failed

    @property
    def is_over(self) -> bool:
        return self.state in (self.State.DONE, self.State.FAILED)

    @property
    def percent(self) -> int:
        """Return how far it is; a hundred only when it is over."""
        if self.is_over or not self.total:
            return 100 if self.state == self.State.DONE else 0
        return min(99, self.seen * 100 // self.total)

    def count(self, outcome: str, number: int = 1) -> bool:
        """Add to what is behind us. False when somebody has taken the job over, or stopped it."""
        return bool(self._mine().update(**{outcome: F(outcome) + number}))

    def extend(self) -> bool:
        """Hold the lease for longer. False when somebody has taken the job over, or stopped it."""
        return bool(self._mine().update(lease_until=Now() + timedelta(seconds=60)))

    def stop(self, word: str) -> bool:
        """End it, whoever is at it; what is done stays done. False when it had ended by itself."""
        ended = {"state": self.State.FAILED, "error": word[:200], "ended_at": Now(), "lease_by": None}
        stopped = bool(Job.objects.open().filter(pk=self.pk).update(lease_until=None, **ended))
        self.forget()
        return stopped

    def forget(self) -> None:
        """Wipe the tokens that lines still hold which nobody will come to any more."""
        self.lines.update(secret_token="", public_token="")


class JobItemQuerySet(models.QuerySet["JobItem"]):
    """Query words for a job's rows."""

    def take(self, job: Job, rows: "models.QuerySet[Any]") -> int:
        """Write down which rows a job is about, in one statement however many they are; return how many."""
        chosen, values = rows.order_by("pk").values("pk").query.sql_with_params()
        names = ", ".join(connection.ops.quote_name(name) for name in ("job_id", "target", "outcome", "words"))
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            # The columns are ours, the chosen rows Django's own statement with its own parameters.
            statement = f"INSERT INTO {table} ({names}) SELECT %s, chosen.*, '', '' FROM ({chosen}) AS chosen"  # noqa: S608
            cursor.execute(statement, [job.pk, *values])
            return int(cursor.rowcount)


class JobItem(models.Model):
    """One row of a job: which, and what became of it."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="items", db_index=False)
    target = models.BigIntegerField(help_text="The row's key in its own table.")
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    words = models.CharField(max_length=300, blank=True, help_text="What came of it, without secrets.")
    at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[JobItemQuerySet] = JobItemQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index("job", "outcome", "id", name="job_item_left"),
            models.Index("target", name="job_item_target"),
        ]

    def __str__(self) -> str:
        return f"{self.target}: {self.outcome or 'waiting'}"


class ImportLine(models.Model):
    """One line of a file of installations to take over. Its tokens are sealed, and wiped when it is done."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="lines", db_index=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="+")
    number = models.PositiveIntegerField("line")
    store_id = models.BigIntegerField("store ID", null=True)
    secret_token = SecretField(bound_to=("job_id", "number"))
    public_token = SecretField(bound_to=("job_id", "number"))
    scopes: "models.JSONField[list[str], list[str]]" = models.JSONField(default=list)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    words = models.CharField(max_length=300, blank=True, help_text="What came of it, without secrets.")
    at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("job", "number", name="import_line_once")]
        indexes = [models.Index("job", "outcome", "id", name="import_line_left")]

    def __str__(self) -> str:
        return f"Line {self.number} of job {self.job_id}"
