"""`make soak`: a mixed load for SOAK_SECONDS (default 1800), and what grows: memory, open files, connections, backlog.

Installs, webhooks and pages come in turn at a pace that leaves the machine room. Ends with 1 when a request failed.
"""

import itertools
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench import traffic
from tests.bench.__main__ import known_ecwid
from tests.bench.servers import Server, hub_server
from tests.signed import CLIENT_SECRET as SECRET

SECONDS = float(os.environ.get("SOAK_SECONDS", "1800"))
_SAMPLES = 12
_SIZE = 20
_HEAD = ("seconds", "requests", "failures", "memory MB", "processes", "open files", "events waiting")


def main() -> int:
    """Load, sample, and print a line for each sample."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(known_ecwid())
        hub = stack.enter_context(hub_server(folder, sandbox, SECRET, os.environ.get("DATABASE_URL", "")))
        hub.variables["LOG_LEVEL"] = "INFO"
        worker = ("celery", "-A", "ecwidhub", "worker", "--loglevel", "INFO", "--concurrency", "1")
        hub.start(*worker, ready=lambda said: " ready." in said)
        schedule = str(folder / "schedule")
        hub.start("celery", "-A", "ecwidhub", "beat", "--schedule", schedule, ready=lambda _: True)
        return _soak(traffic.Traffic(sandbox, itertools.count(1_000_000), _SIZE), hub)


def _soak(made: traffic.Traffic, hub: Server) -> int:
    visitor = made.visitor(hub, "/apps/demo-app/return/")
    rounds = (
        made.installs(hub, "/apps/demo-app/return/"),
        made.webhooks(hub, "/apps/demo-app/webhook/"),
        made.pages(hub, f"/stores/{visitor.store_id}/", visitor),
    )
    print(f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}", flush=True)
    began, requests, failures, sampled = time.monotonic(), 0, 0, 0
    while (passed := time.monotonic() - began) < SECONDS:
        for one in rounds:
            result = one()
            requests, failures = requests + len(result.times), failures + result.failures
        time.sleep(1)
        if passed >= sampled * SECONDS / _SAMPLES:
            sampled += 1
            processes, files = hub.processes_and_files()
            waiting = hub.inside("waiting")["events"]
            cells = (round(passed), requests, failures, round(hub.memory()), processes, files, waiting)
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
