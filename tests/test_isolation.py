"""A test run stays by itself: it reaches no other machine, and no data of the developer's own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests import environment, loopback

ROOT = Path(__file__).resolve().parent.parent
SWALLOWS = """
import contextlib, socket

def test_reaches_out():
    with contextlib.suppress(Exception):
        socket.create_connection((HOST, 80), timeout=0.1)
"""


def verdict(folder: Path, host: str) -> int:
    """Return how pytest ends when a test connects to `host` and swallows whatever comes of it."""
    (folder / "test_it.py").write_text(SWALLOWS.replace("HOST", repr(host)))
    plugins = ["-p", "tests.loopback", "-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(folder), *plugins, "test_it.py"]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False).returncode


@pytest.mark.parametrize("host", ["192.0.2.1", "ecwid.example"])
def test_a_test_that_reaches_out_fails_even_if_it_swallows_the_error(tmp_path: Path, host: str) -> None:
    assert verdict(tmp_path, host) == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_a_test_that_stays_on_this_machine_may_connect(tmp_path: Path, host: str) -> None:
    assert verdict(tmp_path, host) == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        (None, True),
        (b"localhost", True),
        ("127.8.8.8", True),
        ("::1%lo", True),
        ("LOCALHOST.", True),
        ("0.0.0.0", False),  # noqa: S104  nothing is bound
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        (80, False),
    ],
)
def test_only_loopback_counts_as_this_machine(host: object, inside: bool) -> None:
    assert loopback.is_inside(host) is inside


def test_nothing_of_a_run_stands_beside_the_code() -> None:
    folders = [settings.VAR_DIR, settings.SPOOL_DIR]
    if not settings.REDIS_URL:
        folders.append(settings.QUEUE_DIR)

    assert all(Path(folder).is_relative_to(environment.FOLDER) for folder in folders)
    assert not environment.FOLDER.is_relative_to(settings.BASE_DIR)


def test_each_parallel_worker_has_a_redis_database_of_its_own() -> None:
    assert environment.redis_of(0, "redis://127.0.0.1:6379/8") == "redis://127.0.0.1:6379/8"
    assert environment.redis_of(3, "redis://127.0.0.1:6379/8") == "redis://127.0.0.1:6379/11"
    assert environment.redis_of(1, "redis://127.0.0.1:6379") == "redis://127.0.0.1:6379/1"


def test_the_folder_of_a_run_is_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "MEMORY", tmp_path)
    monkeypatch.setattr(environment, "ROOM", 0)
    assert environment.in_memory() == tmp_path
    monkeypatch.setattr(environment, "ROOM", 2**63)
    assert environment.in_memory() is None
    monkeypatch.setattr(environment, "MEMORY", tmp_path / "nowhere")
    assert environment.in_memory() is None
