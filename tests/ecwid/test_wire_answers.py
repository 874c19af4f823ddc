"""What comes back over the wire, and what is made of it when it is not what it should be."""

import contextlib
import gzip
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installs.ecwid import errors, wire
from tests.ecwid.loopback import Answer, Heard, Line, Server, Site, closed_port


def ask(url: str, max_bytes: int = 1_000_000) -> wire.Reply:
    return wire.send(wire.Request("GET", url, max_bytes=max_bytes))


def saying(*data: bytes) -> Server:
    def talk(line: Line) -> None:
        line.hear_head()
        for piece in data:
            line.say(piece)

    return Server(talk)


def test_an_answer_comes_back_whole() -> None:
    answer = Answer(418, b"short and stout", {"X-Pot": "tea"}, reason="I am a teapot")
    with Site(answer) as site:
        reply = ask(f"{site.url}/pot?full=1")
    assert (reply.status, reply.body, reply.reason) == (418, b"short and stout", "I am a teapot")
    assert reply.headers["x-pot"] == reply.headers["X-POT"] == "tea"
    assert (site.heard[0].method, site.heard[0].path) == ("GET", "/pot?full=1")


def test_what_is_asked_arrives_as_given() -> None:
    with Site(Answer()) as site:
        headers = {"Authorization": "Bearer secret_A", "Content-Type": "text/plain"}
        wire.send(wire.Request("PUT", f"{site.url}/a%2Fb", headers, "naïve".encode()))
    heard = site.heard[0]
    assert (heard.method, heard.path, heard.body) == ("PUT", "/a%2Fb", "naïve".encode())
    assert heard.headers["authorization"] == "Bearer secret_A"
    assert heard.headers["content-type"] == "text/plain"
    assert heard.headers["accept-encoding"] == "gzip"


def test_gzip_is_asked_for_and_decoded() -> None:
    with Site(Answer(body=gzip.compress(b"much " * 1000), headers={"Content-Encoding": "gzip"})) as site:
        assert ask(site.url).body == b"much " * 1000


def test_a_body_of_exactly_the_allowed_size_passes_and_one_byte_more_does_not() -> None:
    with Site(Answer(body=b"x" * 1000), Answer(body=b"x" * 1001)) as site:
        assert len(ask(site.url, max_bytes=1000).body) == 1000
        with pytest.raises(errors.Malformed, match="larger than 1000 bytes"):
            ask(site.url, max_bytes=1000)


def test_the_size_limit_holds_for_the_decoded_body_and_a_bomb_fills_no_memory() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
    assert len(bomb) < 200_000
    with Site(Answer(body=bomb, headers={"Content-Encoding": "gzip"})) as site:
        tracemalloc.start()
        try:
            with pytest.raises(errors.Malformed) as caught:
                ask(site.url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert caught.value.sent
    assert caught.value.status == 200
    assert peak < 5_000_000


@pytest.mark.parametrize("status", [200, 302])
def test_a_body_without_end_is_cut(status: int) -> None:
    def talk(line: Line) -> None:
        line.hear_head()
        line.say(f"HTTP/1.1 {status} OK\r\nLocation: /elsewhere\r\n\r\n".encode())
        while line.pause(0):
            line.say(b"x" * 100_000)

    with Server(talk) as server, pytest.raises(errors.Malformed) as caught:
        ask(server.url)
    assert caught.value.status == status


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with Site(Answer(status, headers={"Location": "/elsewhere"})) as site:
        with pytest.raises(errors.Malformed) as caught:
            ask(f"{site.url}/here")
        assert [heard.path for heard in site.heard] == ["/here"]
    assert caught.value.status == status


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
    ids=["another protocol", "no status", "too many headers", "too long a header", "two lengths", "not gzip"],
)
def test_nonsense_is_malformed_and_counts_as_sent(garbage: bytes) -> None:
    with saying(garbage) as server, pytest.raises(errors.Malformed) as caught:
        ask(server.url)
    assert caught.value.sent


@pytest.mark.parametrize(
    "piece",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nonly this",
    ],
    ids=["nothing", "less than announced", "half a chunk"],
)
def test_a_connection_that_ends_too_early_is_unreachable_and_counts_as_sent(piece: bytes) -> None:
    with saying(piece) as server, pytest.raises(errors.Unreachable) as caught:
        ask(server.url)
    assert caught.value.sent
    assert type(caught.value) is errors.Unreachable


def test_a_reset_counts_as_sent() -> None:
    def talk(line: Line) -> None:
        line.hear_head()
        line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.sock.close()

    with Server(talk) as server, pytest.raises(errors.Unreachable) as caught:
        ask(server.url)
    assert caught.value.sent
    assert str(caught.value) == "No whole answer came (ConnectionResetError)."


@pytest.mark.parametrize(("host", "reason"), [("127.0.0.1", "ConnectionRefusedError"), ("nobody.invalid", "gaierror")])
def test_what_cannot_be_connected_to_is_not_sent(host: str, reason: str) -> None:
    with pytest.raises(errors.Unreachable) as caught:
        ask(f"http://{host}:{closed_port()}/")
    assert not caught.value.sent
    assert str(caught.value) == f"The request could not be sent ({reason})."


def test_tls_at_a_plain_port_is_not_sent() -> None:
    def talk(line: Line) -> None:
        line.hear()
        line.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Server(talk) as server, pytest.raises(errors.Unreachable) as caught:
        ask(f"https://127.0.0.1:{server.port}/")
    assert not caught.value.sent
    assert "SSLError" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "127.0.0.1/",
        "http:///path",
        "http://name:word@127.0.0.1/",
        "http://127.0.0.1/#part",
        "http://[::1/",
        "http://127.0.0.1:port/",
        "",
    ],
)
def test_only_plain_http_addresses_are_called(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ask(url)


@pytest.mark.parametrize("value", ["secret_A\r\nX: y", "secret_A\n", " secret_A", "secret_Ä", "secret_\x00"])
def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ValueError, match="characters") as caught:
        wire.send(wire.Request("GET", "http://127.0.0.1:1/", {"Authorization": value}))
    assert "secret_" not in str(caught.value)


def test_a_header_name_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(ValueError, match="characters"):
        wire.send(wire.Request("GET", "http://127.0.0.1:1/", {"X: y\r\nZ": "1"}))


def test_requests_and_replies_show_neither_headers_nor_bodies_nor_queries() -> None:
    request = wire.Request("POST", "http://h/p?code=CODE", {"Authorization": "Bearer secret_A"}, b"code=CODE")
    reply = wire.Reply(200, {"Set-Cookie": "secret_A"}, b'{"access_token": "secret_A"}')
    assert repr(request) == "Request(POST http://h/p)"
    assert repr(reply) == "Reply(200, 28 bytes)"


def test_a_failure_drags_nothing_of_the_request_along() -> None:
    with pytest.raises(errors.Unreachable) as caught:
        wire.send(wire.Request("POST", "http://nobody.invalid/?q=CODE", {"Authorization": "Bearer secret_A"}, b"CODE"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "CODE" not in str(caught.value)


class Echo:
    """A server that answers with whatever is put into `next`."""

    next = b""

    def talk(self, line: Line) -> None:
        line.hear_head()
        line.say(self.next)


@pytest.fixture(scope="module")
def echo() -> Iterator[tuple[Echo, str]]:
    echo = Echo()
    with Server(echo.talk) as server:
        yield echo, server.url


heads = st.sampled_from(
    [b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
)


@settings(max_examples=60, deadline=None)
@given(head=heads, tail=st.binary(max_size=200))
def test_no_answer_whatever_raises_anything_but_our_errors(echo: tuple[Echo, str], head: bytes, tail: bytes) -> None:
    echo[0].next = head + tail
    with contextlib.suppress(errors.EcwidError):
        ask(echo[1])


def test_many_threads_get_their_own_answers() -> None:
    def mirror(heard: Heard) -> Answer:
        return Answer(body=heard.path.encode())

    with Site(mirror) as site, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: ask(f"{site.url}/{n}").body, range(200)))
    assert replies == [f"/{n}".encode() for n in range(200)]
