"""Whether a process is up, and whether it can serve: true under each fault, and quick."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Never

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ecwidhub import readiness
from installs import tasks
from installs.models import Pulse
from tests.ecwid.loopback import closed_port, deaf_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _scheduled(settings: LazySettings, tmp_path: Path) -> None:
    settings.SPOOL_DIR = tmp_path / "spool"
    Pulse.objects.beat("sweep")


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, json.loads(answer.content)


def down(*_: object) -> Never:
    raise OperationalError("the server closed the connection")


def test_all_is_well() -> None:
    assert ready() == (200, {"ready": True, "problems": [], "warnings": []})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_whoever_watches_us_comes_by_any_address_and_nobody_else_does(path: str, settings: LazySettings) -> None:
    settings.METRICS_TOKEN, settings.ALLOWED_HOSTS = "watching", ["hub.example.com"]
    browser = Client(headers={"Authorization": "Bearer watching", "Host": "10.1.2.3:8000"})
    assert browser.get(path).status_code == 200
    assert browser.get("/sign-in/").status_code == 400


def test_looking_costs_a_few_queries() -> None:
    ready()
    with CaptureQueriesContext(connection) as captured:
        ready()
    assert len(captured) <= 3


def test_a_database_that_is_down_is_a_problem_and_the_process_is_still_up() -> None:
    with connection.execute_wrapper(down):
        status, said = ready()
        assert Client().get("/healthz").status_code == 200
    assert (status, said["problems"]) == (503, ["database: does not answer"])
    assert ready()[0] == 200


def test_a_migration_that_is_missing_is_a_problem() -> None:
    recorder = MigrationRecorder(connection)
    newest = max(name for app, name in readiness._shipped() if app == "installs")
    recorder.record_unapplied("installs", newest)
    try:
        assert ready() == (
            503,
            {"ready": False, "problems": ["migrations: 1 not applied"], "warnings": []},
        )
    finally:
        recorder.record_applied("installs", newest)
    assert ready()[0] == 200


def test_a_broker_that_is_down_is_a_problem(settings: LazySettings) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{closed_port()}/0"
    assert ready()[1]["problems"] == ["queue: does not answer"]


def test_a_broker_that_hangs_is_a_problem_within_a_second(settings: LazySettings) -> None:
    with deaf_port() as listener:
        settings.REDIS_URL = f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        started = datetime.now(UTC)
        assert ready()[0] == 503
    assert datetime.now(UTC) - started < timedelta(seconds=3)


def test_an_embedded_queue_without_its_folder_is_a_problem(settings: LazySettings, tmp_path: Path) -> None:
    settings.REDIS_URL, settings.QUEUE_DIR = "", tmp_path / "gone"
    assert ready()[1]["problems"] == ["queue: its directory is missing"]


def test_a_full_disk_stops_what_keeps_its_rows_there_and_else_hampers(settings: LazySettings) -> None:
    settings.DISK_FREE_LEAST = 2**60
    status, said = ready()
    if connection.vendor == "sqlite":
        assert (status, said["problems"]) == (503, ["database: its disk is full"])
    else:
        assert status == 200
    assert said["warnings"] == ["spool: its disk is full"]


def test_an_unusable_spool_is_said_and_takes_no_page_away(settings: LazySettings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    status, said = ready()
    assert (status, "SPOOL_DIR cannot be made" in said["warnings"][0]) == (200, True)


def test_a_silent_schedule_is_said() -> None:
    Pulse.objects.update(at=datetime.now(UTC) - timedelta(seconds=70))
    status, said = ready()
    assert (status, said["warnings"][0][:22]) == (200, "schedule: silent since")
    tasks.sweep()
    assert ready()[1]["warnings"] == []


def test_a_schedule_that_has_never_run_is_said() -> None:
    Pulse.objects.all().delete()
    assert ready()[1]["warnings"] == ["schedule: has never run"]
