"""Queues by urgency: a merchant who waits is behind nobody's nightly work."""

import fnmatch
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from ecwidhub import celery_app
from installs.models import Installation, Prefill
from tests.cast import make_app, work
from tests.people import Merchant
from tests.processes import Hub, until
from tests.sandbox import Sandbox

QUEUES = {"install", "events", "bulk"}


@pytest.fixture
def hub(ecwid: Sandbox, tmp_path: Path, settings: LazySettings) -> Iterator[Hub]:
    """A hub on the embedded queue. Nothing runs yet."""
    with Hub(tmp_path, ecwid, REDIS_URL="") as hub:
        settings.SITE_URL = hub.url
        yield hub


def test_each_task_has_a_queue_and_a_worker_that_is_told_nothing_takes_all_of_them() -> None:
    celery_app.loader.import_default_modules()
    ours = [name for name in celery_app.tasks if not name.startswith("celery.")]
    route = {name: celery_app.amqp.router.route({}, name)["queue"].name for name in ours}

    assert set(route.values()) == QUEUES
    assert set(celery_app.amqp.queues.consume_from) == QUEUES
    assert route["installs.tasks.prefill"] == route["accounts.tasks.send_sign_in_link"] == "install"
    assert route["installs.tasks.probe"] == "bulk"


def test_each_route_leads_to_a_task_that_exists(settings: LazySettings) -> None:
    celery_app.loader.import_default_modules()

    for pattern in settings.CELERY_TASK_ROUTES:
        assert fnmatch.filter(celery_app.tasks, pattern), pattern


@contextmanager
def embedded(folder: Path) -> Iterator[Any]:
    """Open the queue that files in a folder are, by a new name: kombu remembers the old ones for the whole process."""
    (folder / "control").mkdir(exist_ok=True)
    places = {"data_folder_in": str(folder), "data_folder_out": str(folder), "control_folder": str(folder / "control")}
    with (
        celery_app.connection_for_write("filesystem://", transport_options=places) as broker,
        broker.SimpleQueue(folder.name) as queue,
    ):
        yield queue


def test_a_message_is_in_the_embedded_queue_whole_or_not_at_all(tmp_path: Path) -> None:
    """Who reads a part of one, ends: a worker, and with it everything that waits."""

    def first_size() -> int:
        deadline = time.monotonic() + 30
        while not (found := list(tmp_path.glob("*.msg"))):
            assert time.monotonic() < deadline
        return found[0].stat().st_size

    with embedded(tmp_path) as queue, ThreadPoolExecutor(1) as worker:
        seen = worker.submit(first_size)
        queue.put({"long": "x" * 30_000_000})  # so long that a part of it would stand there for a while
        assert seen.result() > 30_000_000
        assert queue.get(timeout=30).payload["long"][-1] == "x"


def test_what_cannot_be_written_leaves_nothing_to_be_read(tmp_path: Path) -> None:
    with embedded(tmp_path) as queue, pytest.raises(TypeError):
        queue.channel._put(tmp_path.name, {"body": object()})

    assert [path.name for path in tmp_path.iterdir()] == ["control"]


@pytest.mark.django_db(transaction=True)
def test_an_install_is_filled_while_the_night_s_work_hangs(
    hub: Hub, ecwid: Sandbox, merchant: Merchant, settings: LazySettings
) -> None:
    app = make_app(ecwid, settings, "other-app", "Other")
    waiting = Merchant(ecwid, app, store_id=1004)
    merchant.install()
    work()
    Installation.objects.update(probe_due_at=datetime.now(UTC))
    ecwid.disturb("profile", "drip", seconds=30, every=0.5)
    before = len(ecwid.calls_of("profile"))
    hub.web()
    hub.worker("-Q", "install,events")
    night = hub.worker("-Q", "bulk")
    until(lambda: len(ecwid.calls_of("profile")) > before)  # the probe, which hangs
    hub.follow(waiting.address())

    until(lambda: waiting.installation.prefill.state == Prefill.State.DONE, seconds=15)
    assert "tasks.probe" in night.words
    ends = (" succeeded in ", " raised ", "SoftTimeLimitExceeded")
    assert not [word for word in ends if word in night.words], "the probe is over: this proves nothing"
