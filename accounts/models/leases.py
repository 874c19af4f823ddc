"""Rows that are the queue: a claim is a compare-and-set with a lease, so a killed worker's work is taken up again."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any, ClassVar, Self, TypeVar

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import prepared
from accounts.models.prepared import Given

LEASE = timedelta(seconds=60)  # longer than CELERY_TASK_TIME_LIMIT, so a live worker never loses its lease


class LeasedQuerySet(models.QuerySet["LeasedT"]):
    """Query words for work. All times are the database's: hosts' clocks may differ (design rule 8)."""

    def due(self) -> Self:
        """Return the rows somebody should work on now, lost ones included."""
        waiting = Q(state=Leased.State.WAITING, due_at__lte=Now())
        abandoned = Q(state=Leased.State.RUNNING, lease_until__lt=Now())
        return self.filter(waiting | abandoned)

    def claim_batch(self, size: int) -> "list[LeasedT]":
        """Take up to `size` rows that are due, the longest waiting first.

        A row's try begins when its turn comes, with `begin`: what a killed worker never came to has lost none.
        """
        holder = uuid.uuid4()
        some = list(self.due().order_by("due_at", "pk").values_list("pk", flat=True)[:size])
        self.due().filter(pk__in=some).update(**_hold(holder))
        return list(self.filter(lease_by=holder).order_by("due_at", "pk"))

    def give_back(self, rows: "Sequence[LeasedT]") -> None:
        """Let go of rows of one claim that nobody began to work on: they are due as before."""
        mine = self._held(rows)
        mine.update(state=Leased.State.WAITING, lease_until=None, lease_by=None)

    def finish_all(self, rows: "Sequence[LeasedT]", **facts: object) -> "list[LeasedT]":
        """Mark rows of one claim as done at their first glance, in one transaction, without `begin`.

        Returns those that nobody took over meanwhile.
        """
        with transaction.atomic():
            still = set(self._held(rows).select_for_update().values_list("pk", flat=True))
            done = {"state": Leased.State.DONE, "error": "", "lease_until": None, "lease_by": None}
            self.filter(pk__in=still).update(**done, tries=F("tries") + 1, **facts)
        return [row for row in rows if row.pk in still]

    def _held(self, rows: "Sequence[LeasedT]") -> Self:
        """Return those of a claim's rows that nobody began anew or took over meanwhile."""
        claims = {row.lease_by for row in rows}
        return self.filter(pk__in=[row.pk for row in rows], state=Leased.State.RUNNING, lease_by__in=claims)


def _hold(holder: object) -> dict[str, Any]:
    return {"state": Leased.State.RUNNING, "lease_until": Now() + LEASE, "lease_by": holder}


def _lease(holder: object) -> dict[str, Any]:
    """Return what a claim writes whose row is worked on at once."""
    return _hold(holder) | {"tries": F("tries") + 1, "error": ""}


PK, HOLDER = Given("pk", models.BigIntegerField()), Given("holder", models.UUIDField())


@cache
def _take(kind: "type[Leased]") -> prepared.Update["Leased"]:
    rows: LeasedQuerySet[Leased] = kind._default_manager.all()  # type: ignore[assignment]
    return prepared.Update(lambda: (rows.due().filter(pk=PK), _lease(HOLDER)))


@cache
def _begin(kind: "type[Leased]") -> prepared.Update["Leased"]:
    rows = kind._default_manager.filter(pk=PK, state=Leased.State.RUNNING, lease_by=HOLDER)
    return prepared.Update(lambda: (rows, _lease(HOLDER)))


@cache
def _taken(kind: "type[LeasedT]") -> prepared.Select["LeasedT"]:
    rows = kind._default_manager.select_related(*kind.claimed_with)
    return prepared.Select(lambda: rows.filter(pk=PK, lease_by=HOLDER))


class Leased(models.Model):
    """Work that stands in a row."""

    claimed_with: ClassVar[tuple[str, ...]] = ()  # what whoever works on a row needs to know beside it

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_by = models.UUIDField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True, help_text="Why the last try failed, without secrets.")

    class Meta:
        abstract = True

    @classmethod
    def claim(cls, pk: int) -> "Self | None":
        """Take row `pk` for the length of a lease. None when somebody else has it or nothing is due."""
        holder = uuid.uuid4()
        if not _take(cls)(pk=pk, holder=holder):
            return None
        return next(iter(_taken(cls)(pk=pk, holder=holder)), None)

    def begin(self) -> bool:
        """Count a try at a row of a batch, with a lease of its own. False when somebody else has taken it over."""
        if not _begin(type(self))(pk=self.pk, holder=self.lease_by):
            return False
        self.tries += 1
        return True

    def _mine(self) -> "models.QuerySet[Self]":
        """Return this row as long as nobody began it anew or took it over meanwhile."""
        return type(self)._default_manager.filter(pk=self.pk, state=self.State.RUNNING, lease_by=self.lease_by)

    def finish(self, **facts: object) -> bool:
        """Mark as done. False when a newer claim has taken over, and then nothing may be written."""
        return self._end(state=self.State.DONE, error="", **facts)

    def retry(self, after: timedelta, error: str, **facts: object) -> bool:
        """Put back to be tried again `after` a while."""
        return self._end(state=self.State.WAITING, due_at=Now() + after, error=error[:200], **facts)

    def give_up(self, error: str, **facts: object) -> bool:
        """Mark as failed: trying again by itself would not help."""
        return self._end(state=self.State.FAILED, error=error[:200], **facts)

    def _end(self, **facts: object) -> bool:
        return bool(self._mine().update(lease_until=None, lease_by=None, **facts))


LeasedT = TypeVar("LeasedT", bound=Leased)
