"""A run that leaves something out says so: browser tests are never skipped in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = """
import pytest

@pytest.mark.browser
def test_in_a_browser():
    pass

def test_without_one():
    pass
"""


def run(folder: Path, path: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a browser test and another one, with programs found in `path` alone."""
    (folder / "test_both.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser\n")
    plugins = ("-p", "tests.chromium", "-p", "no:django", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *plugins, *options, "test_both.py"]
    clean = {name: value for name, value in os.environ.items() if name != "ECWIDHUB_REQUIRE_BROWSER"}
    changed = clean | {"PYTHONPATH": str(ROOT), "PATH": path} | variables
    return subprocess.run(command, cwd=folder, env=changed, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["alone", "in parallel"])
def test_without_a_browser_the_end_of_the_run_says_loudly_what_was_not_tested(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = run(tmp_path, "", *options)

    assert done.returncode == pytest.ExitCode.OK
    assert "1 passed, 1 skipped" in done.stdout
    assert "!! NOT TESTED IN A BROWSER !!" in done.stdout
    assert "1 browser test" in done.stdout


def test_where_a_browser_is_required_its_absence_stops_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, "", ECWIDHUB_REQUIRE_BROWSER="1")

    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "chromium is not installed" in done.stderr


def test_with_a_browser_nothing_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "chromium").touch(mode=0o755)
    done = run(tmp_path, str(tmp_path), ECWIDHUB_REQUIRE_BROWSER="1")

    assert "2 passed" in done.stdout
    assert "NOT TESTED" not in done.stdout
