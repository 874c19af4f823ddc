"""Connections that keep to one deadline and know whether a byte of the request ever left.

The timeouts of requests and urllib3 hold for one wait at a time: an answer that drips a byte a second, or a
name with many silent addresses, is waited for without end. Here each wait gets what is left of the whole.
"""

import contextlib
import contextvars
import dataclasses
import http.client
import io
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import requests.adapters
import requests.utils
import urllib3
import urllib3.connection
import urllib3.util

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Address = tuple[int, int, int, str, Any]  # a row of socket.getaddrinfo
SocketOption = tuple[int, int, int | bytes]


@dataclasses.dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect to one address (the same again for TLS), between two bytes, and for it all."""

    connect: float = 3.0
    read: float = 5.0
    total: float = 12.0


class Attempt:
    """One request on its way: when it must be over, and what is known of it so far."""

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self.ends_at = time.monotonic() + timeouts.total
        self.sent = False  # a byte of the request may have left
        self.garbled = False  # something came back that is not HTTP

    def left(self) -> float:
        """Return the seconds left, always more than none.

        :raises TimeoutError: when the deadline has passed
        """
        left = self.ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        return left

    def to_connect(self) -> float:
        return min(self.timeouts.connect, self.left())

    def to_read(self) -> float:
        return min(self.timeouts.read, self.left())


_current: contextvars.ContextVar[Attempt] = contextvars.ContextVar("attempt")


@contextlib.contextmanager
def running(attempt: Attempt) -> Iterator[None]:
    """Let the connections used inside the block, in this thread, keep to `attempt`'s deadline."""
    token = _current.set(attempt)
    try:
        yield
    finally:
        _current.reset(token)


def resolve(
    host: str,
    port: int,
    seconds: float,
    lookup: Callable[..., list[Any]] = socket.getaddrinfo,
) -> list[Address]:
    """Look a name up within `seconds`, in a thread: the C library's own patience cannot be set from here.

    :raises OSError: when the name does not resolve, TimeoutError among them
    """
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(lookup(host, port, type=socket.SOCK_STREAM))
        except OSError as exc:
            answers.put(exc)
        except UnicodeError:
            answers.put(socket.gaierror("not a host name"))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError("the name did not resolve in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


class Names:
    """The addresses of names that were looked up a moment ago: a connection of its own for each exchange does not
    need a look-up, and a thread to make it in, of its own too."""

    LIFE = 10.0  # seconds; what moves to another address is found there after as long, or once its old one fails

    def __init__(self, lookup: Callable[[str, int, float], list[Address]] = resolve) -> None:
        self._lookup = lookup
        self._known: dict[tuple[str, int], tuple[float, list[Address]]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[Address]:
        """Return the addresses of `host`, looked up within `seconds` unless they are known.

        :raises OSError: when the name does not resolve
        """
        until, known = self._known.get((host, port), (0.0, []))
        if time.monotonic() < until:
            return known
        found = self._lookup(host, port, seconds)
        self._known[host, port] = time.monotonic() + self.LIFE, found
        return found

    def forget(self, host: str, port: int) -> None:
        """Look it up anew the next time: none of its addresses answered."""
        self._known.pop((host, port), None)


_names = Names()


def dial(addresses: Iterable[Address], attempt: Attempt, options: Sequence[SocketOption]) -> socket.socket:
    """Connect to the first address that answers, trying each in turn while time is left.

    :raises OSError: the last failure, when none answered
    """
    failure = OSError("the name has no address")
    for family, kind, protocol, _, address in addresses:
        try:
            return _connected(socket.socket(family, kind, protocol), address, attempt, options)
        except OSError as exc:
            failure = exc
    raise failure


def _connected(sock: socket.socket, address: Any, attempt: Attempt, options: Sequence[SocketOption]) -> socket.socket:
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(attempt.to_connect())
        sock.connect(address)
        sock.settimeout(attempt.to_connect())  # the TLS handshake, if one follows, is one more wait
    except OSError:
        sock.close()
        raise
    return sock


class _Reader(io.RawIOBase):
    """Reads a socket, giving each wait no more than what is left before the deadline."""

    def __init__(self, sock: socket.socket, attempt: Attempt) -> None:
        self._sock = sock
        self._attempt = attempt
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        self._sock.settimeout(self._attempt.to_read())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer whose head and body are both read through the deadline."""

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp.close()
        self._attempt = _current.get()
        self.fp = io.BufferedReader(_Reader(sock, self._attempt))

    def begin(self) -> None:
        try:
            super().begin()
        except http.client.RemoteDisconnected:  # hung up without a word, which is not nonsense
            raise
        except http.client.HTTPException:
            self._attempt.garbled = True
            raise


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _Response

    def _new_conn(self) -> socket.socket:
        attempt = _current.get()
        addresses = _names.addresses(self._dns_host, self.port, attempt.left())
        try:
            return dial(addresses, attempt, self.socket_options or ())
        except OSError:
            _names.forget(self._dns_host, self.port)
            raise

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # here and not inside, so that a failed connection never counts as sent
        attempt = _current.get()
        self.sock.settimeout(attempt.to_read())
        attempt.sent = True
        super().send(data)


class _TLSConnection(_Connection, urllib3.connection.HTTPSConnection):
    """The same over TLS: urllib3 shakes hands in `connect`, so before the first `send`."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


def _authorities() -> ssl.SSLContext:
    context = urllib3.util.create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    context.load_verify_locations(requests.utils.DEFAULT_CA_BUNDLE_PATH)
    return context


_TRUST = _authorities()


class Adapter(requests.adapters.HTTPAdapter):
    """Makes requests use these connections; every request must run inside `running`."""

    def __init__(self, trust: ssl.SSLContext = _TRUST, **options: Any) -> None:
        self._trust = trust
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._trust, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def cert_verify(self, *_: Any) -> None:
        """Leave it to the context, which knows the authorities and demands a certificate.

        requests would have their list read for each connection, which takes 30 to 40 ms of CPU.
        """
