"""Counts requests by token and by address, and blocks who asks too often. Source: contract §4.3."""

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from tests.sandbox.switches import Switches

MINUTE = 60.0


@dataclass
class Meter:
    """What one token or one address did within the last minute."""

    good: deque[float] = field(default_factory=deque)
    bad: deque[float] = field(default_factory=deque)
    blocked_until: float = 0.0


class Limiter:
    """Two sets of meters: of tokens, working or not, and of the addresses that use dead ones."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._tokens: dict[str, Meter] = defaultdict(Meter)
        self._addresses: dict[str, Meter] = defaultdict(Meter)

    def address_wait(self, address: str, now: float) -> int:
        """Give the seconds for which an address is shut out, 0 when it is not."""
        return _left(self._addresses[address].blocked_until, now)

    def wait(self, token: str, now: float) -> int:
        """Count one request with a working token; give the seconds to wait, 0 to go on."""
        meter = self._tokens[token]
        _forget(meter.good, now)
        if meter.blocked_until <= now and len(meter.good) < self._switches.requests_a_minute:
            meter.good.append(now)
            return 0
        self._punish(meter, self._switches.dead_requests_a_minute, now)
        free_at = meter.good[0] + MINUTE if meter.good else now + MINUTE
        return max(1, _left(max(free_at, meter.blocked_until), now))

    def dead_wait(self, token: str, address: str, now: float) -> int:
        """Count one request with a dead token; give the seconds of a long block, 0 when none began."""
        self._punish(self._addresses[address], self._switches.dead_requests_an_address, now)
        meter = self._tokens[token]
        self._punish(meter, self._switches.dead_requests_a_minute, now)
        return _left(meter.blocked_until, now)

    def _punish(self, meter: Meter, most: int, now: float) -> None:
        _forget(meter.bad, now)
        meter.bad.append(now)
        if len(meter.bad) > most:
            meter.blocked_until = now + self._switches.block_seconds


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] <= now - MINUTE:
        times.popleft()


def _left(until: float, now: float) -> int:
    return max(0, math.ceil(until - now))
