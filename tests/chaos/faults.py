"""The faults, one function each: what breaks, while what goes on. Each gives its verdicts."""

import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.db.models.functions import Now

from installs.models import Erasure, Installation
from tests.chaos.servers import Postgres, Redis
from tests.chaos.stage import Stage, Verdict
from tests.processes import Process

MANY = 12


@dataclass
class Around:
    """What stands around the hub: what may break, where the fault asks for it, and the older version's code."""

    postgres: Postgres
    redis: Redis
    older: Path


def worker_killed(stage: Stage, _: Around) -> Iterator[Verdict]:
    """`kill -9` of the worker in each call that it makes."""
    hub = stage.hub
    hub.web()
    worker = hub.worker("--beat")
    for call in ("profile", "application"):
        stores = stage.press(1)
        gone = stage.kill_during(call, worker)
        stage.arrive(stores)
        gone.wait(30)
        worker = hub.worker("--beat")
        yield stage.healed(f"prefill, in the call {call}", stores)
    stores = stage.press(1)
    stage.arrive(stores)
    stage.wait(lambda: stage.right(stores[0]))
    gone = stage.kill_during("profile", worker)
    stage.rename(stores)
    gone.wait(30)
    worker = hub.worker("--beat")
    yield stage.healed("event", stores)


def worker_killed_erasing(stage: Stage, _: Around) -> Iterator[Verdict]:
    """`kill -9` in the middle of erasing a dozen stores, again and again."""
    stage.hub.web()
    worker = stage.hub.worker("--beat")
    stores = stage.press(MANY)
    stage.arrive(stores)
    stage.wait(lambda: all(map(stage.right, stores)))
    worker.kill()
    mine = Installation.objects.filter(store__store_id__in=stores)
    mine.update(uninstalled_at=Now(), secret_token="", public_token="", erase_due_at=Now())
    began = time.monotonic()
    while Erasure.objects.count() < MANY and time.monotonic() - began < 90:
        worker = stage.hub.worker("--beat")
        stage.wait(partial(_more_erased, Erasure.objects.count()), 10)
        worker.kill()  # in the midst of the others
    stage.hub.worker("--beat")
    stage.wait(lambda: not mine.filter(erase_due_at__isnull=False).exists())  # a killed erasure comes again in 2 min
    lost = mine.filter(erased_at=None).count()
    yield Verdict(stage.fault, "erase", MANY, lost, stage.doubled([]), round(time.monotonic() - began, 1))


def _more_erased(than: int) -> bool:
    return Erasure.objects.count() > than


def web_killed(stage: Stage, _: Around) -> Iterator[Verdict]:
    """`kill -9` in the exchange: nobody saw the grant, so the merchant begins again; the older code stays spent."""
    web = stage.hub.web()
    stage.hub.worker("--beat")
    stores = stage.press(1)
    gone = stage.kill_during("token", web)
    stage.arrive(stores)
    gone.wait(30)
    stage.hub.web()
    stage.arrive(stores)
    again = stage.market.redirect_address("demo-app", stores[0])
    stage.hub.follow(again.removeprefix(stage.hub.url))
    yield stage.healed("install", stores)


def redis_emptied(stage: Stage, around: Around) -> Iterator[Verdict]:
    """Redis is killed while merchants and events come, and comes back empty."""
    stage.hub.web(workers=2)
    stage.hub.worker("--beat")
    before, during = stage.press(MANY), stage.press(MANY)
    stage.arrive(before)
    around.redis.kill()
    stage.arrive(during)
    stage.rename(before)
    around.redis.start()
    yield stage.healed("install, prefill, event", [*before, *during])


def postgres_restarted(stage: Stage, around: Around) -> Iterator[Verdict]:
    """PostgreSQL crashes in the middle of exchanges and of a drain, and comes back."""
    stage.hub.web(workers=2)
    stage.hub.worker("--beat")
    before, during = stage.press(MANY), stage.press(MANY)
    stage.arrive(before)
    stage.wait(lambda: all(map(stage.right, before)))
    stage.market.disturb("token", "slow", times=MANY, seconds=1.0)
    stage.market.on_call("token", around.postgres.kill)
    stage.arrive(during)
    around.postgres.start()
    again = stage.insist(during)
    stage.rename(before)
    around.postgres.kill()
    time.sleep(1)
    around.postgres.start()
    yield stage.healed(f"install, prefill, event; {again} began again", [*before, *during], presses=2)


def ecwid_slow_silent_rude(stage: Stage, _: Around) -> Iterator[Verdict]:
    """Ecwid answers late, not at all, with errors, with nonsense, and too seldom; then it is well again."""
    stage.hub.web(workers=2)
    stage.hub.worker("--beat")
    for how in ("slow", "dropped", "reset", "server_error", "html", "malformed", "rate_limited", "drip"):
        stage.market.disturb("profile", how, times=2, seconds=3)
    stores = stage.press(MANY)
    stage.market.disturb("token", "rate_limited", times=3, seconds=1)
    stage.market.disturb("token", "slow", times=3, seconds=2)
    stage.arrive(stores)
    again = stage.insist(stores)
    stage.rename(stores)
    yield stage.healed(f"install, prefill, event; {again} began again", stores, presses=2)


def disk_full(stage: Stage, _: Around) -> Iterator[Verdict]:
    """No file of the web server may grow any more: SQLite cannot write. Then somebody makes room."""
    web = stage.hub.web()
    stores = stage.press(MANY)
    _limit_files(web, 8192)
    refused = stage.arrive(stores)
    _limit_files(web, resource.RLIM_INFINITY)
    stage.hub.worker("--beat")
    again = stage.insist(stores)
    assert any(status != 303 for status in refused), "the disk was not full"
    yield stage.healed(f"install; {again} began again", stores, presses=2)


def _limit_files(process: Process, size: int) -> None:
    for pid in process.pids():
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def clocks_an_hour_off(stage: Stage, _: Around) -> Iterator[Verdict]:
    """One worker's clock is an hour ahead, another's an hour behind, and the web server's is right."""
    stage.hub.web()
    for hours in (1, -1):
        environment = stage.hub.environment | {"CHAOS_HOURS": str(hours)}
        stage.hub.environment, kept = environment, stage.hub.environment
        stage.hub.run("tests.chaos.shifted", name=f"shifted-{hours}")
        stage.hub.environment = kept
    stage.hub.worker("--beat")
    stores = stage.press(MANY)
    stage.arrive(stores)
    stage.rename(stores)
    yield stage.healed("install, prefill, event", stores)


def two_schedulers(stage: Stage, _: Around) -> Iterator[Verdict]:
    """Two schedulers run by accident, each with a worker."""
    stage.hub.web()
    stage.hub.worker("--beat")
    stage.hub.worker("--beat")
    stores = stage.press(MANY)
    stage.arrive(stores)
    stage.wait(lambda: all(map(stage.right, stores)))
    stage.rename(stores)
    yield stage.healed("install, prefill, event", stores)
    Installation.objects.update(uninstalled_at=Now(), secret_token="", public_token="", erase_due_at=Now())
    seconds = stage.wait(lambda: not Installation.objects.filter(erase_due_at__isnull=False).exists())
    lost = Installation.objects.filter(erased_at=None).count()
    yield Verdict(stage.fault, "erase", MANY, lost, stage.doubled([]), round(seconds, 1))


def old_and_new_version(stage: Stage, around: Around) -> Iterator[Verdict]:
    """An older version goes on on the migrated database, web and worker, beside the new one."""
    stage.hub.web(code=around.older)
    stage.hub.worker(code=around.older)
    first = stage.press(MANY)
    stage.arrive(first)
    stage.hub.web()  # both take from the same door
    second = stage.press(MANY)
    stage.arrive(second)
    stage.hub.worker("--beat")
    stage.rename([*first, *second])
    yield stage.healed("install, prefill, event", [*first, *second])
