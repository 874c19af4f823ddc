"""`on_call`: something happens when Ecwid has acted and has not answered yet; and grants of another store."""

import threading

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import exchange, get, installed


def test_it_runs_after_the_call_was_acted_on_and_before_it_is_answered(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    seen: list[object] = []
    sandbox.on_call("token", lambda: seen.extend((sandbox.live_tokens("demo-app", 1003), sandbox.calls[-1].status)))

    grant = exchange(sandbox, code).json

    assert seen == [[grant["access_token"]], 0]


def test_it_runs_once_in_a_thread_of_the_sandbox_and_for_its_kind_only(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    threads: list[threading.Thread] = []
    sandbox.on_call("profile", lambda: threads.append(threading.current_thread()))

    get(sandbox, "/1003/application", token)
    assert threads == []
    get(sandbox, "/1003/profile", token)
    get(sandbox, "/1003/profile", token)

    assert len(threads) == 1
    assert threads != [threading.current_thread()]


def test_it_may_wait_while_others_are_answered(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    statuses: list[int] = []
    sandbox.on_call("profile", lambda: statuses.append(get(sandbox, "/1003/application", token).status))

    assert get(sandbox, "/1003/profile", token).status == 200
    assert statuses == [200]


def test_reset_forgets_it(sandbox: Sandbox) -> None:
    ran: list[bool] = []
    sandbox.on_call("*", lambda: ran.append(True))

    sandbox.reset()
    get(sandbox, "/1003/profile")

    assert ran == []


def boom() -> None:
    raise LookupError("boom")


@pytest.mark.parametrize("end", [Sandbox.calm, Sandbox.reset, Sandbox.stop])
def test_what_it_raises_reaches_the_test_once_and_spoils_no_answer(end: object) -> None:
    with Sandbox() as sandbox:
        sandbox.on_call("profile", boom)
        assert get(sandbox, "/1003/profile").status == 403

        with pytest.raises(LookupError, match="boom"):
            end(sandbox)  # type: ignore[operator]
        sandbox.reset()


def test_several_errors_come_together(sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.on_call("profile", boom)
    get(sandbox, "/1003/profile")

    with pytest.raises(ExceptionGroup) as group:
        sandbox.calm()
    assert len(group.value.exceptions) == 2


def test_even_a_failed_assertion_of_pytest_comes_through(sandbox: Sandbox) -> None:
    sandbox.on_call("profile", lambda: pytest.fail("in the thread"))
    get(sandbox, "/1003/profile")

    with pytest.raises(pytest.fail.Exception, match="in the thread"):
        sandbox.calm()


def test_a_kind_that_never_comes_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="no calls of the kind"):
        sandbox.on_call("tokens", boom)


def test_a_wrong_store_grant_is_good_for_the_other_store_alone(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    sandbox.disturb("token", "wrong_store")

    grant = exchange(sandbox, code).json

    assert grant["store_id"] == 1004
    for key in ("access_token", "public_token"):
        assert get(sandbox, "/1004/profile", grant[key]).json["generalInfo"]["storeId"] == 1004
        assert get(sandbox, "/1003/profile", grant[key]).status == 403
    assert get(sandbox, "/1004/application", grant["access_token"]).status == 200
    assert (sandbox.live_tokens("demo-app", 1003), len(sandbox.live_tokens("demo-app", 1004))) == ([], 1)


def test_a_wrong_store_refusal_stays_a_refusal(sandbox: Sandbox) -> None:
    sandbox.disturb("token", "wrong_store")

    assert exchange(sandbox, "unknown").status == 400


def test_the_last_store_is_followed_by_the_first(sandbox: Sandbox) -> None:
    sandbox.disturb("token", "wrong_store")

    assert installed(sandbox, 1015)["store_id"] == 1003


def test_only_token_calls_can_be_of_a_wrong_store(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="token"):
        sandbox.disturb("profile", "wrong_store")
