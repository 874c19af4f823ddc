"""Deeds: what operators may have done to many rows, each with the reasons why a row is left alone.

A deed is asked twice about every row: before, so that the operator sees what will happen, and when it is the row's
turn, because the world goes on meanwhile. Each may be repeated for the same row, after a crash in the middle.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, CharField, Count, Manager, Model, Q, QuerySet, Value, When
from django.db.models.functions import Now

from accounts.models import User
from installs.actions import jobs
from installs.actions.jobs import Result
from installs.models import Job, JobItem, Leased, Outcome

Refusals = dict[str, Q]


@dataclass(frozen=True)
class Deed:
    """One deed. `refusals` gives the words for leaving a row alone and when they hold; the first that holds counts.

    `act` does it to rows that were just found willing and says what came of each; whom it does not name has changed
    meanwhile. `network`: it asks Ecwid, so a worker does it. `grave`: there is no way back.
    """

    name: str
    title: str
    text: str
    icon: str
    model: type[Model]
    refusals: Callable[[], Refusals] = field(repr=False)
    act: Callable[[Any, Job], Mapping[int, Result]] = field(repr=False)  # the rows in their own queryset
    right: str = "operate"
    network: bool = False
    grave: bool = False
    answers: bool = False  # its words are what the operator wanted: the job's page shows them
    batch: int = 500


DEEDS: dict[str, Deed] = {}  # by name; see `actions.repertoire`


def register(*deeds: Deed) -> None:
    """Let operators have these deeds done."""
    for deed in deeds:
        DEEDS[deed.name] = deed
        jobs.kind(deed.name)(_step)


@dataclass(frozen=True)
class Preview:
    """What would happen: to how many, and to how many not and why."""

    will: int
    wont: dict[str, int]

    @property
    def total(self) -> int:
        return self.will + sum(self.wont.values())


def preview(*, deed: Deed, rows: QuerySet[Any]) -> Preview:
    """Return what the deed would do to `rows`; one query however many they are, no effect."""
    counts = dict(_judged(deed, rows).order_by().values("why").annotate(count=Count("pk")).values_list("why", "count"))
    will = counts.pop("", 0)
    return Preview(will, {why: count for why, count in counts.items() if count})


def order(*, deed: Deed, rows: QuerySet[Any], reason: str, by: User) -> Job:
    """Write down that the deed is to be done to `rows` as they are now; a worker, or the caller, does it."""
    about = {"rows": deed.model._meta.label_lower}
    job = jobs.order(kind=deed.name, title=deed.title, reason=reason, by=by, state=Leased.State.FAILED, params=about)
    total = JobItem.objects.take(job, rows)
    # Only now somebody may work on it: a job with half its rows must never be taken for a whole one.
    Job.objects.filter(pk=job.pk).update(total=total, state=Leased.State.WAITING, due_at=Now())
    job.refresh_from_db()
    return job


def _step(job: Job) -> bool:
    """Do the next rows of a job; the step of every deed."""
    deed = DEEDS[job.kind]
    waiting = job.items.filter(outcome=Outcome.WAITING).order_by("pk")
    items = {target: pk for pk, target in waiting.values_list("pk", "target")[: deed.batch]}
    if not items:
        return False
    results = _perform(deed, list(items), job)
    return jobs.note(job, JobItem.objects.filter(job=job), {items[pk]: result for pk, result in results.items()})


def _perform(deed: Deed, pks: list[int], job: Job) -> dict[int, Result]:
    rows = _all(deed).filter(pk__in=pks)
    why = dict(_judged(deed, rows).values_list("pk", "why"))
    results: dict[int, Result] = {pk: (Outcome.LEFT, words) for pk, words in why.items() if words}
    willing = [pk for pk, words in why.items() if not words]
    results |= {pk: (Outcome.FAILED, "no longer there") for pk in pks if pk not in why}
    results |= dict.fromkeys(willing, (Outcome.LEFT, "something else came first"))
    return results | dict(deed.act(_all(deed).filter(pk__in=willing), job)) if willing else results


def _judged(deed: Deed, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Join to each row why it is left alone, "" when it is not."""
    # By key: a list's filters may join tables that would multiply the rows.
    chosen: QuerySet[Any] = _all(deed).filter(pk__in=rows.order_by().values("pk"))
    whens = [When(condition, then=Value(words)) for words, condition in deed.refusals().items()]
    judged: QuerySet[Any] = chosen.annotate(why=Case(*whens, default=Value(""), output_field=CharField()))
    return judged


def _all(deed: Deed) -> "Manager[Any]":
    return deed.model._default_manager
