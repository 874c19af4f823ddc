"""Limits by token, and the long block for those who go on with a dead one. Source: contract §4.3."""

import pytest

from tests.sandbox import Sandbox
from tests.sandbox.limiter import Limiter
from tests.sandbox.switches import Switches
from tests.sandbox_tests.wire import Reply, get, installed


def ask(sandbox: Sandbox, token: str, times: int) -> list[Reply]:
    return [get(sandbox, "/1003/latest-stats", token) for _ in range(times)]


def test_the_request_over_the_limit_is_429_with_retry_after(sandbox: Sandbox) -> None:
    sandbox.switches.requests_a_minute = 3
    token = installed(sandbox)["access_token"]

    *good, late = ask(sandbox, token, 4)

    assert {reply.status for reply in good} == {200}
    assert (late.status, late.json["errorCode"]) == (429, "RATE_LIMITED")
    assert 1 <= int(late.headers["Retry-After"]) <= 60


def test_each_token_has_its_own_limit(sandbox: Sandbox) -> None:
    sandbox.switches.requests_a_minute = 2
    grant = installed(sandbox)
    ask(sandbox, grant["access_token"], 3)

    assert ask(sandbox, grant["public_token"], 1)[0].status == 200


def test_a_blocked_token_looks_dead_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.requests_a_minute = 1
    sandbox.switches.blocked_token = "403"
    token = installed(sandbox)["access_token"]

    late = ask(sandbox, token, 2)[1]

    assert (late.status, late.body) == (403, b"")
    assert sandbox.live_tokens("demo-app", 1003) == [token]


def test_going_on_with_a_dead_token_brings_a_long_block(sandbox: Sandbox) -> None:
    *refused, blocked = ask(sandbox, "secret_dead", 21)

    assert {reply.status for reply in refused} == {403}
    assert (blocked.status, blocked.headers["Retry-After"]) == (429, "3600")


def test_many_dead_tokens_shut_the_whole_address_out(sandbox: Sandbox) -> None:
    sandbox.switches.dead_requests_an_address = 5
    good = installed(sandbox)["access_token"]

    for number in range(6):
        get(sandbox, "/1003/profile", f"secret_dead{number}")

    assert get(sandbox, "/1003/profile", good).status == 429


def test_a_reset_forgets_blocks(sandbox: Sandbox) -> None:
    ask(sandbox, "secret_dead", 21)

    sandbox.reset()

    assert ask(sandbox, "secret_dead", 1)[0].status == 403


@pytest.fixture
def limiter() -> Limiter:
    return Limiter(Switches(requests_a_minute=2, dead_requests_a_minute=2, block_seconds=600))


def test_a_token_is_free_again_a_minute_after_the_first_request(limiter: Limiter) -> None:
    assert [limiter.wait("a", now) for now in (0.0, 10.0, 20.0)] == [0, 0, 40]
    assert limiter.wait("a", 60.0) == 0


def test_hammering_a_blocked_token_makes_the_block_long(limiter: Limiter) -> None:
    waits = [limiter.wait("a", float(now)) for now in range(5)]

    assert waits == [0, 0, 58, 57, 600]
    assert limiter.wait("a", 120.0) > 400
    assert limiter.wait("a", 2000.0) == 0
