"""Background work by real workers: killed, missing, doubled, without a broker - and the row still gets done."""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from django.conf import LazySettings
from django.db import connection

from ecwidhub import celery_app
from installs import spool, tasks
from installs.ecwid import oauth
from installs.models import AppRegistration, Erasure, Installation, InstallAttempt, Prefill
from tests.cast import long_ago, make_app, work
from tests.ecwid.loopback import closed_port, deaf_port
from tests.people import Merchant
from tests.processes import Hub, until
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hub(ecwid: Sandbox, tmp_path: Path, settings: LazySettings) -> Iterator[Hub]:
    """A hub on the embedded queue, in a folder that nobody else's messages reach. Nothing runs yet."""
    with Hub(tmp_path, ecwid, REDIS_URL="") as hub:
        settings.SITE_URL = hub.url
        yield hub


def is_filled(merchant: Merchant) -> bool:
    return merchant.installation.prefill.state == Prefill.State.DONE


def seconds_to_follow(hub: Hub, address: str) -> float:
    """Follow a link that installs, and return how long the browser waited."""
    started = time.monotonic()
    assert hub.follow(address).status_code == 303
    return time.monotonic() - started


def leave_a_grant_behind(merchant: Merchant) -> None:
    """Do what a web process does that is killed between the exchange and the database."""
    code = merchant.sandbox.press_install(merchant.app.client_id, merchant.store_id)
    attempt, _ = InstallAttempt.objects.claim(merchant.app, merchant.arrival(code))
    grant = oauth.exchange_code(merchant.app.oauth_client(), code, merchant.store_id)
    spool.prepare()
    spool.put(spool.Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=7))


def at_once(job: Callable[[], None], times: int = 4) -> None:
    """Do a job several times at the same moment, each with a database connection of its own."""
    start = Barrier(times)

    def one(_: int) -> None:
        start.wait()
        try:
            job()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(one, range(times)))


class Bomb:
    """Makes a folder where somebody unpickles it."""

    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.crater),)


def test_an_install_is_filled_within_seconds(hub: Hub, merchant: Merchant) -> None:
    hub.worker()
    hub.web()
    hub.follow(merchant.address())

    until(lambda: is_filled(merchant), seconds=60)
    assert merchant.store.display_name == "Paper Trail"
    assert merchant.installation.prefill.tries == 1
    assert len(merchant.sandbox.calls_of("profile")) == 1


def test_without_any_worker_the_install_answers_at_once_and_is_filled_when_one_comes(
    hub: Hub, merchant: Merchant
) -> None:
    hub.web()
    assert seconds_to_follow(hub, merchant.address()) < 15
    assert merchant.installation.prefill.state == Prefill.State.WAITING
    assert merchant.sandbox.calls_of("profile") == []
    hub.worker()

    until(lambda: is_filled(merchant), seconds=60)


@pytest.mark.long
def test_a_worker_killed_in_the_middle_is_followed_by_another_once_its_lease_is_over(
    hub: Hub, merchant: Merchant
) -> None:
    """Nobody is told: the message died with the worker, so only the schedule can find the row."""
    merchant.install()
    merchant.sandbox.disturb("profile", "slow", seconds=600)
    killed = hub.worker()
    until(lambda: merchant.sandbox.calls_of("profile"))
    killed.kill()
    merchant.sandbox.calm()
    other = hub.worker("--beat")
    until(lambda: "tasks.sweep" in other.words and " succeeded" in other.words)
    time.sleep(0.5)  # longer than what the sweep rang for needs to begin
    assert merchant.installation.prefill.state == Prefill.State.RUNNING
    assert len(merchant.sandbox.calls_of("profile")) == 1
    Prefill.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))

    until(lambda: is_filled(merchant), seconds=60)
    assert merchant.installation.prefill.tries == 2
    assert merchant.store.display_name == "Paper Trail"


@pytest.mark.parametrize("broker", ["dead", "deaf"])
def test_a_broker_that_is_gone_slows_one_visitor_a_little_and_loses_nothing(
    ecwid: Sandbox, tmp_path: Path, settings: LazySettings, broker: str
) -> None:
    """After one failure the doorbell is left alone for 15 s, so the second visitor does not wait for it."""
    with deaf_port() as deaf:
        port = deaf.getsockname()[1] if broker == "deaf" else closed_port()
        with Hub(tmp_path, ecwid, REDIS_URL=f"redis://127.0.0.1:{port}/0") as hub:
            settings.SITE_URL = hub.url
            hub.web()
            app = make_app(ecwid, settings, "demo-app", "Parcel Pilot")
            merchants = [Merchant(ecwid, app, store_id) for store_id in (1003, 1004)]
            waits = [seconds_to_follow(hub, merchant.address()) for merchant in merchants]

            assert hub.words.count("broker_unavailable") == 1
    assert max(waits) < 15
    assert {merchant.installation.prefill.state for merchant in merchants} == {Prefill.State.WAITING}


def test_two_sweeps_at_once_do_nothing_twice(sandbox: Sandbox, app: AppRegistration) -> None:
    """Two schedules, or a schedule and a worker that has just started."""
    merchants = [Merchant(sandbox, app, store_id) for store_id in (1003, 1004, 1005, 1006, 1007, 1008)]
    for merchant in merchants[:3]:
        merchant.install()
    for merchant in merchants[3:]:
        leave_a_grant_behind(merchant)
    at_once(tasks.sweep)
    at_once(work)

    assert Installation.objects.count() == len(merchants)
    assert {one.generation for one in Installation.objects.all()} == {1}
    assert {one.outcome for one in InstallAttempt.objects.all()} == {InstallAttempt.Outcome.INSTALLED}
    assert {(one.state, one.tries) for one in Prefill.objects.all()} == {(Prefill.State.DONE, 1)}
    assert len(sandbox.calls_of("profile")) == len(merchants)
    assert list(spool.waiting()) == []


def test_two_workers_at_once_erase_once(merchant: Merchant) -> None:
    merchant.install()
    installation = merchant.installation
    Installation.objects.update(uninstalled_at=long_ago(), erase_due_at=long_ago())
    at_once(lambda: tasks.erase(installation.pk))

    assert Erasure.objects.count() == 1
    assert (merchant.installation.erase_due_at, merchant.installation.erased_at is None) == (None, False)


def test_a_pickle_in_the_queue_is_rejected_and_runs_nothing(hub: Hub, merchant: Merchant, tmp_path: Path) -> None:
    bomb = Bomb(tmp_path / "crater")
    worker = hub.worker()
    folder = {"data_folder_in": str(hub.queue), "data_folder_out": str(hub.queue)}
    control = {"control_folder": str(hub.queue / "control")}
    with celery_app.connection_for_write("filesystem://", transport_options=folder | control) as broker:
        broker.Producer(serializer="pickle").publish(
            ((bomb,), {}, {}),
            routing_key="bulk",
            declare=[celery_app.amqp.queues["bulk"]],
            headers={"task": "installs.tasks.sweep", "id": "bomb"},
        )
    worker.wait_for(lambda: "ContentDisallowed" in worker.words)
    hub.web()
    hub.follow(merchant.address())

    until(lambda: is_filled(merchant), seconds=60)
    assert not bomb.crater.exists()


def test_the_doctor_s_message_goes_through_the_queue_and_back(hub: Hub, app: AppRegistration) -> None:
    hub.worker("-B")
    found = {one["subject"]: one for one in json.loads(hub.manage("doctor", "--json"))}
    assert (found["worker"]["level"], "went through 3 queues and back" in found["worker"]["text"]) == ("ok", True)
    assert found["schedule"]["level"] == "ok"


@pytest.mark.long
def test_the_doctor_names_the_queue_that_nobody_reads(hub: Hub, app: AppRegistration) -> None:
    hub.worker("-Q", "install,events")
    found = {one["subject"]: one for one in json.loads(hub.manage("doctor", "--json"))}
    assert (found["worker"]["level"], "all queues but bulk" in found["worker"]["text"]) == ("warning", True)
