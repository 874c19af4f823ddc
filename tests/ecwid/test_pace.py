"""No token is used more than 600 times in any minute, nor at all while it must be quiet."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import errors, pace


class Clock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def local(clock: Clock) -> pace.LocalPace:
    return pace.LocalPace(clock, clock.sleep)


def test_the_key_of_a_token_is_not_the_token() -> None:
    key = pace.key_of("secret_A")
    assert key == pace.key_of("secret_A") != pace.key_of("secret_B")
    assert len(key) == 32
    assert "secret" not in key
    assert pace.key_of("\ud800")


def test_a_burst_passes_without_waiting(local: pace.LocalPace, clock: Clock) -> None:
    for _ in range(pace.BURST):
        local.take("a")
    assert clock.slept == []


def test_beyond_the_burst_each_call_waits_its_turn(local: pace.LocalPace, clock: Clock) -> None:
    for _ in range(pace.BURST + 3):
        local.take("a")
    assert clock.slept == pytest.approx([1 / pace.PER_SECOND] * 3)


@given(st.lists(st.floats(0, 20), max_size=200))
def test_no_minute_ever_sees_more_than_600_calls(rests: list[float]) -> None:
    clock = Clock()
    local = pace.LocalPace(clock, clock.sleep)
    calls = []
    for rest in [*rests, *[0.0] * 700]:
        clock.now += rest
        local.take("a")
        calls.append(clock.now)
    assert all(later - earlier >= 60 - 1e-6 for earlier, later in zip(calls, calls[600:], strict=False))


def test_one_token_does_not_slow_another(local: pace.LocalPace, clock: Clock) -> None:
    for _ in range(pace.BURST):
        local.take("a")
    local.take("b")
    assert clock.slept == []


def test_a_token_that_must_be_quiet_is_not_used(local: pace.LocalPace, clock: Clock) -> None:
    local.cool("a", 40)
    with pytest.raises(errors.Throttled) as caught:
        local.take("a")
    assert caught.value.retry_after == 40
    assert not caught.value.sent
    assert clock.slept == []
    local.take("b")


def test_a_short_quiet_is_waited_for(local: pace.LocalPace, clock: Clock) -> None:
    local.cool("a", 0.5)
    local.take("a")
    assert clock.slept == [0.5]


def test_quiet_ends_by_itself_and_is_not_shortened(local: pace.LocalPace, clock: Clock) -> None:
    assert local.cooling("a") == 0
    local.cool("a", 40)
    local.cool("a", 5)
    assert local.cooling("a") == 40
    clock.now += 41
    assert local.cooling("a") == 0
    local.take("a")
    assert clock.slept == []


def test_waiting_is_given_up_when_others_keep_taking_the_turn(clock: Clock) -> None:
    def sleep_while_others_call(seconds: float) -> None:
        clock.sleep(seconds)
        shared.cool("a", 0.4)

    shared = pace.LocalPace(clock, sleep_while_others_call)
    shared.cool("a", 0.4)
    with pytest.raises(errors.Throttled):
        shared.take("a")
    assert len(clock.slept) == 2


def test_threads_together_get_no_more_than_the_burst() -> None:
    clock = Clock()

    def nobody_sleeps(seconds: float) -> None:
        raise AssertionError

    local = pace.LocalPace(clock, nobody_sleeps)
    taken = []

    def take() -> None:
        for _ in range(20):
            try:
                local.take("a")
            except (errors.Throttled, AssertionError):
                return
            taken.append(1)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == pace.BURST


def test_tokens_long_unused_are_forgotten_and_others_are_not(local: pace.LocalPace, clock: Clock) -> None:
    local.cool("quiet", 7200)
    for number in range(20_001):
        local.take(str(number))
        clock.now += 0.01
    assert local.cooling("quiet") > 0
    assert len(local._spent) < 10_001
