"""A webhook is believed to come from Ecwid when its signature says so, and read only when it is what it should be."""

import base64
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import errors, webhooks

SECRET = "Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"
OTHER = "Zz7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"
EVENT_ID = "80aece08-40e8-4145-8764-6c2f0d386780"
SIGNATURE = "T/yd9l7/uw9Bp2Mu0SStqmEg/zlLPK3xLco70fvBq9E="
ORDER = {
    "eventId": EVENT_ID,
    "eventCreated": 1763769600,
    "storeId": 1003,
    "entityId": 103878161,
    "eventType": "order.updated",
    "data": {"orderId": "XJ12H", "oldPaymentStatus": "AWAITING_PAYMENT", "newPaymentStatus": "PAID"},
}


def body(**changes: object) -> bytes:
    return json.dumps({name: value for name, value in (ORDER | changes).items() if value is not ...}).encode()


def read(raw: bytes) -> webhooks.Event:
    return webhooks.read(raw, SIGNATURE, [SECRET])[0]


def test_the_signature_is_that_of_the_contract() -> None:
    assert webhooks.sign(SECRET, 1763769600, EVENT_ID) == SIGNATURE


def test_an_event_is_read() -> None:
    assert read(body()) == webhooks.Event(
        event_id=EVENT_ID,
        created=1763769600,
        store_id=1003,
        entity_id="103878161",
        type="order.updated",
        raw_type="order.updated",
        data={"orderId": "XJ12H", "oldPaymentStatus": "AWAITING_PAYMENT", "newPaymentStatus": "PAID"},
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"eventCreated": "1763769600"}, "created", 1763769600),
        ({"storeId": "1003"}, "store_id", 1003),
        ({"storeId": 2**63 - 1}, "store_id", 2**63 - 1),
        ({"eventType": "x" * 100}, "raw_type", "x" * 100),
        ({"entityId": "x" * 255}, "entity_id", "x" * 255),
        ({"entityId": "1003"}, "entity_id", "1003"),
        ({"entityId": -1}, "entity_id", "-1"),
        ({"entityId": None}, "entity_id", ""),
        ({"entityId": ...}, "entity_id", ""),
        ({"data": ...}, "data", {}),
        ({"data": None}, "data", {}),
        ({"data": ["x"]}, "data", {}),
        ({"data": "x"}, "data", {}),
        ({"eventType": "Application.Uninstalled"}, "type", "application.uninstalled"),
        ({"eventType": "Application.Uninstalled"}, "raw_type", "Application.Uninstalled"),
        ({"eventType": "something"}, "type", "something"),
        ({"more": {"and": "more"}}, "store_id", 1003),
    ],
    ids=str,
)
def test_an_event_may_vary(changes: dict[str, object], field: str, value: object) -> None:
    assert getattr(read(body(**changes)), field) == value


def test_time_ends_with_the_year_9999() -> None:
    last = 253_402_300_799
    assert dt.datetime.fromtimestamp(last, dt.UTC).year == 9999
    signature = webhooks.sign(SECRET, last, EVENT_ID)
    assert webhooks.read(body(eventCreated=last), signature, [SECRET])[0].created == last
    with pytest.raises(errors.Unreadable):
        read(body(eventCreated=last + 1))


def test_an_event_id_may_have_64_characters() -> None:
    signature = webhooks.sign(SECRET, 1763769600, "x" * 64)
    assert webhooks.read(body(eventId="x" * 64), signature, [SECRET])[0].event_id == "x" * 64


def test_a_numeric_event_id_is_read_as_it_is_printed() -> None:
    signature = webhooks.sign(SECRET, 1763769600, "12345")
    event, _ = webhooks.read(body(eventId=12345), signature, [SECRET])
    assert event.event_id == "12345"


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("application.subscriptionStatusChanged", "application.subscriptionstatuschanged"),
        ("application.subscription_status_changed", "application.subscriptionstatuschanged"),
        ("customer.personal_data_removal_request", "customer.personaldataremovalrequest"),
        ("unfinished_order.created", "unfinished_order.created"),
        ("DISCOUNT_COUPON.CREATED", "discount_coupon.created"),
    ],
)
def test_both_spellings_of_an_event_are_one(spelling: str, name: str) -> None:
    assert webhooks.normalise(spelling) == name


def test_any_of_several_secrets_may_have_signed_and_is_told() -> None:
    for secrets, index in (([SECRET, OTHER], 0), ([OTHER, SECRET], 1), (["", OTHER, SECRET], 2)):
        assert webhooks.read(body(), SIGNATURE, secrets)[1] == index


@pytest.mark.parametrize(
    "signature",
    [
        "",
        SIGNATURE[:-1],
        SIGNATURE + "=",
        SIGNATURE.replace("/", "_"),
        SIGNATURE.lower(),
        f" {SIGNATURE}",
        f"{SIGNATURE}, {SIGNATURE}",
        base64.b64decode(SIGNATURE).hex(),
        webhooks.sign(OTHER, 1763769600, EVENT_ID),
        webhooks.sign(SECRET, 1763769601, EVENT_ID),
        "ключ",
        "\ud800",
        "\x00",
    ],
)
def test_a_signature_that_is_not_exactly_right_is_forged(signature: str) -> None:
    with pytest.raises(errors.Forged):
        webhooks.read(body(), signature, [SECRET, OTHER[:-1]])


def test_without_a_secret_nobody_is_believed() -> None:
    with pytest.raises(errors.Forged):
        webhooks.read(body(), SIGNATURE, [])
    with pytest.raises(errors.Forged):
        webhooks.read(body(), webhooks.sign("", 1763769600, EVENT_ID), [""])


def test_the_signature_covers_time_and_id_only() -> None:
    assert read(body(storeId=1004, eventType="application.uninstalled", data={})).store_id == 1004
    for changes in ({"eventId": EVENT_ID[:-1] + "1"}, {"eventCreated": 1763769601}):
        with pytest.raises(errors.Forged):
            read(body(**changes))


JUNK = [
    {"eventCreated": ...},
    {"eventCreated": True},
    {"eventCreated": 1763769600.0},
    {"eventCreated": "01763769600"},
    {"eventCreated": "1763769600 "},
    {"eventCreated": 0},
    {"eventCreated": -1},
    {"eventCreated": 1763769600000},
    {"eventCreated": [1]},
    {"eventId": ...},
    {"eventId": ""},
    {"eventId": True},
    {"eventId": 1.5},
    {"eventId": "x" * 65},
    {"eventId": "a b"},
    {"eventId": "ключ"},
    {"eventId": {}},
    {"storeId": ...},
    {"storeId": True},
    {"storeId": 0},
    {"storeId": 1003.0},
    {"storeId": "x"},
    {"storeId": 2**63},
    {"storeId": 10**30},
    {"eventType": ...},
    {"eventType": ""},
    {"eventType": 7},
    {"eventType": "order updated"},
    {"eventType": "x" * 101},
    {"entityId": True},
    {"entityId": 1.5},
    {"entityId": {}},
    {"entityId": "x" * 256},
    {"entityId": 10**30},
    {"entityId": "a\x00"},
    {"data": {"x": "a\x00"}},
    {"data": {"x": "\ud800"}},
    {"data": {"a\x00": "x"}},
    {"data": {"x": 10**30}},
    {"data": {"x": float("nan")}},
    {"data": {"x": float("-inf")}},
]


@pytest.mark.parametrize("changes", JUNK, ids=str)
def test_a_value_that_no_event_has_is_unreadable(changes: dict[str, object]) -> None:
    with pytest.raises(errors.Unreadable):
        read(body(**changes))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"x"',
        b"{",
        b"\xff",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        body()[:-1] + b',"deep":' + b"[" * 100 + b"]" * 100 + b"}",
        body()[:-1] + b',"storeId":1004}',
        body()[:-1] + b',"data":{"a":1,"a":2}}',
        body()[:-1] + b',"x":1e999}',
        body()[:-1] + b',"x":NaN}',
        body()[:-1] + b',"x":' + b"9" * 5000 + b"}",
        body() + body(),
    ],
    ids=lambda raw: str(raw[-30:]),
)
def test_a_body_that_is_no_event_is_unreadable(raw: bytes) -> None:
    with pytest.raises(errors.Unreadable):
        read(raw)


def test_unreadable_is_a_value_error_and_tells_nothing_of_the_body() -> None:
    with pytest.raises(ValueError, match=r"^The event is not a JSON object\.$") as caught:
        read(b'{"buyer": "Bo"')
    assert caught.value.__context__ is None


@given(st.binary(max_size=300))
def test_no_body_whatever_passes_without_being_signed(raw: bytes) -> None:
    with pytest.raises((errors.Unreadable, errors.Forged)):
        read(raw)


@given(st.text(), st.text(max_size=50))
def test_no_signature_whatever_passes_unless_it_is_the_one(signature: str, secret: str) -> None:
    with pytest.raises(errors.Forged):
        webhooks.read(body(), signature, [secret])


def test_an_event_shows_no_customer_data() -> None:
    assert "XJ12H" not in repr(read(body()))
