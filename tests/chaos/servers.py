"""Servers of our own that may be killed: PostgreSQL and Redis, each in a folder and on a port of its own."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any, Self

from tests.processes import until

PROGRAMS = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]


def free_port() -> int:
    """Return a port that nobody holds just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


class Postgres:
    """A PostgreSQL that may be killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = False
        # It refuses to run as root.
        self._owner: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        self._port = free_port()

    def __enter__(self) -> Self:
        self._folder.mkdir(exist_ok=True)
        if self._owner:
            shutil.chown(self._folder, **self._owner)
        self._run("initdb", "--username=hub", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._runs:
            self.kill()

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgres://hub@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it and return once it answers."""
        where = f"-c listen_addresses=127.0.0.1 -p {self._port} -k {self._folder}"
        self._run("pg_ctl", "start", "--wait", "--log", str(self._folder / "log"), "--options", where)
        self._runs = True

    def kill(self) -> None:
        """Break every connection and tidy up nothing, as a crash does."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")
        self._runs = False

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(max(PROGRAMS) / program), "--pgdata", str(self._folder / "data"), *arguments]
        with (self._folder / "setup").open("ab") as said:
            subprocess.run(command, check=True, cwd="/", stdout=said, stderr=said, **self._owner)


class Redis:
    """A Redis that keeps nothing on disk: whoever restarts it finds it empty."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it and return once it answers."""
        command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self._answers)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with socket.socket() as door:
            return door.connect_ex(("127.0.0.1", self._port)) == 0
