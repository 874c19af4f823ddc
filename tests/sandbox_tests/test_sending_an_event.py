"""`send_event` posts what Ecwid would post, or what somebody else would. Source: contract §7.2 to §7.5."""

import base64
import hashlib
import hmac
import socket
import time

import pytest

from tests.sandbox import Sandbox, events
from tests.sandbox.records import DEMO_SECRET
from tests.sandbox_tests.hook import Hook

SECRET = "Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"


def hmac_of(secret: str, message: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), message.encode(), hashlib.sha256)).decode()


def test_the_signature_is_that_of_the_contracts_vector() -> None:
    signature = events.signed(SECRET, "1763769600.80aece08-40e8-4145-8764-6c2f0d386780")

    assert signature == "T/yd9l7/uw9Bp2Mu0SStqmEg/zlLPK3xLco70fvBq9E="


def test_an_event_has_the_form_of_the_contract(sandbox: Sandbox, hook: Hook) -> None:
    before = int(time.time())
    delivery = sandbox.send_event("order.updated", 1003, data={"orderId": "XJ12H"}, entity_id=7)

    (letter,) = hook.letters
    body = letter.json
    assert list(body) == ["eventId", "eventCreated", "storeId", "entityId", "eventType", "data"]
    assert (body["storeId"], body["entityId"], body["eventType"]) == (1003, 7, "order.updated")
    assert body["data"] == {"orderId": "XJ12H"}
    assert before <= body["eventCreated"] <= time.time()
    assert letter.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert letter.headers[events.HEADER] == hmac_of(DEMO_SECRET, f"{body['eventCreated']}.{body['eventId']}")
    assert (delivery.event_id, delivery.status, delivery.attempt) == (body["eventId"], 200, 1)
    assert delivery.succeeded
    assert sandbox.deliveries == [delivery]


@pytest.mark.parametrize(
    ("event_type", "entity"),
    [("application.installed", "1003"), ("profile.updated", 1003), ("order.created", 103878161)],
)
def test_the_entity_is_a_quoted_string_for_events_of_the_app(
    sandbox: Sandbox, hook: Hook, event_type: str, entity: object
) -> None:
    sandbox.send_event(event_type, 1003)

    assert hook.letters[0].json["entityId"] == entity
    assert "data" not in hook.letters[0].json


@pytest.mark.parametrize(
    ("signature", "sent"),
    [("none", None), ("abc", "abc"), ("wrong", hmac_of(DEMO_SECRET, "5.e0"))],
)
def test_a_signature_can_be_missing_wrong_or_anything(
    sandbox: Sandbox, hook: Hook, signature: str, sent: str | None
) -> None:
    sandbox.send_event("profile.updated", 1003, signature=signature, created=5, event_id="e")

    assert hook.letters[0].headers[events.HEADER] == sent


def test_another_apps_signature_is_well_formed_and_not_ours(sandbox: Sandbox, hook: Hook) -> None:
    for signature in ("good", "other-app"):
        sandbox.send_event("profile.updated", 1003, signature=signature, created=5, event_id="e")

    good, other = (letter.headers[events.HEADER] for letter in hook.letters)
    assert good == hmac_of(DEMO_SECRET, "5.e")
    assert len(base64.b64decode(other)) == 32
    assert good != other


def test_the_body_can_be_anything_under_a_good_signature(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.send_event("profile.updated", 1003, body=b"\xff{", created=5, event_id="e")

    assert hook.letters[0].body == b"\xff{"
    assert hook.letters[0].headers[events.HEADER] == hmac_of(DEMO_SECRET, "5.e")


def test_the_body_can_name_another_store_and_spell_numbers_as_strings(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.send_event("application.uninstalled", 1003, named_store_id=1004, string_numbers=True, created=5)

    body = hook.letters[0].json
    assert (body["storeId"], body["entityId"], body["eventCreated"]) == ("1004", "1003", "5")


def test_the_address_can_have_a_query(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.send_event("order.updated", 1003, query="eventtype=order.updated")

    assert hook.letters[0].path == "/hook?eventtype=order.updated"


@pytest.mark.parametrize(
    ("camel", "snake"),
    [
        ("application.subscriptionStatusChanged", "application.subscription_status_changed"),
        ("customer.personalDataRemovalRequest", "customer.personal_data_removal_request"),
        ("unfinished_order.created", "unfinished_order.created"),
        ("nonsense", "nonsense"),
    ],
)
def test_only_what_follows_the_dot_is_respelled(camel: str, snake: str) -> None:
    assert events.spelled(camel, "snake") == snake
    assert events.spelled(snake, "camel") == camel
    assert events.spelled(snake, "") == snake


def test_a_spelling_that_is_none_is_refused(sandbox: Sandbox, hook: Hook) -> None:
    with pytest.raises(ValueError, match="camel, snake"):
        sandbox.send_event("profile.updated", 1003, spelling="kebab")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 209, 203, 208, 301, 307, 404, 410, 500])
def test_only_five_answers_are_a_success(sandbox: Sandbox, hook: Hook, status: int) -> None:
    hook.statuses = [status]

    delivery = sandbox.send_event("profile.updated", 1003)

    assert delivery.status == status
    assert delivery.succeeded == (status in {200, 201, 202, 204, 209})
    assert len(hook.letters) == 1, "a redirect is not followed"


def test_an_answer_that_is_late_is_a_failure(sandbox: Sandbox, hook: Hook) -> None:
    sandbox.switches.webhook_answer_seconds = 0.1
    hook.may_answer.clear()

    delivery = sandbox.send_event("profile.updated", 1003)

    assert (delivery.status, delivery.succeeded, delivery.problem) == (0, False, "no whole answer in time")
    assert delivery.seconds >= 0.1
    assert hook.answers == 0


def test_nobody_at_the_address_is_a_failure(sandbox: Sandbox) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    sandbox.add_app("demo-app", webhook_url=url)

    delivery = sandbox.send_event("profile.updated", 1003)

    assert (delivery.status, delivery.succeeded) == (0, False)
    assert "refused" in delivery.problem


def test_an_address_that_takes_no_connection_is_a_failure(sandbox: Sandbox) -> None:
    sandbox.switches.webhook_connect_seconds = 0.1
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        sandbox.add_app("demo-app", webhook_url=f"http://127.0.0.1:{address[1]}/")

        delivery = sandbox.send_event("profile.updated", 1003)
        for one in waiting:
            one.close()

    assert (delivery.status, delivery.succeeded) == (0, False)
    assert delivery.seconds < 3, "as long as without the switch"


def test_an_answer_that_is_not_http_is_a_failure(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sandbox.switches.webhook_answer_seconds = 0.1
        sandbox.add_app("demo-app", webhook_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")

        assert not sandbox.send_event("profile.updated", 1003).succeeded


def test_an_app_without_a_webhook_address_cannot_be_told(sandbox: Sandbox) -> None:
    sandbox.add_app("quiet")

    with pytest.raises(ValueError, match="no webhook address"):
        sandbox.send_event("profile.updated", 1003, "quiet")
    with pytest.raises(KeyError):
        sandbox.send_event("profile.updated", 1003, "nobody")
