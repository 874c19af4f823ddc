"""An event that was not taken comes again, for a day; an app that takes none for two weeks gets no more."""

import threading
import time
from collections.abc import Callable

import pytest

from tests.sandbox import Sandbox, courier
from tests.sandbox_tests.hook import Hook


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def test_the_schedule_is_that_of_the_contract() -> None:
    hours = courier.RETRY_HOURS

    assert len(hours) == 27
    assert hours[:5] == (0.25, 0.5, 0.75, 1, 2)
    assert all(hours[number - 1] == number - 3 for number in range(4, 28))
    assert hours[-1] == 24


def test_without_an_hour_there_is_no_second_try(sandbox: Sandbox, hook: Hook) -> None:
    hook.statuses = [500]

    sandbox.send_event("profile.updated", 1003)
    time.sleep(0.05)

    assert len(hook.letters) == 1
    assert [one.outcome for one in sandbox.world.courier.sendings] == ["given up"]


def test_it_is_tried_until_it_is_taken_and_never_changes(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 0.1
    hook.statuses = [500, 302, 503, 200]

    sandbox.send_event("profile.updated", 1003)
    wait_until(lambda: len(sandbox.deliveries) == 4)

    assert [(one.attempt, one.status) for one in sandbox.deliveries] == [(1, 500), (2, 302), (3, 503), (4, 200)]
    assert len({(letter.body, str(letter.headers)) for letter in hook.letters}) == 1
    time.sleep(0.1)
    assert len(hook.letters) == 4


def test_after_twenty_seven_more_tries_it_is_given_up(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 0.02
    hook.statuses = [500]
    begun = time.monotonic()

    sandbox.send_event("profile.updated", 1003)
    wait_until(lambda: sandbox.world.courier.sendings[0].outcome == "given up")

    assert len(hook.letters) == 28
    assert time.monotonic() - begun >= 24 * 0.02


def test_tries_keep_to_their_hours_since_the_event(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 100.0
    hook.statuses = [500]
    before = time.time()

    sandbox.send_event("profile.updated", 1003)

    due = sandbox.world.courier.sendings[0].due
    assert due is not None
    assert before + 25 <= due <= time.time() + 25


def test_two_weeks_of_failure_block_the_app_until_somebody_unblocks_it(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 0.0005
    hook.statuses = [500]
    sandbox.send_event("profile.updated", 1003)
    wait_until(lambda: sandbox.world.courier.sendings[0].outcome != "waiting")
    time.sleep(courier.TWO_WEEKS_HOURS * 0.0005)
    sandbox.send_event("profile.updated", 1003)
    hook.statuses = [200]
    came = len(hook.letters)

    refused = sandbox.send_event("profile.updated", 1003)

    assert (refused.attempt, refused.status, refused.problem) == (0, 0, "blocked")
    assert sandbox.world.courier.blocked == {"demo-app"}
    assert len(hook.letters) == came
    sandbox.world.courier.unblock("demo-app")
    assert sandbox.send_event("profile.updated", 1003).succeeded


def test_one_success_begins_the_two_weeks_anew(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 0.0005
    hook.statuses = [500, 200, 500, 200]
    sandbox.send_event("profile.updated", 1003)
    wait_until(lambda: sandbox.world.courier.sendings[0].outcome == "delivered")
    time.sleep(courier.TWO_WEEKS_HOURS * 0.0005)

    sandbox.send_event("profile.updated", 1003)

    assert sandbox.world.courier.blocked == frozenset()


def test_reset_forgets_what_was_to_come(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 3600
    hook.statuses = [500]
    sandbox.send_event("profile.updated", 1003)

    sandbox.reset()
    sandbox.hurry()
    sandbox.settle()
    time.sleep(0.05)

    assert (len(hook.letters), sandbox.deliveries) == (1, [])


def test_reset_cuts_off_what_goes_on(sandbox: Sandbox, hook: Hook) -> None:
    hook.may_answer.clear()
    delivered: list[bool] = []
    sending = threading.Thread(target=lambda: delivered.append(sandbox.send_event("profile.updated", 1003).succeeded))
    sending.start()
    wait_until(lambda: bool(hook.letters))

    sandbox.reset()
    sending.join(timeout=30)

    assert (delivered, sandbox.deliveries, hook.answers) == ([False], [], 0)


def test_stopping_does_not_wait_for_an_answer(hook: Hook) -> None:
    hook.may_answer.clear()
    with Sandbox() as own:
        own.add_app("demo-app", webhook_url=hook.url)
        own.switches.webhooks = True
        own.switches.webhook_installed = "before"
        own.switches.webhook_answer_seconds = 60
        own.world.install(own.world.apps["demo-app"], own.stores[1003])
        wait_until(lambda: bool(hook.letters))
        begun = time.monotonic()

    assert time.monotonic() - begun < 30
    assert hook.answers == 0


def test_what_waits_can_be_hurried_and_keeps_its_order(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_hour_seconds = 3600
    hook.statuses = [500, 500, 200]
    first, second = (sandbox.send_event("profile.updated", 1003).event_id for _ in range(2))

    sandbox.hurry()
    wait_until(lambda: len(hook.letters) == 4)

    assert [letter.json["eventId"] for letter in hook.letters] == [first, second] * 2


def test_again_sends_the_same_event_once_more(sandbox: Sandbox, hook: Hook) -> None:
    event_id = sandbox.send_event("profile.updated", 1003).event_id

    assert sandbox.world.courier.again(event_id)
    sandbox.settle()

    assert len(hook.letters) == 2
    assert hook.letters[0].body == hook.letters[1].body
    assert not sandbox.world.courier.again("unknown")


def test_settling_takes_no_longer_than_told(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhooks = True
    sandbox.switches.webhook_delay_seconds = 60
    sandbox.press_install("demo-app", 1003)

    with pytest.raises(TimeoutError):
        sandbox.settle(0.01)
