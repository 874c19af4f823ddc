"""Every refusal of the API means one thing to do, by the table of contract §4.4."""

import datetime as dt
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import answers, api, errors, wire
from tests.ecwid.loopback import Answer, Site

TOKEN = "secret_Hn4cQ2exampleexampleexample0001"
NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


def refusal(answer: Answer) -> errors.EcwidError:
    with Site(answer) as site, pytest.raises(errors.EcwidError) as caught:
        api.get(api.Credentials(site.url, 1003, TOKEN), "/profile")
    return caught.value


def code(value: str) -> dict[str, str]:
    return {"errorMessage": "Because", "errorCode": value}


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (403, code("INSUFFICIENT_APP_SCOPE"), errors.ScopeMissing),
        (401, code("INSUFFICIENT_APP_SCOPE"), errors.ScopeMissing),
        (403, code("REVIEWS_FEATURE_NOT_AVAILABLE"), errors.FeatureMissing),
        (401, code("REVIEWS_FEATURE_NOT_AVAILABLE"), errors.FeatureMissing),
        (403, code("INVALID_API_TOKEN"), errors.TokenDead),
        (403, b"", errors.TokenDead),
        (403, b"<html>Forbidden</html>", errors.TokenDead),
        (403, {"errorMessage": "Token doesn't exist"}, errors.TokenDead),
        (403, {"error": "OTHER", "errorMessage": "Forbidden"}, errors.TokenDead),
        (403, {"errorCode": 7}, errors.TokenDead),
        (403, [], errors.TokenDead),
        (401, b"", errors.TokenDead),
        (401, code("ANYTHING"), errors.TokenDead),
        (403, code("DOMAIN_NOT_YOURS"), errors.Refused),
        (402, b"", errors.Paused),
        (402, code("STORE_IS_SUSPENDED"), errors.Paused),
        (402, code("NOT_AVAILABLE_ON_CURRENT_PLAN"), errors.Paused),
        (404, code("STORE_NOT_FOUND"), errors.StoreGone),
        (404, code("ORDER_NOT_FOUND"), errors.NotFound),
        (404, b"", errors.NotFound),
        (400, code("WRONG_PARAMETER"), errors.Refused),
        (400, code("MULTILINGUAL_STORE_FEATURE_NOT_ACTIVE"), errors.Refused),
        (405, code("METHOD_NOT_ALLOWED"), errors.Refused),
        (409, code("CONSTRAINT_VIOLATION"), errors.Refused),
        (415, b"", errors.Refused),
        (422, code("WRONG_URL"), errors.Refused),
        (423, b"", errors.Refused),
        (408, code("TIMEOUT"), errors.Unreachable),
        (429, code("RATE_LIMITED"), errors.Throttled),
        (500, code("INTERNAL_ERROR"), errors.Unreachable),
        (503, b"<html>", errors.Unreachable),
        (302, b"", errors.Malformed),
    ],
)
def test_a_refusal_means_what_the_contract_says(status: int, body: object, meaning: type[errors.EcwidError]) -> None:
    error = refusal(Answer(status, body))
    assert type(error) is meaning
    assert error.status == status
    assert getattr(error, "sent", True)


def test_a_refusal_keeps_code_and_message() -> None:
    error = refusal(Answer(404, {"errorMessage": "Store not found", "errorCode": "STORE_NOT_FOUND"}))
    assert error.error_code == "STORE_NOT_FOUND"
    assert str(error) == "Ecwid answered 404 STORE_NOT_FOUND Store not found"


def test_the_legacy_key_names_the_code_when_there_is_no_other() -> None:
    assert refusal(Answer(404, {"error": "OTHER", "errorMessage": "Key not found"})).error_code == "OTHER"
    assert refusal(Answer(400, {"error": "OLD", "errorCode": "NEW"})).error_code == "NEW"


@pytest.mark.parametrize("body", [b"", b"<html>", [], {}, {"errorMessage": ""}, {"errorMessage": 7}], ids=str)
def test_the_reason_phrase_speaks_when_the_body_does_not(body: object) -> None:
    error = refusal(Answer(402, body, reason="Please upgrade your account to access API"))
    assert str(error) == "Ecwid answered 402 Please upgrade your account to access API"


@pytest.mark.parametrize("said", ["two words", "NEW\nLINE", "", "1ST", "X" * 81, 7, None, ["X"]])
def test_what_is_no_error_code_is_none(said: object) -> None:
    assert refusal(Answer(400, {"errorCode": said})).error_code == ""


def test_a_message_repeats_no_token_and_nothing_else_of_the_body() -> None:
    body = {"errorMessage": f"Token {TOKEN} and Bearer {TOKEN}", "errorCode": TOKEN, "owner": "Anna"}
    error = refusal(Answer(403, body))
    assert str(error) == "Ecwid answered 403 Token [hidden] and [hidden]"
    assert error.error_code == ""


def test_a_token_of_an_unusual_form_is_not_repeated_either() -> None:
    with Site(Answer(400, {"errorMessage": "odd/one is odd"})) as site, pytest.raises(errors.Refused) as caught:
        api.get(api.Credentials(site.url, 1003, "odd/one"), "/profile")
    assert str(caught.value) == "Ecwid answered 400 [hidden] is odd"


def test_no_error_drags_the_answer_along() -> None:
    with Site(Answer(200, b'{"a": "Anna"')) as site, pytest.raises(errors.Malformed) as caught:
        api.get(api.Credentials(site.url, 1003, TOKEN), "/profile")
    assert caught.value.__context__ is None
    assert "Anna" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, None, 10),
        (429, "0", 0),
        (429, "7", 7),
        (429, "86400", 3600),
        (429, "soon", 10),
        (429, "-5", 10),
        (429, "9" * 5000, 10),
        (503, "7", 7),
        (503, None, None),
        (500, "later", None),
    ],
)
def test_the_wait_is_what_ecwid_asks_for_within_an_hour(status: int, header: str | None, seconds: float | None) -> None:
    error = refusal(Answer(status, headers={"Retry-After": header} if header else {}))
    assert isinstance(error, errors.Unreachable)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    ("offset", "seconds"), [(dt.timedelta(seconds=30), 30), (dt.timedelta(days=1), 3600), (-dt.timedelta(1), 0)]
)
def test_the_wait_may_be_given_as_a_date(offset: dt.timedelta, seconds: float) -> None:
    assert answers.retry_after(email.utils.format_datetime(NOW + offset, usegmt=True), NOW) == seconds
    assert answers.retry_after("Sun, 22 Nov 2026 12:00:40", NOW) == 40


@given(st.text())
def test_no_retry_after_whatever_crashes(value: str) -> None:
    seconds = answers.retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 3600


@pytest.mark.parametrize(
    "value", ["Sun, 22 Nov 99999 12:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 +2359", "1 Jan 1 0:0 +99999999"]
)
def test_dates_beyond_the_calendar_do_not_crash(value: str) -> None:
    assert answers.retry_after(value, NOW) in (None, 0)


@given(st.integers(100, 999), st.binary(max_size=200))
def test_every_status_with_every_body_means_something(status: int, body: bytes) -> None:
    error = answers.refusal(wire.Reply(status, {}, body))
    assert error.status == status
    assert len(str(error)) <= 200
