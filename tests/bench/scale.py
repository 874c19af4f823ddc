"""`python -m tests.bench.scale SMALL BIG`: the same requests on a small and on a big database, in turn.

Both hold what `make demo-data` makes, on PostgreSQL. Each request is made inside one process, so that what is compared
is our code and the database: wall time, this process's own CPU, the time in statements, and how many there are.
"""

import copy
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.demo.words import APPS
from tests.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "MadeUpMadeUpMadeUpMadeUpMadeUp01"  # of the made-up apps
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "4"))
SIZE = int(os.environ.get("BENCH_SIZE", "12"))
Table = dict[str, dict[str, float]]


def main(addresses: list[str]) -> None:
    """Measure in turn, print the table and keep the figures."""
    numbers = itertools.count(int(time.time()) * 100)  # stores that were never seen, however often this runs
    found: list[list[Table]] = [[], []]
    with Sandbox() as sandbox:
        app = next(iter(APPS))
        sandbox.add_app(app, client_secret=SECRET, redirect_url=f"http://localhost:8000/apps/{app}/return/")
        for number in range(ROUNDS * 2):
            side = number % 2
            found[side].append(_measure(sandbox, app, numbers, addresses[side]))
    small, big = map(_quietest, found)
    print("| what | small ms | big ms | small CPU ms | big CPU ms | small in statements ms | big … | statements |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, one in small.items():
        other = big[name]
        cells = [each[part] for part in ("ms", "cpu_ms", "database_ms") for each in (one, other)]
        print(f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + f" | {other['statements']:.0f} |")


def _measure(sandbox: Sandbox, app: str, numbers: Iterator[int], address: str) -> Table:
    installs = [_press(sandbox, app, next(numbers)) for _ in range(SIZE + 1)]
    variables = os.environ | {
        "DATABASE_URL": address,
        "SITE_URL": "http://localhost:8000",
        "ECWID_OAUTH_URL": sandbox.oauth_url,
        "ECWID_API_URL": sandbox.api_url,
        "ECWID_ADMIN_ORIGINS": sandbox.origin,
        "LOG_LEVEL": "ERROR",
    }
    given = json.dumps({"app": app, "secret": SECRET, "admin": sandbox.origin, "installs": installs})
    command = [sys.executable, "-m", "tests.bench.inside_scale"]
    done = subprocess.run(command, cwd=ROOT, env=variables, input=given, stdout=subprocess.PIPE, text=True, check=True)
    table: Table = json.loads(done.stdout.splitlines()[-1])
    return table


def _press(sandbox: Sandbox, app: str, number: int) -> str:
    store = copy.copy(sandbox.stores[1003])
    store.store_id = number
    store.profile = store.profile | {"generalInfo": store.profile["generalInfo"] | {"storeId": number}}
    sandbox.stores[number] = store
    return f"/apps/{app}/return/?code={sandbox.press_install(app, number)}&store_id={number}"


def _quietest(tables: list[Table]) -> Table:
    """Return the least of each median: what other programs add to a round is not ours."""
    names = tables[0]
    return {name: {part: min(table[name][part] for table in tables) for part in names[name]} for name in names}


if __name__ == "__main__":
    main(sys.argv[1:])
