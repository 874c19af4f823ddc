"""Counters: what happened, counted where it happens, for GET /metrics.

Each process counts in files of its own in METRICS_DIR, shared memory that survives it; whoever answers a scrape adds
all of them up. One count costs microseconds, and no failure to count ever reaches whoever is served.
"""

import fcntl
import logging
import os
import re
from pathlib import Path

from django.conf import settings
from prometheus_client import Counter, Histogram, values

from installs.ecwid import wire

log = logging.getLogger(__name__)

_FILES = ("counter", "histogram")
_FILE_BYTES = 256 * 1024
_PLACES = 1000


class _Place:
    """The number of the files this process counts in: the lowest that no other living process holds.

    The library would name files by process id: with workers that are replaced all the time they would fill the disk.
    The lock is not inherited by a fork, so each child takes a place of its own, and dies with its process.
    """

    def __init__(self) -> None:
        self.wanted = False  # until the first count, so that a command that counts nothing leaves no file
        self._number = ""
        self._pid = 0
        self._held = -1

    def __call__(self) -> str:
        if self.wanted and self._pid != os.getpid():
            self._take(settings.METRICS_DIR)
            self._pid = os.getpid()
        return self._number

    def _take(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(_PLACES):
            held = os.open(folder / f"{number}.place", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(held)
                continue
            for kind in _FILES:
                _reserve(folder / f"{kind}_{number}.db")
            self._number, self._held = str(number), held
            return
        raise OSError("no place left to count in")


def _reserve(path: Path) -> None:
    """Have the disk keep room for a file: writing to shared memory that it has no room for kills the process."""
    if path.exists():
        return
    partial = path.with_suffix(f".{os.getpid()}")
    try:
        with partial.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, _FILE_BYTES)
        partial.rename(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


_place = _Place()
values.ValueClass = values.MultiProcessValue(_place)  # type: ignore[no-untyped-call]

_installs = Counter(
    "ecwidhub_installs", "Visits that may install, by how they ended.", ["app", "outcome"], registry=None
)
_calls = Counter(
    "ecwidhub_ecwid_calls", "Requests to Ecwid, by what came of them.", ["endpoint", "result"], registry=None
)
_call_seconds = Histogram(
    "ecwidhub_ecwid_call_seconds",
    "How long requests to Ecwid took; the endpoint token is the exchange of a code.",
    ["endpoint"],
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 3, 5, 8, 13),
    registry=None,
)
_webhooks = Counter(
    "ecwidhub_webhooks", "Deliveries at the webhook door, by verdict.", ["app", "verdict"], registry=None
)
_events = Counter("ecwidhub_events", "Tries to handle an event: done, retry, dead.", ["app", "result"], registry=None)
_prefill_seconds = Histogram(
    "ecwidhub_prefill_seconds",
    "From the install to the filled settings.",
    ["app"],
    buckets=(0.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800, 7200),
    registry=None,
)
_prefills = Counter(
    "ecwidhub_prefills", "Tries to fill a store's settings, by result.", ["app", "result"], registry=None
)
_told = Counter("ecwidhub_alert_deliveries", "Tries to tell of an alert, by result.", ["kind", "result"], registry=None)
_place.wanted = True

# First segments below a store's address; anything else is "other", so that no label grows with what is called.
_ENDPOINT = re.compile(r"/\d+/(profile|application|storage|latest-stats|orders|products|customers|categories|batch)\b")
_TOKEN = re.compile(r"/token(?:/\d+)?$")
_EXACT = frozenset({"402", "403", "404", "429"})


def folder() -> str:
    """Return where the processes' files are, for whoever adds them up."""
    settings.METRICS_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(settings.METRICS_DIR)


def _count(counter: Counter, *labels: str) -> None:
    try:
        counter.labels(*labels).inc()
    except OSError as error:
        log.warning("not_counted", extra={"reason": type(error).__name__})


def _observe(histogram: Histogram, seconds: float, *labels: str) -> None:
    try:
        histogram.labels(*labels).observe(seconds)
    except OSError as error:
        log.warning("not_counted", extra={"reason": type(error).__name__})


def install(client_id: str, outcome: str) -> None:
    """Count one visit that ended. `client_id` is that of a registered app, "" for a visit to none."""
    _count(_installs, client_id, outcome)


def webhook(client_id: str, verdict: str) -> None:
    """Count one delivery: accepted, repeated, or why it was refused."""
    _count(_webhooks, client_id, verdict)


def event(client_id: str, result: str) -> None:
    """Count one try to handle an event."""
    _count(_events, client_id, result)


def prefill(client_id: str, result: str) -> None:
    """Count one try to fill a store's settings."""
    _count(_prefills, client_id, result)


def prefilled(client_id: str, seconds: float) -> None:
    """Note how long a merchant's settings took to be filled after the install."""
    _observe(_prefill_seconds, seconds, client_id)


def told(kind: str, result: str) -> None:
    """Count one try to tell of an alert."""
    _count(_told, kind, result)


def called(request: wire.Request, result: str, seconds: float) -> None:
    """Count one request, if it was one to Ecwid; the wire tells us of each."""
    endpoint = endpoint_of(request)
    if endpoint is None:
        return
    _count(_calls, endpoint, result if result in _EXACT or not result.isdecimal() else f"{result[0]}xx")
    _observe(_call_seconds, seconds, endpoint)


def endpoint_of(request: wire.Request) -> str | None:
    """Return which of Ecwid's endpoints a request is for, in one of a few words; None when it is for somebody else."""
    if not request.url.startswith((settings.ECWID_API_URL, settings.ECWID_OAUTH_URL)):
        return None
    path = request.url.partition("?")[0]
    if _TOKEN.search(path):
        return "token"
    found = _ENDPOINT.search(path)
    return found[1] if found else "other"
