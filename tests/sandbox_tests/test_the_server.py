"""The server behaves on the wire: keep-alive, lengths, limits, and an end that leaves nothing behind."""

import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import send


def connect(sandbox: Sandbox) -> http.client.HTTPConnection:
    place = urlsplit(sandbox.origin)
    return http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)


def test_one_connection_serves_many_requests(sandbox: Sandbox) -> None:
    connection = connect(sandbox)
    ports = set()

    for path in ("/", "/api/v3/1003/profile", "/nowhere", "/style.css"):
        connection.request("GET", path)
        reply = connection.getresponse()
        assert len(reply.read()) == int(reply.headers["Content-Length"])
        ports.add(connection.sock.getsockname()[1])

    connection.close()
    assert len(ports) == 1


def test_head_has_the_length_and_no_body(sandbox: Sandbox) -> None:
    reply = send(sandbox, "HEAD", "/api/v3/1003/profile")

    assert (reply.status, reply.body) == (405, b"")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("Content-Length: 99999999", 413),
        ("Content-Length: -1", 411),
        ("Content-Length: many", 411),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(sandbox: Sandbox, headers: str, status: int) -> None:
    place = urlsplit(sandbox.origin)
    with socket.create_connection((place.hostname, place.port or 0), timeout=30) as wire:
        wire.sendall(f"POST /api/oauth/token/1003 HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
        answer = b""
        while piece := wire.recv(65536):
            answer += piece

    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert sandbox.calls == []


def test_many_at_once_are_all_served_and_written_down(sandbox: Sandbox) -> None:
    sandbox.disturb("profile", "slow", times=20, seconds=30)
    threads = [threading.Thread(target=send, args=(sandbox, "GET", "/api/v3/1003/profile")) for _ in range(20)]

    for thread in threads:
        thread.start()
    while len(sandbox.calls) < 20:
        time.sleep(0.005)
    assert [call.status for call in sandbox.calls] == [0] * 20, "all are held at once"
    sandbox.calm()
    for thread in threads:
        thread.join()

    assert [call.status for call in sandbox.calls_of("profile")] == [403] * 20


def test_stopping_breaks_off_what_is_going_on_and_frees_the_port() -> None:
    sandbox = Sandbox().start()
    port = urlsplit(sandbox.origin).port or 0
    idle, held = connect(sandbox), connect(sandbox)
    idle.connect()
    sandbox.disturb("profile", "slow", seconds=60)
    held.request("GET", "/api/v3/1003/profile")
    while not sandbox.calls:
        time.sleep(0.005)
    before = time.monotonic()

    sandbox.stop()
    sandbox.stop()

    assert time.monotonic() - before < 30
    idle.close()
    held.close()
    with Sandbox(port) as again:
        assert send(again, "GET", "/").status == 200


def test_starting_twice_is_a_mistake(sandbox: Sandbox) -> None:
    with pytest.raises(RuntimeError):
        sandbox.start()
