"""A request is over when its time is over, whatever the other side does to keep it waiting."""

import itertools
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import requests

from installs.ecwid import deadline, errors, wire
from tests.ecwid.loopback import PATIENT, QUICK, Answer, Line, Server, Site, certificate, closed_port, deaf_port

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
SLACK = 20  # seconds a busy machine may add: without a deadline, each of these waits has no end at all


def failure(url: str, body: bytes | None = None, times: wire.Timeouts = QUICK) -> tuple[errors.Unreachable, float]:
    """Send a request that cannot succeed; return how it failed and after how many seconds."""
    started = time.monotonic()
    with pytest.raises(errors.Unreachable) as caught:
        wire.send(wire.Request("POST", url, body=body, timeouts=times))
    return caught.value, time.monotonic() - started


def drip(first: bytes, drop: bytes) -> Callable[[Line], None]:
    def talk(line: Line) -> None:
        line.hear_head()
        line.say(first)
        while line.pause(0.02):
            line.say(drop)

    return talk


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", id="header bytes"),
        pytest.param(b"HTT", b"P", id="status line bytes"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="interim answers"),
        pytest.param(HEAD + b"Content-Length: 100000\r\n\r\n", b"x", id="body bytes"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", id="chunks"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: 1\r\n", id="trailers"),
    ],
)
def test_an_answer_that_drips_is_given_up_at_the_deadline(first: bytes, drop: bytes) -> None:
    times = wire.Timeouts(connect=PATIENT.connect, read=PATIENT.read, total=0.4)  # a late drop must not end it
    with Server(drip(first, drop)) as server:
        error, seconds = failure(server.url, times=times)
    assert times.total - 0.05 <= seconds < times.total + SLACK
    assert error.sent
    assert not isinstance(error, errors.Malformed)


def test_an_answer_that_never_stops_starting_is_given_up_at_the_deadline() -> None:
    def talk(line: Line) -> None:
        line.hear_head()
        while line.pause(0):
            line.say(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)

    with Server(talk) as server:
        error, seconds = failure(server.url)
    assert seconds < QUICK.total + SLACK
    assert error.sent


def test_silence_after_accepting_is_given_up_after_the_read_time() -> None:
    def talk(line: Line) -> None:
        while line.pause(1):
            pass

    with Server(talk) as server:
        error, seconds = failure(server.url)
    assert QUICK.read - 0.05 <= seconds < QUICK.read + SLACK
    assert error.sent


def test_a_server_that_does_not_read_the_body_is_given_up_as_sent() -> None:
    def talk(line: Line) -> None:
        while line.pause(1):
            pass

    with Server(talk) as server:
        times = wire.Timeouts(connect=3, read=0.2, total=0.4)
        error, seconds = failure(server.url, b"x" * 30_000_000, times)
    assert seconds < times.total + SLACK
    assert error.sent


def test_a_port_that_takes_no_connection_is_given_up_as_not_sent() -> None:
    with deaf_port() as listener:
        error, seconds = failure(f"http://127.0.0.1:{listener.getsockname()[1]}/")
    assert seconds < QUICK.connect + SLACK
    assert not error.sent


def test_a_handshake_that_never_comes_is_given_up_as_not_sent() -> None:
    def talk(line: Line) -> None:
        while line.pause(1):
            pass

    with Server(talk) as server:
        error, seconds = failure(f"https://127.0.0.1:{server.port}/")
    assert seconds < QUICK.connect + SLACK
    assert not error.sent


def test_a_handshake_that_drips_is_given_up_as_not_sent() -> None:
    def talk(line: Line) -> None:
        line.say(b"\x16\x03\x03\x40\x00")  # the head of a TLS record of 16 kB, which then comes byte by byte
        while line.pause(0.02):
            line.say(b"\x02")

    with Server(talk) as server:
        error, seconds = failure(f"https://127.0.0.1:{server.port}/")
    assert seconds < QUICK.total + SLACK
    assert not error.sent


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


def trusting(authority: Path) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", deadline.Adapter(ssl.create_default_context(cafile=authority)))
    return session


class Reader(ssl.SSLContext):
    """Believes one authority, and counts how often it is to read a list of them."""

    def __new__(cls, _: Path) -> Self:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, authority: Path) -> None:
        self.reads = 0
        self.load_verify_locations(authority)

    def load_verify_locations(self, *files: Any, **named: Any) -> None:
        self.reads += 1
        super().load_verify_locations(*files, **named)


def test_the_deadline_holds_inside_tls_too(tls: tuple[Path, ssl.SSLContext]) -> None:
    authority, context = tls
    started = time.monotonic()
    times = wire.Timeouts(connect=1, read=1, total=1)  # time enough to shake hands
    attempt = deadline.Attempt(times)
    first = HEAD + b"Content-Length: 100000\r\n\r\n"
    with Server(drip(first, b"x"), context) as server, trusting(authority) as session:  # noqa: SIM117
        with deadline.running(attempt), pytest.raises(requests.ConnectionError):
            session.get(server.url, timeout=(times.connect, times.read))
    assert times.total <= time.monotonic() - started < times.total + SLACK
    assert attempt.sent


def test_the_authorities_are_read_once_and_not_for_each_connection(tls: tuple[Path, ssl.SSLContext]) -> None:
    authority, context = tls
    reader = Reader(authority)
    with Site(Answer(body=b"hello"), tls=context) as site, requests.Session() as session:
        session.trust_env = False
        for _ in range(2):
            session.mount("https://", deadline.Adapter(reader))  # has no connection yet
            with deadline.running(deadline.Attempt(PATIENT)):
                assert session.get(site.url, timeout=30).content == b"hello"
        assert (site.connections, reader.reads) == (2, 1)


def test_an_answer_over_tls_arrives(tls: tuple[Path, ssl.SSLContext]) -> None:
    authority, context = tls
    with Site(Answer(body=b"hello" * 10_000), tls=context) as site, trusting(authority) as session:
        for _ in range(2):
            with deadline.running(deadline.Attempt(PATIENT)):
                assert session.get(site.url, timeout=30).content == b"hello" * 10_000
        assert site.connections == 1


def test_a_certificate_nobody_vouches_for_stops_the_request_before_it_is_sent(
    tls: tuple[Path, ssl.SSLContext],
) -> None:
    with Site(Answer(), tls=tls[1]) as site:
        error, _ = failure(site.url, times=PATIENT)
    assert not error.sent
    assert site.heard == []
    assert "SSLCertVerificationError" in str(error)


def slow_lookup(*_: object, **__: object) -> list[Any]:
    time.sleep(60)
    return []


def test_a_name_that_takes_too_long_to_resolve_is_given_up() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        deadline.resolve("slow.invalid", 80, 0.1, lookup=slow_lookup)
    assert time.monotonic() - started < 0.1 + SLACK


def test_a_name_that_is_none_fails_like_one_that_does_not_resolve() -> None:
    with pytest.raises(OSError, match="not a host name"):
        deadline.resolve("x" * 64 + ".example", 80, 2)


class Directory:
    """A name service that counts the questions; every name leads to one port of this machine."""

    def __init__(self, *ports: int) -> None:
        self.asked: list[str] = []
        self._answers = itertools.chain(map(rows, ports), itertools.repeat(rows(ports[-1])))

    def __call__(self, host: str, _port: int, _seconds: float) -> list[deadline.Address]:
        self.asked.append(host)
        return list(next(self._answers))


def test_a_name_is_looked_up_once_for_many_connections_and_anew_a_while_later(monkeypatch: pytest.MonkeyPatch) -> None:
    directory = Directory(80)
    names = deadline.Names(directory)
    for _ in range(3):
        assert names.addresses("shop.example", 443, 1)[0][4] == ("127.0.0.1", 80)
    names.addresses("other.example", 443, 1)
    assert directory.asked == ["shop.example", "other.example"]
    monkeypatch.setattr(deadline.Names, "LIFE", 0.0)
    renewed = deadline.Names(directory)
    for _ in range(2):
        renewed.addresses("shop.example", 443, 1)
    assert directory.asked.count("shop.example") == 3


def test_a_name_whose_addresses_do_not_answer_is_looked_up_anew_at_the_next_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Site(Answer(body=b"moved")) as site:
        directory = Directory(closed_port(), site.port)
        monkeypatch.setattr(deadline, "_names", deadline.Names(directory))
        error, _ = failure("http://moved.example/", times=PATIENT)
        assert not error.sent
        reply = wire.send(wire.Request("GET", "http://moved.example/", timeouts=PATIENT, fresh=True))
        assert reply.body == b"moved"
        wire.send(wire.Request("GET", "http://moved.example/", timeouts=PATIENT, fresh=True))
    assert directory.asked == ["moved.example"] * 2


def rows(*ports: int) -> Iterator[deadline.Address]:
    return ((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)) for port in ports)


def test_the_next_address_is_tried_when_one_refuses() -> None:
    with Site(Answer()) as site:
        options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        with deadline.dial(rows(closed_port(), site.port), deadline.Attempt(PATIENT), options) as dialled:
            assert dialled.getpeername()[1] == site.port
            assert dialled.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_many_silent_addresses_together_take_no_longer_than_the_deadline() -> None:
    with deaf_port() as listener:
        port = listener.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            deadline.dial(itertools.islice(itertools.cycle(rows(port)), 400), deadline.Attempt(QUICK), ())
    assert time.monotonic() - started < QUICK.total + SLACK


def test_a_name_without_addresses_fails() -> None:
    with pytest.raises(OSError, match="no address"):
        deadline.dial([], deadline.Attempt(QUICK), ())
