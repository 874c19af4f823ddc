"""Posts one event over a connection of its own, within Ecwid's limits. Source: contract §7.2, §7.5."""

import http.client
import socket
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.sandbox.events import Event

SUCCESS = frozenset({200, 201, 202, 204, 209})
_MOST_READ = 65_536


@dataclass(frozen=True)
class Delivery:
    """One try. `status` is 0 when no answer came; `attempt` counts from 1, and is 0 when nothing was sent."""

    event_id: str
    status: int
    seconds: float
    attempt: int
    succeeded: bool
    problem: str = ""


@dataclass(frozen=True)
class Limits:
    """Seconds to connect, and seconds from there to the end of the answer."""

    connect: float = 3.0
    answer: float = 10.0


class Line:
    """One connection that another thread may cut at any time."""

    def __init__(self, url: str, limits: Limits) -> None:
        self._parts = urlsplit(url)
        self._limits = limits
        self.is_cut = False
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(self._parts.hostname or "", self._parts.port, timeout=limits.connect)

    def post(self, event: Event) -> int:
        """Send it and give the status of the answer; a redirect is an answer.

        :raises OSError: when there is no answer in time, or the line was cut
        :raises http.client.HTTPException: when the answer is not HTTP
        """
        watch = threading.Timer(self._limits.answer, self.cut)
        try:
            self._connection.connect()
            self._connection.sock.settimeout(None)  # the watch alone ends it: two clocks for one limit would race
            watch.start()
            self._check()
            target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
            self._connection.request("POST", target, event.body, dict(event.headers))
            with self._connection.getresponse() as answer:
                answer.read(_MOST_READ)
                self._check()
                return answer.status
        finally:
            watch.cancel()
            self._connection.close()

    def cut(self) -> None:
        """Break the connection off, whatever it is waiting for."""
        self.is_cut = True
        line = self._connection.sock
        if line is not None:
            try:
                line.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def _check(self) -> None:
        if self.is_cut:
            raise TimeoutError


def tried(line: Line, event: Event, attempt: int) -> Delivery:
    """Post an event and say how it went."""
    begun = time.monotonic()
    status, problem = 0, ""
    try:
        status = line.post(event)
    except (OSError, http.client.HTTPException, ValueError) as wrong:
        problem = "no whole answer in time" if line.is_cut else str(wrong) or type(wrong).__name__
    seconds = time.monotonic() - begun
    return Delivery(event.event_id, status, seconds, attempt, status in SUCCESS, problem)
