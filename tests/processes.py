"""The hub's real processes, for stories that only they can tell: web server, worker and schedule.

Each runs in a process group of its own, writes to a file of its own, and is ended with all that it started.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

import requests
from django.db import connection

from tests.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 60.0

T = TypeVar("T")


def until(condition: Callable[[], T], seconds: float = _PATIENCE) -> T:
    """Return what `condition` gives as soon as that is true.

    :raises AssertionError: when it is still false after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"still {found!r} after {seconds:g} s"
        time.sleep(0.02)
    return found


def database_url() -> str:
    """Return the address of the database that this test uses, for other processes."""
    known = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{known['NAME']}"
    who = ":".join(quote(known[part], safe="") for part in ("USER", "PASSWORD") if known[part])
    where = f"{quote(known['HOST'] or 'localhost', safe='')}:{known['PORT'] or 5432}"
    return f"postgres://{who}@{where}/{quote(known['NAME'], safe='')}"


class Process:
    """One process and all that it starts. What they say goes to the file `said`."""

    def __init__(self, command: Sequence[str], said: Path, **options: Any) -> None:
        self.said = said
        self._killed = False
        with said.open("ab") as out:
            self._leader = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **options
            )

    @property
    def words(self) -> str:
        """Everything said so far."""
        return self.said.read_text("utf-8", "replace")

    def wait_for(self, condition: Callable[[], T]) -> T:
        """Return what `condition` gives as soon as that is true.

        :raises AssertionError: with everything said, when the process ends before or it takes too long.
        """

        def ready() -> T:
            assert self._leader.poll() is None, f"ended with {self._leader.returncode}"
            return condition()

        try:
            return until(ready)
        except AssertionError as error:
            raise AssertionError(f"{self.said.name}: {error}\n{self.words}") from None

    def pids(self) -> list[int]:
        """Name it and all that it started, as long as they live."""
        alive = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(int(entry.name)) == self._leader.pid:
                    alive.append(int(entry.name))
        return alive

    def end(self) -> None:
        """Ask it to end, as a service manager does, and wait until it has."""
        self._leader.terminate()
        self._leader.wait(timeout=_PATIENCE)
        self.kill()

    def kill(self) -> None:
        """End it and all that it started, as `kill -9` does."""
        if self._killed:
            return  # its number may be somebody else's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._leader.pid, signal.SIGKILL)
        self._leader.wait()
        self._killed = True


class Hub:
    """The hub as it runs for one test or one file of tests, in a folder of its own. Also a context manager.

    Its address is known before anything runs, and a visit waits at the door until the web server is there.
    `changes` are variables of the environment that differ from those of the run (tests/environment.py).
    """

    def __init__(self, folder: Path, ecwid: Sandbox, **changes: str) -> None:
        self._door = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.processes: list[Process] = []
        self.folder = folder
        self.spool = folder / "spool"
        self.queue = folder / "queue"
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        ours = {
            "SITE_URL": self.url,
            "VAR_DIR": str(folder),
            "SPOOL_DIR": str(self.spool),
            "DATABASE_URL": database_url(),
            "ECWID_OAUTH_URL": ecwid.oauth_url,
            "ECWID_API_URL": ecwid.api_url,
            "ECWID_ADMIN_ORIGINS": ecwid.origin,
            "ECWID_APP_SDK_URL": f"{ecwid.origin}/ecwid-app.js",
        }
        self.environment = dict(os.environ) | ours | changes
        self._admin = ecwid.origin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.kill()
        self._door.close()

    def run(self, *command: str, name: str, code: Path = ROOT, **options: Any) -> Process:
        """Start one of our Python programs: `run("celery", "-A", "ecwidhub", "beat", name="beat")`.

        `code` is where a copy of the project stands, for stories with an older version.
        """
        said = self.folder / f"{name}-{len(self.processes)}.log"
        process = Process([sys.executable, "-m", *command], said, cwd=code, env=self.environment, **options)
        self.processes.append(process)
        return process

    def web(self, workers: int = 1, code: Path = ROOT) -> Process:
        """Start the web server, as production does but for the number of workers."""
        door = self._door.fileno()
        bind = ("--bind", f"fd://{door}", "--workers", str(workers))
        web = self.run("gunicorn", "ecwidhub.wsgi", *bind, name="web", code=code, pass_fds=(door,))
        web.wait_for(lambda: self.follow("/healthz").ok)
        return web

    def worker(self, *options: str, code: Path = ROOT) -> Process:
        """Start a worker of one process and return once it takes work; `-B` brings the schedule along."""
        name = f"worker-{len(self.processes)}"
        schedule = ("--schedule", str(self.folder / name))
        quick = ("--concurrency", "1", "--without-gossip", "--without-mingle", "--hostname", name)
        command = ("celery", "-A", "ecwidhub", "worker", "--loglevel", "INFO", *quick, *schedule, *options)
        worker = self.run(*command, name=name, code=code)
        worker.wait_for(lambda: " ready." in worker.words)
        return worker

    def manage(self, *command: str, **changes: str) -> str:
        """Run a management command to its end and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment | changes,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def follow(self, address: str, browser: requests.Session | None = None) -> requests.Response:
        """Follow a link as a browser does that comes from the store's admin, in a new browser unless one is given.

        What it is told to do next (a redirect, a refresh) is left to the caller.
        """
        headers = {"Referer": f"{self._admin}/", "Sec-Fetch-Dest": "document"}
        with contextlib.nullcontext(browser) if browser else new_browser() as visitor:
            return visitor.get(self.url + address, headers=headers, allow_redirects=False, timeout=_PATIENCE)

    @property
    def words(self) -> str:
        """Everything that all processes said."""
        return "".join(process.words for process in self.processes)


def new_browser() -> requests.Session:
    """Return a browser without a screen: it keeps cookies, and knows no proxy."""
    browser = requests.Session()
    browser.trust_env = False
    return browser
