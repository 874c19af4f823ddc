"""The servers that are compared, with the same gunicorn settings, each with a database of its own; and a worker."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from tests.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 60.0


@dataclass
class Server:
    """One side of the comparison: what it runs as, and the processes of it that run."""

    name: str
    application: str
    variables: dict[str, str]
    port: int
    started_in: float = 0.0  # seconds from nothing to the first answer
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def inside(self, what: str, **given: Any) -> dict[str, Any]:
        """Run one measurement inside a process of this side."""
        module = "tests.bench.inside" if self.name == "hub" else "tests.bench.floor"
        command = [sys.executable, "-m", module, what]
        text = json.dumps(given)
        done = subprocess.run(command, cwd=ROOT, env=self.variables, input=text, stdout=subprocess.PIPE, text=True)  # noqa: PLW1510
        done.check_returncode()
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def memory(self) -> float:
        """Return the private and shared memory of all its processes in MB, each page counted once (PSS)."""
        total = 0
        for folder in self._folders():
            lines = (folder / "smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def processes_and_files(self) -> tuple[int, int]:
        """Count its processes, and the files and connections that they hold open."""
        folders = list(self._folders())
        return len(folders), sum(len(list((folder / "fd").iterdir())) for folder in folders)

    def cpu(self) -> float:
        """Return the CPU seconds of all its processes so far, of those that have ended too."""
        total = 0
        for folder in self._folders():
            total += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15]))
        return total / _TICKS

    def start(self, *command: str, ready: Callable[[str], bool]) -> float:
        """Start one process more and return the seconds until it was ready, which what it has said may tell."""
        began, said = time.monotonic(), Path(self.variables["VAR_DIR"]) / f"said-{len(self.processes)}"
        with said.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.variables,
                start_new_session=True,
                stdout=out,
                stderr=out,
            )
        self.processes.append(process)
        while not ready(said.read_text("utf-8", "replace")):
            if process.poll() is not None or time.monotonic() - began > _PATIENCE:
                raise subprocess.CalledProcessError(process.returncode or 1, command)
            time.sleep(0.01)
        return time.monotonic() - began

    def stop(self, process: "subprocess.Popen[bytes]") -> None:
        """End one process and all that it started."""
        self.processes.remove(process)
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)

    def answers(self, _: str) -> bool:
        """Tell whether the web server answers anything at all."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    def _folders(self) -> Iterator[Path]:
        groups = {process.pid for process in self.processes}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) in groups:
                    yield folder
            except ProcessLookupError:
                continue


def _variables(folder: Path, name: str, sandbox: Sandbox, secret: str, database: str) -> dict[str, str]:
    var = folder / name
    var.mkdir()
    return os.environ | {
        "SECRET_KEY": "bench" * 12,
        "TOKEN_KEYS": "bench" * 12,
        "SITE_URL": "http://localhost:8000",
        "VAR_DIR": str(var),
        "SPOOL_DIR": str(var / "spool"),
        "DATABASE_URL": _fresh(database, f"ecwidhub_bench_{name}")
        if database
        else f"sqlite:///{var / 'bench.sqlite3'}",
        "REDIS_URL": os.environ.get("REDIS_URL", ""),
        "ECWID_OAUTH_URL": sandbox.oauth_url,
        "ECWID_API_URL": sandbox.api_url,
        "ECWID_ADMIN_ORIGINS": sandbox.origin,
        "FLOOR_ECWID": sandbox.origin,
        "FLOOR_SECRET": secret,
        "CLIENT_SECRET": secret,
        "LOG_LEVEL": "WARNING",
    }


def _fresh(url: str, name: str) -> str:
    """Make a database of its own beside the one that `url` names, and return its address."""
    parts = urlsplit(url)
    with psycopg.connect(parts._replace(scheme="postgresql").geturl(), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return parts._replace(path=f"/{name}").geturl()


@contextmanager
def hub_server(folder: Path, sandbox: Sandbox, secret: str, database: str) -> Iterator[Server]:
    """Serve ecwidhub with one registered app."""
    variables = _variables(folder, "hub", sandbox, secret, database)
    _python(["manage.py", "migrate", "-v", "0"], variables)
    scopes = "read_store_profile read_catalog public_storefront"
    _python(["manage.py", "register_app", "demo-app", "--name", "Demo", "--scopes", scopes], variables)
    with _serve("hub", "ecwidhub.wsgi", variables) as server:
        yield server


@contextmanager
def floor_server(folder: Path, sandbox: Sandbox, secret: str, database: str) -> Iterator[Server]:
    """Serve the floor."""
    variables = _variables(folder, "floor", sandbox, secret, database)
    _python(["-c", "from tests.bench import floor; floor.prepare()"], variables)
    with _serve("floor", "tests.bench.floor", variables) as server:
        yield server


def _python(arguments: list[str], variables: dict[str, str]) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env=variables, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _serve(name: str, application: str, variables: dict[str, str]) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Server(name, application, variables, port)
    options = ["--bind", f"127.0.0.1:{port}", "--log-level", "warning", "--access-logfile", "/dev/null"]
    try:
        server.started_in = server.start("gunicorn", application, *options, ready=server.answers)
        yield server
    finally:
        for process in list(server.processes):
            server.stop(process)
