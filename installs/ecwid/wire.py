"""The only door to the network: one request out, one answer back, within a deadline and a size."""

import dataclasses
import http.cookiejar
import os
import re
import sys
import time
import urllib.parse
from collections.abc import Callable, Mapping

import requests
import requests.structures
import urllib3.exceptions

from installs.ecwid import deadline, errors

Timeouts = deadline.Timeouts

_CHUNK = 65_536
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_HEADER_VALUE = re.compile(r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?")


@dataclasses.dataclass(frozen=True)
class Request:
    """What to send. `fresh` asks for a connection of its own: on a kept one that turns out stale, nobody can
    tell whether the request was sent."""

    method: str
    url: str
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    timeouts: Timeouts = dataclasses.field(default_factory=Timeouts)
    max_bytes: int = 1_000_000
    fresh: bool = False

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.partition('?')[0]})"


@dataclasses.dataclass(frozen=True)
class Reply:
    """What came back. `headers` ignore case; `body` is decoded from gzip; `reason` is often empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    reason: str = ""

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes)"


Observer = Callable[[Request, str, float], None]
_observers: list[Observer] = []


def observe(observer: Observer) -> None:
    """Tell `observer` of every request: what came of it ("200", "unreachable", "lost", "malformed"), and seconds.

    Asking again changes nothing: Django readies its apps anew when the list of installed apps changes.
    """
    if observer not in _observers:
        _observers.append(observer)


def send(request: Request) -> Reply:
    """Send one request, once, and return the answer whatever its status, 3xx excepted.

    :raises Unreachable: when no whole answer came; `sent` tells whether any byte may have left
    :raises Malformed: when the answer is not HTTP, redirects, or is larger than `max_bytes` after decoding
    :raises ValueError: when the request itself cannot be sent anywhere; says nothing of what it holds
    """
    _check(request)
    started, result = time.monotonic(), "broken"
    try:
        reply = _send(request)
        result = str(reply.status)
    except errors.Unreachable as error:
        result = _word(error)
        raise
    finally:
        for observer in _observers:
            observer(request, result, time.monotonic() - started)
    return reply


def _word(error: errors.Unreachable) -> str:
    if isinstance(error, errors.Malformed):
        return "malformed"
    return "lost" if error.sent else "unreachable"


def _send(request: Request) -> Reply:
    attempt = deadline.Attempt(request.timeouts)
    with deadline.running(attempt):
        if not request.fresh:
            return _exchange(_pool.session, request, attempt)
        with _new_session() as session:
            return _exchange(session, request, attempt)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Follow nothing. Asking for that is not enough: requests still reads a redirect's body, any size."""
        return None


def _new_session() -> requests.Session:
    session = _Session()
    session.trust_env = False  # a .netrc would replace Authorization, a proxy variable would see the token
    session.headers.clear()
    session.headers["User-Agent"] = "ecwidhub"
    session.headers["Accept"] = "application/json"
    session.headers["Accept-Encoding"] = "gzip"  # Source: contract §4.1
    # A cookie set while answering for one store must not come back with the token of another.
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    adapter = deadline.Adapter(pool_connections=4, pool_maxsize=16, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _Pool:
    """The connections that this process keeps."""

    session: requests.Session

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.session = _new_session()


_pool = _Pool()
# Parent and child would otherwise write into the same sockets and read each other's answers.
os.register_at_fork(after_in_child=_pool.renew)


def _check(request: Request) -> None:
    url = urllib.parse.urlsplit(request.url)
    if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc or url.fragment:
        raise ValueError("only plain http and https addresses can be called")
    for name, value in request.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            # requests would refuse it too, and print the value, which may be the token
            raise ValueError("a header holds characters that cannot be sent")


def _exchange(session: requests.Session, request: Request, attempt: deadline.Attempt) -> Reply:
    headers = {**request.headers, "Connection": "close"} if request.fresh else request.headers
    prepared = session.prepare_request(
        requests.Request(request.method, request.url, headers=dict(headers), data=request.body)
    )
    times = (request.timeouts.connect, request.timeouts.read)
    outer = sys.exception()
    failure: errors.Unreachable
    try:
        with session.send(prepared, stream=True, timeout=times, allow_redirects=False) as response:
            return _reply(response, request.max_bytes)
    except (requests.exceptions.InvalidHeader, urllib3.exceptions.DecodeError) as exc:
        failure = errors.Malformed(f"The answer cannot be understood ({_root(exc, outer)}).")
    except (OSError, urllib3.exceptions.HTTPError) as exc:
        if attempt.garbled:
            failure = errors.Malformed(f"The answer is not HTTP ({_root(exc, outer)}).")
        else:
            what = "No whole answer came" if attempt.sent else "The request could not be sent"
            failure = errors.Unreachable(f"{what} ({_root(exc, outer)}).", sent=attempt.sent)
    raise failure  # out here, so that no text of the libraries hangs on it as context


def _root(exc: BaseException, outer: BaseException | None) -> str:
    """Name what the libraries wrapped, such as "ConnectionRefusedError", and not what a caller was handling."""
    while (inner := exc.__cause__ or exc.__context__) not in (None, outer):
        exc = inner
    return type(exc).__name__


def _reply(response: requests.Response, max_bytes: int) -> Reply:
    status = response.status_code
    if 300 <= status < 400:
        raise errors.Malformed(f"The answer is a redirect ({status}).", status=status)
    body = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > max_bytes:
            raise errors.Malformed(f"The answer is larger than {max_bytes} bytes.", status=status)
    headers = requests.structures.CaseInsensitiveDict(response.headers)
    return Reply(status, headers, bytes(body), response.reason)
