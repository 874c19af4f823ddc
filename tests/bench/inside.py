"""What is measured inside a process of the hub: statements, jobs and events, without a web server between.

`python -m tests.bench.inside NAME` reads what it needs as JSON from standard input and prints JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
django.setup()

from django.db import connection  # noqa: E402  after the settings
from django.test import Client  # noqa: E402

from installs import actions, tasks  # noqa: E402
from installs.models import Installation, Prefill, WebhookEvent  # noqa: E402
from tests.cast import long_ago  # noqa: E402

Told = dict[str, Any]
_NO_STATEMENTS = {"BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"}


class Counter:
    """Counts statements that ask or tell something: BEGIN, COMMIT and SAVEPOINT are none."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        self.count += str(statement[0]).partition(" ")[0] not in _NO_STATEMENTS
        return execute(*statement)


@contextmanager
def measured(told: Told) -> Iterator[None]:
    """Add the seconds and the CPU seconds that the block takes."""
    seconds, cpu = time.perf_counter(), time.process_time()
    yield
    told["seconds"], told["cpu"] = time.perf_counter() - seconds, time.process_time() - cpu


def queries(given: Told) -> Told:
    """Count the statements of each request given as method, path, body and headers, in one browser."""
    browser, told = Client(SERVER_NAME="localhost"), {}
    for name, (method, path, body, headers) in given.items():
        counter = Counter()
        with connection.execute_wrapper(counter):
            answer = browser.generic(method, path, body or "", content_type="application/json", headers=headers)
        assert answer.status_code < 400, (name, answer.status_code)
        told[name] = counter.count
    counter = Counter()
    with connection.execute_wrapper(counter):
        tasks.prefill(Prefill.objects.due().order_by("-pk").values_list("pk", flat=True)[0])
    return told | {"prefill": counter.count - 1}


def prefill(given: Told) -> Told:
    """Do so many of the prefills that are due, one after the other, as a worker's process does."""
    due = list(Prefill.objects.due().order_by("pk").values_list("pk", flat=True)[: given["count"] + 1])
    tasks.prefill(due.pop())  # the first one opens the connections
    told: Told = {"count": len(due)}
    with measured(told):
        for pk in due:
            tasks.prefill(pk)
    done = Prefill.objects.filter(pk__in=due, state=Prefill.State.DONE).count()
    return told | {"failures": len(due) - done}


def drain(_: Told) -> Told:
    """Handle every event that is due, as one worker process does."""
    told: Told = {"count": WebhookEvent.objects.due().count()}
    with measured(told):
        while actions.handle.handle_due():
            continue
    return told | {"failures": WebhookEvent.objects.exclude(state="done").count()}


def probe(given: Told) -> Told:
    """Let every probe of one store's installation come due, six times."""
    mine = Installation.objects.filter(store__store_id=given["store_id"])
    for _ in range(6):
        mine.update(probe_due_at=long_ago())
        tasks.probe(mine.get().pk)
    return {"state": mine.select_related("prefill").get().state}


def waiting(_: Told) -> Told:
    """Count the events that are due."""
    return {"events": WebhookEvent.objects.due().count()}


MEASUREMENTS = {"queries": queries, "prefill": prefill, "drain": drain, "probe": probe, "waiting": waiting}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](json.load(sys.stdin))))
