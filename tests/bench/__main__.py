"""`make bench`: ecwidhub beside the floor, in one run, on the same settings. Prints tables, writes JSON.

SQLite always, and PostgreSQL where DATABASE_URL names one. Rounds alternate between the two, so that a machine whose
speed drifts drifts for both, and each ratio is taken round by round. BENCH_ROUNDS and BENCH_SIZE make it longer.
"""

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench import compare, report, story, traffic
from tests.bench.servers import Server, floor_server, hub_server
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET as SECRET

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SIZE = int(os.environ.get("BENCH_SIZE", "200"))


@contextmanager
def known_ecwid() -> Iterator[Sandbox]:
    """The other side, which knows one app and holds nobody back for asking often."""
    with Sandbox() as sandbox:
        for app in list(sandbox.world.apps):
            del sandbox.world.apps[app]
        redirect = "http://localhost:8000/apps/demo-app/return/"
        scopes = ("read_store_profile", "read_catalog", "public_storefront")
        sandbox.add_app("demo-app", client_secret=SECRET, name="Demo", redirect_url=redirect, scopes=scopes)
        yield sandbox


def main() -> int:
    """Measure on each database and say what came of it; 1 when a request failed."""
    databases = {"sqlite": ""} | ({"postgresql": os.environ["DATABASE_URL"]} if os.environ.get("DATABASE_URL") else {})
    failures = 0
    for name, url in databases.items():
        with tempfile.TemporaryDirectory() as folder, known_ecwid() as sandbox:
            place = Path(folder)
            with hub_server(place, sandbox, SECRET, url) as hub, floor_server(place, sandbox, SECRET, url) as floor:
                rows, figures = measure(sandbox, hub, floor)
        failures += sum(row.failures for row in rows)
        report.show(name, rows, figures)
        report.keep(name, rows, figures, {"rounds": ROUNDS, "size": SIZE, "connections": traffic.THREADS})
    return 1 if failures else 0


def measure(sandbox: Sandbox, hub: Server, floor: Server) -> tuple[list[compare.Row], report.Figures]:
    """Compare the two door by door and job by job; then tell the hub's own figures."""
    made = traffic.Traffic(sandbox, itertools.count(1_000_000), SIZE)
    rows = [
        compare.doors(
            "install", ROUNDS, made.installs(hub, "/apps/demo-app/return/"), made.installs(floor, "/return/")
        ),
        compare.jobs("prefill", ROUNDS, hub, floor, SIZE // 2),
        compare.doors(
            "webhook", ROUNDS, made.webhooks(hub, "/apps/demo-app/webhook/"), made.webhooks(floor, "/webhook/")
        ),
    ]
    ours, theirs = made.visitor(hub, "/apps/demo-app/return/"), made.visitor(floor, "/return/")
    for name, path in (("onboarding page", "onboarding/"), ("store page", "")):
        page = made.pages(hub, f"/stores/{ours.store_id}/{path}", ours)
        rows.append(compare.doors(name, ROUNDS, page, made.pages(floor, "/page/", theirs)))
    figures: report.Figures = {
        "memory of the web processes, MB": [hub.memory(), floor.memory()],
        "web: seconds to the first answer": [hub.started_in, floor.started_in],
    }
    figures |= story.queries(made, hub, ours)
    figures |= story.events(made, hub)
    figures |= story.dead_token(made, hub, ours)
    return rows, figures | story.with_a_worker(made, hub)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"bench: {error}")
