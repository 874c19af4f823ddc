"""Keeps each token below Ecwid's rate limit, and quiet while Ecwid wants that. Knows tokens by hash only."""

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

from installs.ecwid import errors

# 600 requests a minute and token (contract §4.3): a burst of 60 and 9 a second make 600 in the worst minute.
BURST = 60
PER_SECOND = 9.0
PATIENCE = 1.0  # seconds that `take` may block
_KEYS_MAX = 10_000
_INSTANT = 1e-6  # seconds; a clock may not be able to tell less, and waiting for it would never end


class Pace(Protocol):
    """Shared by everybody who calls with the same token."""

    def take(self, key: str) -> None:
        """Take leave for one request, blocking briefly.

        :raises Throttled: with `sent` False, when there is none to come soon
        """

    def cool(self, key: str, seconds: float) -> None:
        """Let nobody call with this token for so long."""

    def cooling(self, key: str) -> float:
        """Return the seconds for which the token must stay quiet, 0 when it need not."""


def key_of(token: str) -> str:
    """Return the name under which a token is paced: a hash, so that no cache or listing shows the token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class LocalPace:
    """A pace for the threads of one process. Several processes together need one that they share."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._spent: dict[str, float] = {}  # when the bucket is full again, by key
        self._quiet: dict[str, float] = {}  # when the cool-down ends, by key

    def take(self, key: str) -> None:
        give_up = self._clock() + PATIENCE
        while (wait := self._claim(key)) > 0:
            if self._clock() + wait > give_up:
                raise errors.Throttled("The token's budget is used up.", sent=False, retry_after=wait)
            self._sleep(wait)

    def cool(self, key: str, seconds: float) -> None:
        with self._lock:
            self._quiet[key] = max(self._quiet.get(key, 0.0), self._clock() + seconds)

    def cooling(self, key: str) -> float:
        with self._lock:
            return max(self._quiet.get(key, 0.0) - self._clock(), 0.0)

    def _claim(self, key: str) -> float:
        """Book one request and return 0, or book nothing and return the seconds to wait."""
        with self._lock:
            now = self._clock()
            if len(self._spent) + len(self._quiet) > _KEYS_MAX:
                self._forget(now)
            full_at = max(self._spent.get(key, 0.0), now) + 1 / PER_SECOND
            wait = max(full_at - now - BURST / PER_SECOND, self._quiet.get(key, 0.0) - now)
            if wait > _INSTANT:
                return wait
            self._spent[key] = full_at
            return 0.0

    def _forget(self, now: float) -> None:
        self._spent = {key: at for key, at in self._spent.items() if at > now}
        self._quiet = {key: at for key, at in self._quiet.items() if at > now}
