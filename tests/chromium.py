"""Debian's chromium: one for all tests of a process, and a loud word at the end of a run that had to do without."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

PATIENCE = 30_000  # milliseconds for anything to appear, on a machine however busy
PLAYED = ("admin.example", "evil.example")  # sites that are not ours: browsers tell sites apart by name, not by port
# Nothing but our own pages: no updates, no look-ups, no cookie on another site's page, and hardly a name resolves.
FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--test-third-party-cookie-phaseout",
    f"--host-resolver-rules={', '.join(f'MAP {name} 127.0.0.1' for name in PLAYED)}, MAP * ~NOTFOUND,"
    " EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
PATH = shutil.which("chromium") or shutil.which("chromium-browser")
_REASON = "chromium is not installed"


@pytest.fixture(scope="session")
def browser_program() -> Iterator[Browser]:
    """The browser; each test opens contexts of its own in it, which know nothing of each other."""
    # Playwright keeps an event loop in this thread, which Django takes for a mistake; nothing here is asynchronous.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "yes"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=FLAGS)
        yield browser
        browser.close()


def pytest_configure() -> None:
    """Stop before the first test where a browser is required and there is none.

    :raises pytest.UsageError: when so.
    """
    if PATH is None and os.environ.get("ECWIDHUB_REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"ECWIDHUB_REQUIRE_BROWSER=1, and {_REASON}.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the browser tests where there is no browser."""
    if PATH is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=_REASON))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not tested."""
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if "browser" in report.keywords]
    if left_out:
        terminalreporter.section("NOT TESTED IN A BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"{len(left_out)} browser test(s) did not run ({_REASON}). On Debian: apt-get install chromium"
        )
