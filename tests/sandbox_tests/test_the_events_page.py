"""`/events`: any event, well or badly made, to any app, and what became of each."""

import re
from typing import Any

import pytest

from tests.sandbox import Sandbox, events
from tests.sandbox.records import DEMO_SECRET
from tests.sandbox_tests.hook import Hook
from tests.sandbox_tests.wire import Reply, post_form, send

GOOD = {"store_id": 1003, "client_id": "demo-app", "type": "profile.updated", "signature": "good"}


def sent(sandbox: Sandbox, **fields: Any) -> Reply:
    reply = post_form(sandbox, "/events", **(GOOD | fields))
    sandbox.settle()
    return reply


def test_the_form_sends_and_the_page_shows_what_became_of_it(sandbox: Sandbox, hook: Hook) -> None:
    hook.statuses = [500, 200]
    sandbox.switches.webhook_hour_seconds = 3600

    assert sent(sandbox).location == "/events"

    assert hook.types == ["profile.updated"]
    page = send(sandbox, "GET", "/events").text
    assert "<b>waiting</b> profile.updated" in page
    assert "To demo-app, store 1003. Try 1 of 28: 500. Next try at" in page


def test_every_event_of_the_contract_is_offered(sandbox: Sandbox) -> None:
    page = send(sandbox, "GET", "/events").text

    assert all(f'<option value="{name}">' in page for name in events.NAMES)
    assert len(events.NAMES) == len(set(events.NAMES)) == 45
    assert all(f">{signature}</option>" in page for signature in events.SIGNATURES)


def test_an_event_can_be_stale_repeated_and_swapped(sandbox: Sandbox, hook: Hook) -> None:
    sent(
        sandbox,
        age=48,
        copies=2,
        event_id="e1",
        entity_id="abc",
        named_store_id=1004,
        query="a=b",
        data='{"x": 1}',
        string_numbers="on",
    )

    first, second = hook.letters
    assert first.body == second.body
    body = first.json
    assert (body["eventId"], body["entityId"], body["storeId"]) == ("e1", "abc", "1004")
    assert (body["data"], first.path) == ({"x": 1}, "/hook?a=b")
    assert first.headers[events.HEADER] == events.signed(DEMO_SECRET, f"{body['eventCreated']}.e1")
    sent(sandbox)
    assert hook.letters[-1].json["eventCreated"] - int(body["eventCreated"]) in range(48 * 3600 - 5, 48 * 3600 + 5)


@pytest.mark.parametrize(("signature", "there"), [("none", False), ("wrong", True), ("other-app", True)])
def test_a_bad_signature_can_be_chosen(sandbox: Sandbox, hook: Hook, signature: str, there: bool) -> None:
    sent(sandbox, signature=signature, spelling="snake", type="application.storageChanged", entity_id="7")

    (letter,) = hook.letters
    good = events.signed(DEMO_SECRET, f"{letter.json['eventCreated']}.{letter.json['eventId']}")
    assert ((events.HEADER in letter.headers), letter.headers[events.HEADER] == good) == (there, False)
    assert (letter.json["eventType"], letter.json["entityId"]) == ("application.storage_changed", 7)


def test_an_event_can_go_out_later(sandbox: Sandbox, hook: Hook) -> None:
    post_form(sandbox, "/events", **GOOD, delay=60)

    assert "Goes out at" in send(sandbox, "GET", "/events").text
    assert hook.letters == []


@pytest.mark.parametrize(
    "bad",
    [
        {"data": "{broken"},
        {"data": "[]"},
        {"copies": "0"},
        {"copies": "51"},
        {"copies": "x"},
        {"delay": "nan"},
        {"age": "inf"},
        {"age": "x"},
        {"named_store_id": "x"},
        {"client_id": "nobody"},
        {"client_id": "quiet"},
        {"store_id": "9"},
    ],
)
def test_what_cannot_be_sent_is_told_and_the_form_keeps_its_text(
    sandbox: Sandbox, hook: Hook, bad: dict[str, str]
) -> None:
    sandbox.add_app("quiet")

    reply = post_form(sandbox, "/events", **(GOOD | {"type": "<i>x</i>", "data": '{"kept": 1}'} | bad))

    assert reply.status == 400
    assert 'role="alert"' in reply.text
    assert 'value="&lt;i&gt;x&lt;/i&gt;"' in reply.text
    assert "<i>" not in reply.text
    assert sandbox.world.courier.sendings == []


def test_send_again_repeats_one_event(sandbox: Sandbox, hook: Hook) -> None:
    sent(sandbox, event_id="a/b ?")
    action = re.search(r'action="(/events/again/[^"]+)"', send(sandbox, "GET", "/events").text)
    assert action

    assert post_form(sandbox, action[1]).status == 303
    sandbox.settle()

    assert [letter.json["eventId"] for letter in hook.letters] == ["a/b ?"] * 2
    assert post_form(sandbox, "/events/again/unknown").status == 404


def test_a_blocked_app_is_shown_and_unblocked(sandbox: Sandbox, hook: Hook) -> None:
    hook.statuses = [500]
    sandbox.switches.webhook_hour_seconds = 1e-9
    sandbox.send_event("profile.updated", 1003)
    sandbox.send_event("profile.updated", 1003)
    page = send(sandbox, "GET", "/events").text
    assert "The webhooks of <b>demo-app</b> are blocked" in page
    assert "<b>blocked</b>" in page

    post_form(sandbox, "/events/unblock/demo-app")

    assert "are blocked" not in send(sandbox, "GET", "/events").text


def test_what_an_event_says_is_text_on_the_page(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.send_event("<i>x</i>", 1003, event_id="<i>x</i>", data={"a": "<i>x</i>"})
    sandbox.send_event("x.y", 1003, body=b"<i>x</i>")

    assert "<i>x</i>" not in send(sandbox, "GET", "/events").text
