"""Small servers on the loopback: one speaks HTTP and remembers what it heard, one says whatever it is told."""

import contextlib
import datetime as dt
import functools
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from installs.ecwid import wire

QUICK = wire.Timeouts(connect=0.2, read=0.2, total=0.4)  # for what is bound to fail
PATIENT = wire.Timeouts(connect=30, read=30, total=60)  # for what succeeds, on however busy a machine


class Line:
    """One connection as the server's side holds it."""

    def __init__(self, sock: socket.socket, number: int, hung_up: threading.Event) -> None:
        self.sock = sock
        self.number = number
        self._hung_up = hung_up

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Wait, and tell whether to go on."""
        return not self._hung_up.wait(seconds)

    def hear(self) -> bytes:
        return self.sock.recv(65_536)

    def hear_head(self) -> bytes:
        heard = b""
        while b"\r\n\r\n" not in heard and (more := self.hear()):
            heard += more
        return heard


class Server:
    """Accepts connections on a port of its own and lets `talk` hold each in a thread."""

    def __init__(
        self,
        talk: Callable[[Line], None],
        tls: ssl.SSLContext | None = None,
        listener: socket.socket | None = None,
        accept_after: float = 0,
    ) -> None:
        self._talk = talk
        self._tls = tls
        self._accept_after = accept_after
        self._hung_up = threading.Event()
        self._threads: list[threading.Thread] = []
        self._held: list[socket.socket] = []
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._hung_up.set()
        for sock in (self._listener, *self._held):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join(timeout=5)

    def talks(self) -> list[threading.Thread]:
        """The threads that hold, or held, a connection."""
        return self._threads[1:]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        self._hung_up.wait(self._accept_after)
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        sock.settimeout(5)
        with contextlib.suppress(OSError), sock:
            held = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
            self._held.append(held)
            with held:
                self._talk(Line(held, number, self._hung_up))


@dataclass(frozen=True)
class Heard:
    """One request as it arrived; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


@dataclass(frozen=True)
class Answer:
    """What to say. A `body` that is not bytes goes out as JSON."""

    status: int = 200
    body: object = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = "Because"

    def spelled(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Length": str(len(body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} {self.reason}\r\n{lines}\r\n".encode("latin-1") + body


class Site(Server):
    """An HTTP server with keep-alive. Give it answers to say in turn, the last one again and again, or a function."""

    def __init__(self, *answers: Answer | Callable[[Heard], Answer], **options: Any) -> None:
        super().__init__(self._converse, **options)
        self._answers = list(answers)
        self._turn = threading.Lock()
        self.heard: list[Heard] = []

    def _converse(self, line: Line) -> None:
        while (heard := _request(line)) is not None:
            with self._turn:
                self.heard.append(heard)
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            line.say((answer if isinstance(answer, Answer) else answer(heard)).spelled())
            if heard.headers.get("connection") == "close":
                return


def _request(line: Line) -> Heard | None:
    head, _, body = line.hear_head().partition(b"\r\n\r\n")
    if not head:
        return None
    first, *rest = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        body += line.hear()
    return Heard(method, path, headers, body, line.number)


@contextlib.contextmanager
def deaf_port() -> Iterator[socket.socket]:
    """A listener where connecting takes for ever: its queue is full and nobody accepts."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listener.getsockname()[1]
        for _ in range(4):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", port))
        yield listener


@functools.cache
def _held() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def closed_port() -> int:
    """A port where nobody listens, held so that nobody ever will."""
    port: int = _held().getsockname()[1]
    return port


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1: the file that trusts it, and the context that shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.add_extension(address, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
