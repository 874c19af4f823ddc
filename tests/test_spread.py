"""A parallel run starts what is dear once, begins with what takes long, and has one process more than cores."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLAIN = """
import pytest

@pytest.mark.parametrize("n", range(8))
def test_short(n):
    pass

@pytest.mark.long
def test_long():
    pass
"""
SHARED = """
import pytest

pytestmark = pytest.mark.browser

@pytest.mark.parametrize("n", range(8))
def test_shared(n):
    pass
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run of two files with as many processes as there are by default says."""
    folder = tmp_path_factory.mktemp("spread")
    (folder / "test_plain.py").write_text(PLAIN)
    (folder / "test_shared.py").write_text(SHARED)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  browser\n  long\n")
    plugins = ("-p", "tests.spread", "-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-v", "-n", "auto", "--dist", "loadgroup", *plugins]
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_is_a_process_more_than_cores(said: str) -> None:
    assert f"{(os.cpu_count() or 1) + 1} workers [17 items]" in said


def done_by_worker(said: str) -> dict[str, list[str]]:
    """Return the names of the tests that each process has run, in their order."""
    found: dict[str, list[str]] = {}
    for worker, name in re.findall(r"\[(gw\d+)\] .*::(\w+)", said):
        found.setdefault(worker, []).append(name)
    return found


def test_one_process_runs_all_that_shares_something(said: str) -> None:
    assert sorted({names.count("test_shared") for names in done_by_worker(said).values()}) == [0, 8]


def test_what_takes_long_is_begun_first(said: str) -> None:
    assert {"test_long", "test_shared"} <= {names[0] for names in done_by_worker(said).values()}
