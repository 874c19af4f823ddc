"""The budget of a token is one for all processes while Redis answers, and each process's own while it does not."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import LazySettings

from installs import pace as shared_pace
from installs.ecwid import errors, pace

KEY = pace.key_of("secret_of_a_store")


@pytest.fixture
def url(settings: LazySettings) -> Iterator[str]:
    """The Redis of this run, without what earlier tests have spent."""
    if not settings.REDIS_URL:
        reason = "NOT TESTED: the pace in Redis needs a run on real services (make test-services)"
        if os.environ.get("ECWIDHUB_TEST_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    client = redis.Redis.from_url(settings.REDIS_URL)
    with client:
        client.delete(f"pace:{KEY}", f"cool:{KEY}")
        yield settings.REDIS_URL
        client.delete(f"pace:{KEY}", f"cool:{KEY}")


def taken(one: shared_pace.RedisPace, at_most: int) -> int:
    """Take until the budget is used up; return how many there were."""
    for count in range(at_most):
        try:
            one.take(KEY)
        except errors.Throttled:
            return count
    return at_most


class TestTogether:
    """Two processes with one token."""

    def test_they_share_one_budget(self, url: str) -> None:
        first, second = shared_pace.RedisPace(url), shared_pace.RedisPace(url)
        started = time.monotonic()
        half = taken(first, pace.BURST // 2)
        rest = taken(second, 10 * pace.BURST)

        refilled = (time.monotonic() - started) * pace.PER_SECOND
        assert half == pace.BURST // 2
        assert pace.BURST - 1 <= half + rest <= pace.BURST + refilled + 1

    def test_who_finds_it_used_up_hears_how_long_to_wait(self, url: str) -> None:
        taken(shared_pace.RedisPace(url), 10 * pace.BURST)
        with pytest.raises(errors.Throttled) as caught:
            _spend_all(shared_pace.RedisPace(url))
        assert not caught.value.sent
        assert 0 < (caught.value.retry_after or 0) <= 1 / pace.PER_SECOND

    def test_one_that_must_be_quiet_quiets_the_other(self, url: str) -> None:
        first, second = shared_pace.RedisPace(url), shared_pace.RedisPace(url)
        assert second.cooling(KEY) == 0
        first.cool(KEY, 30)
        first.cool(KEY, 5)

        assert 10 < second.cooling(KEY) <= 30
        with pytest.raises(errors.Throttled) as caught:
            second.take(KEY)
        assert 10 < (caught.value.retry_after or 0) <= 30
        second.take(pace.key_of("another token"))

    def test_quiet_ends_by_itself(self, url: str) -> None:
        one = shared_pace.RedisPace(url)
        one.cool(KEY, 0.05)
        time.sleep(0.1)
        assert one.cooling(KEY) == 0
        one.take(KEY)

    def test_redis_keeps_nothing_that_is_no_longer_needed(self, url: str) -> None:
        one = shared_pace.RedisPace(url)
        one.take(KEY)
        one.cool(KEY, 30)
        with redis.Redis.from_url(url) as client:
            left = client.pttl(f"pace:{KEY}")
            assert left == -2 or 0 <= left <= 1000 / pace.PER_SECOND + 1, "gone, or soon"
            assert 10_000 < client.pttl(f"cool:{KEY}") <= 30_000


def _spend_all(one: shared_pace.RedisPace) -> None:
    for _ in range(10 * pace.BURST):
        one.take(KEY)


class TestAlone:
    """Without Redis each process paces itself; a caller never meets a Redis error."""

    @pytest.fixture
    def gone(self) -> Iterator[shared_pace.RedisPace]:
        """A pace whose Redis refuses connections: the port is held, and nobody listens."""
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            yield shared_pace.RedisPace(f"redis://127.0.0.1:{held.getsockname()[1]}/0")

    def test_calls_pass_and_the_burst_is_its_own(self, gone: shared_pace.RedisPace) -> None:
        started = time.monotonic()
        for _ in range(pace.BURST):
            gone.take(KEY)
        assert time.monotonic() - started < 5, "no call waited for its turn"
        gone.take(KEY)
        assert time.monotonic() - started >= 0.05

    def test_quiet_is_kept(self, gone: shared_pace.RedisPace) -> None:
        gone.cool(KEY, 30)
        assert 10 < gone.cooling(KEY) <= 30
        with pytest.raises(errors.Throttled):
            gone.take(KEY)

    def test_a_redis_that_hangs_costs_half_a_second_and_no_more(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            one = shared_pace.RedisPace(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
            started = time.monotonic()
            one.take(KEY)
            assert 0.4 < time.monotonic() - started < 10

    def test_one_that_goes_away_in_the_middle_is_done_without(self, url: str) -> None:
        with _Wire(url) as wire:
            one = shared_pace.RedisPace(wire.url)
            one.take(KEY)
            one.cool(KEY, 30)
        assert 10 < one.cooling(KEY) <= 30
        with pytest.raises(errors.Throttled):
            one.take(KEY)
        one.take(pace.key_of("another token"))


class _Wire:
    """A wire to Redis that can be cut."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._there = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._door.getsockname()[1]}{parts.path}"
        self._ends: list[socket.socket] = []

    def __enter__(self) -> "_Wire":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self._door, *self._ends):
            with contextlib.suppress(OSError):  # it may be cut already
                end.shutdown(socket.SHUT_RDWR)  # closing alone would not wake the thread that waits there
            end.close()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._door.accept()
            except OSError:
                return
            there = socket.create_connection(self._there)
            self._ends += [here, there]
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=_carry, args=(source, target), daemon=True).start()


def _carry(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
    except OSError:
        return
