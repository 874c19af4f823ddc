"""A bounded load on one server of this machine, and what came of it."""

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.bench.servers import Server

Send = Callable[[http.client.HTTPConnection], int]


@dataclass
class Result:
    """What one run measured; times in milliseconds."""

    seconds: float = 0.0
    cpu: float = 0.0  # seconds, of the server's processes alone
    times: list[float] = field(default_factory=list)
    failures: int = 0

    @property
    def a_second(self) -> float:
        return len(self.times) / self.seconds if self.seconds else 0.0

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / len(self.times)

    def percentile(self, share: int) -> float:
        return statistics.quantiles(self.times, n=100)[share - 1] if len(self.times) > 1 else 0.0


def run(server: Server, jobs: Iterator[Send], *, threads: int) -> Result:
    """Do every job once over `threads` connections that are kept, and measure each."""
    result, lock = Result(), threading.Lock()
    cpu, started = server.cpu(), time.perf_counter()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        while True:
            with lock:
                job = next(jobs, None)
            if job is None:
                break
            began = time.perf_counter()
            status = job(connection)
            took = (time.perf_counter() - began) * 1000
            with lock:
                result.times.append(took)
                result.failures += status >= 400
        connection.close()

    crew = [threading.Thread(target=work) for _ in range(threads)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    result.seconds, result.cpu = time.perf_counter() - started, server.cpu() - cpu
    return result


def request(method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Send:
    """Return a job that sends one request and reads the whole answer."""

    def send(connection: http.client.HTTPConnection) -> int:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        reply.read()
        return reply.status

    return send
