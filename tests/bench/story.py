"""The hub's own figures: statements and calls of each story, and how long a merchant or an event waits for a worker."""

import http.client
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import load
from tests.bench.report import Figures
from tests.bench.servers import Server
from tests.bench.traffic import THREADS, Traffic, Visitor
from tests.processes import until

SAMPLES = 10


def queries(made: Traffic, hub: Server, visitor: Visitor) -> Figures:
    """Count statements of each door, and the calls that one install makes."""
    number, query, headers = made.new_install()
    (first, first_signed), (body, signed) = made.new_webhook(number), made.new_webhook(number)
    before = len(made.sandbox.calls)
    told = hub.inside(
        "queries",
        install=["GET", f"/apps/demo-app/return/{query}", None, headers],
        **{
            "a process's first webhook": ["POST", "/apps/demo-app/webhook/", first.decode(), first_signed],
            "webhook": ["POST", "/apps/demo-app/webhook/", body.decode(), signed],
            "onboarding page": ["GET", f"/stores/{number}/onboarding/", None, {}],
            "store page": ["GET", f"/stores/{number}/", None, {}],
        },
    )
    calls = [call.kind for call in made.sandbox.calls[before:]]
    figures: Figures = {f"statements: {name}": count for name, count in told.items()}
    return figures | {"calls to Ecwid: install": calls.count("token"), "calls to Ecwid: prefill": len(calls) - 1}


def events(made: Traffic, hub: Server) -> Figures:
    """Handle what the webhook rounds have left, and as many that a handler reacts to, in one process."""
    orders = hub.inside("drain")
    jobs = [made.new_webhook(number, "profile.updated") for number in range(1_000_000, 1_000_000 + made.size)]
    posts = (load.request("POST", "/apps/demo-app/webhook/", body, headers) for body, headers in jobs)
    load.run(hub, posts, threads=THREADS)
    changes = hub.inside("drain")
    return {
        "events without a handler, handled a second": orders["count"] / orders["seconds"],
        "profile.updated, handled a second": changes["count"] / changes["seconds"],
        "CPU ms for each profile.updated": 1000 * changes["cpu"] / changes["count"],
        "events that were not handled": orders["failures"] + changes["failures"],
    }


def dead_token(made: Traffic, hub: Server, visitor: Visitor) -> Figures:
    """Let Ecwid take a token away without a word, and count how often it is used after that."""
    made.sandbox.uninstall("demo-app", visitor.store_id)
    before = len(made.sandbox.calls)
    hub.inside("probe", store_id=visitor.store_id)
    return {"calls made with a dead token": len(made.sandbox.calls) - before}


def with_a_worker(made: Traffic, hub: Server) -> Figures:
    """Start a worker that has caught up with what the rounds left, and wait as merchants do."""
    hub.inside("prefill", count=100_000)
    for nudge in Path(hub.variables["VAR_DIR"]).glob("queue/*.msg"):
        nudge.unlink()
    worker = ("celery", "-A", "ecwidhub", "worker", "--loglevel", "INFO", "--concurrency", "1")
    hub.variables["LOG_LEVEL"] = "INFO"
    started = hub.start(*worker, ready=lambda said: " ready." in said)
    schedule = f"{hub.variables['VAR_DIR']}/schedule"
    hub.start("celery", "-A", "ecwidhub", "beat", "--schedule", schedule, ready=lambda _: True)
    filled = [_seconds_to_fill(made, hub) for _ in range(SAMPLES)]
    heard_of = [_seconds_to_follow(made, hub, visitor) for _, visitor in filled]
    return {
        "worker: seconds to take work": started,
        "from the Return URL to a filled page, seconds (median)": statistics.median(seconds for seconds, _ in filled),
        "from an event to changed settings, seconds (median)": statistics.median(heard_of),
        "memory of web, worker and schedule, MB": hub.memory(),
    }


def _seconds_to_fill(made: Traffic, hub: Server) -> tuple[float, Visitor]:
    began = time.monotonic()
    visitor = made.visitor(hub, "/apps/demo-app/return/")
    until(_shows(hub, visitor, "Paper Trail"))
    return time.monotonic() - began, visitor


def _seconds_to_follow(made: Traffic, hub: Server, visitor: Visitor) -> float:
    store = made.sandbox.stores[visitor.store_id]
    name = f"Renamed {visitor.store_id}"
    store.profile = store.profile | {"settings": store.profile["settings"] | {"storeName": name}}
    body, headers = made.new_webhook(visitor.store_id, "profile.updated")
    began = time.monotonic()
    load.run(hub, iter([load.request("POST", "/apps/demo-app/webhook/", body, headers)]), threads=1)
    until(_shows(hub, visitor, name))
    return time.monotonic() - began


def _shows(hub: Server, visitor: Visitor, words: str) -> Callable[[], bool]:
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)

    def shown() -> bool:
        connection.request("GET", f"/stores/{visitor.store_id}/", headers={"Cookie": visitor.cookie})
        return words in connection.getresponse().read().decode()

    return shown
