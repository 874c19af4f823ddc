"""Jobs: work an operator asked for, a step at a time, so that it can be stopped, killed and taken up again."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import User
from installs.ecwid import errors
from installs.models import ImportLine, Job, JobItem, Outcome

log = logging.getLogger(__name__)

Result = tuple[str, str]  # an Outcome and the words for it
Step = Callable[[Job], bool]

_SECONDS = 10.0  # at a stretch; then a worker is free for somebody else
_TRIES = 5  # without a single step that ended: something is wrong that waiting does not mend
_WAIT = timedelta(seconds=0)

_steps: dict[str, Step] = {}


class Later(Exception):
    """Raised by a step that has to wait; what it did before stands."""

    def __init__(self, after: timedelta, why: str) -> None:
        super().__init__(why)
        self.after = after


def kind(name: str) -> Callable[[Step], Step]:
    """Register what does one step of the jobs of a kind; it tells whether it found anything to do."""

    def register(step: Step) -> Step:
        _steps[name] = step
        return step

    return register


def order(*, kind: str, title: str, reason: str, by: User | None, **facts: Any) -> Job:
    """Write a job down, due at once. Whoever calls this nudges a worker once its rows are committed."""
    said = errors.redact(reason)  # people paste what they have at hand, a token too
    return Job.objects.create(kind=kind, title=title[:200], reason=said, by=by, due_at=Now(), **facts)


def work(*, job_id: int, seconds: float = _SECONDS) -> bool:
    """Work on a job for a while, if that is due and nobody else is at it; return whether more is to do at once."""
    job = Job.claim(job_id)
    if job is None:
        return False
    if job.tries > _TRIES:
        job.give_up(f"interrupted {_TRIES} times at the same place; the log says why", ended_at=Now())
        job.forget()
        log.error("job_given_up", extra={"job": job.pk, "kind": job.kind})
        return False
    deadline = time.monotonic() + seconds
    try:
        while _steps[job.kind](job):
            if time.monotonic() >= deadline:
                return job.retry(_WAIT, "", tries=0)
    except Later as wait:
        job.retry(wait.after, str(wait), tries=0)
        return False
    if job.finish(ended_at=Now()):
        job.refresh_from_db()
        log.info("job_done", extra={"job": job.pk, "kind": job.kind, "done": job.done, "failed": job.failed})
    return False


def note(job: Job, rows: "QuerySet[JobItem] | QuerySet[ImportLine]", results: Mapping[int, Result]) -> bool:
    """Write down what came of rows of `job`, by their keys, and count it. False when the job is no longer ours.

    One transaction: a row counts once, however often its work was begun.
    """
    alike: defaultdict[Result, list[int]] = defaultdict(list)
    for pk, result in results.items():
        alike[result].append(pk)
    with transaction.atomic(durable=True):
        for (outcome, words), pks in alike.items():
            facts = {"outcome": outcome, "words": words[:300], "at": datetime.now(UTC)}
            changed = rows.filter(pk__in=pks, outcome=Outcome.WAITING).update(**facts | _wiped(rows))
            if not job.count(outcome, changed):
                transaction.set_rollback(True)
                return False
    return job.extend()


def _wiped(rows: QuerySet[Any]) -> dict[str, str]:
    """Return what a row gives up with its end: the tokens of a line."""
    return {"secret_token": "", "public_token": ""} if rows.model is ImportLine else {}
