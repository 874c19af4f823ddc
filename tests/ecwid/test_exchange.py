"""A code is exchanged at most once, and every answer to it has one meaning."""

import dataclasses
import time
import urllib.parse
from collections.abc import Callable

import pytest

from installs.ecwid import errors, oauth, wire
from tests.ecwid.loopback import PATIENT, QUICK, Answer, Line, Server, Site, closed_port, deaf_port

SECRET = "Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"
CODE = "abcd+123/456"
GRANT = {
    "access_token": "secret_Hn4cQ2exampleexampleexample0001",
    "token_type": "Bearer",
    "scope": "read_store_profile read_catalog public_storefront",
    "store_id": 1003,
    "public_token": "public_Hn4cQ2exampleexampleexample0001",
}


def client(oauth_url: str) -> oauth.Client:
    return oauth.Client(oauth_url, "demo-app", SECRET, "https://hub.example/apps/demo-app/return/", QUICK)


def patient(site: Site) -> oauth.Client:
    return oauth.Client(site.url, "demo-app", SECRET, "https://hub.example/apps/demo-app/return/", PATIENT)


def granted(**changes: object) -> oauth.Grant:
    fields = {name: value for name, value in (GRANT | changes).items() if value is not ...}
    with Site(Answer(200, fields)) as site:
        return oauth.exchange_code(patient(site), CODE, 1003)


def test_the_request_is_a_form_posted_to_the_path_of_the_store() -> None:
    with Site(Answer(200, GRANT)) as site:
        oauth.exchange_code(patient(site), CODE, 1003)
    (heard,) = site.heard
    assert (heard.method, heard.path) == ("POST", "/token/1003")
    assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
    assert heard.headers["connection"] == "close"
    assert dict(urllib.parse.parse_qsl(heard.body.decode(), strict_parsing=True)) == {
        "client_id": "demo-app",
        "client_secret": SECRET,
        "code": CODE,
        "redirect_uri": "https://hub.example/apps/demo-app/return/",
        "grant_type": "authorization_code",
    }


def test_without_a_store_the_older_path_is_used() -> None:
    with Site(Answer(200, GRANT)) as site:
        oauth.exchange_code(dataclasses.replace(client(f"{site.url}/api/oauth/"), timeouts=PATIENT), CODE)
    assert site.heard[0].path == "/api/oauth/token"


def test_a_grant_is_read() -> None:
    assert granted() == oauth.Grant(
        store_id=1003,
        secret_token="secret_Hn4cQ2exampleexampleexample0001",
        public_token="public_Hn4cQ2exampleexampleexample0001",
        scopes=("read_store_profile", "read_catalog", "public_storefront"),
        email="",
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"token_type": "bearer"}, "store_id", 1003),
        ({"store_id": "1003"}, "store_id", 1003),
        ({"store_id": 2**63 - 1}, "store_id", 2**63 - 1),
        ({"scope": ""}, "scopes", ()),
        ({"scope": "READ_ORDERS read_orders"}, "scopes", ("read_orders",)),
        ({"public_token": ...}, "public_token", ""),
        ({"public_token": None}, "public_token", ""),
        ({"email": "anna@papertrail.example"}, "email", "anna@papertrail.example"),
        ({"email": ["anna"]}, "email", ""),
        ({"access_token": "x" * 300}, "secret_token", "x" * 300),
    ],
)
def test_a_grant_may_vary(changes: dict[str, object], field: str, value: object) -> None:
    assert getattr(granted(**changes), field) == value


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ...},
        {"access_token": ""},
        {"access_token": None},
        {"access_token": 7},
        {"access_token": "secret A"},
        {"access_token": "secret\r\nX: y"},
        {"access_token": "x" * 5000},
        {"token_type": ...},
        {"token_type": "mac"},
        {"token_type": ["bearer"]},
        {"scope": ...},
        {"scope": None},
        {"scope": ["read_orders"]},
        {"store_id": ...},
        {"store_id": True},
        {"store_id": 0},
        {"store_id": -1003},
        {"store_id": 2**63},
        {"store_id": 1003.0},
        {"store_id": "1003 "},
        {"store_id": "٣"},
        {"store_id": [1003]},
    ],
    ids=str,
)
def test_what_lacks_a_part_of_a_grant_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(errors.Malformed) as caught:
        granted(**changes)
    assert caught.value.sent
    assert caught.value.status == 200
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b""),
        Answer(200, b"<html>Welcome</html>"),
        Answer(200, b"[]"),
        Answer(200, b"null"),
        Answer(200, b"[" * 200_000),
        Answer(200, b"\xff\xfe"),
        Answer(201, GRANT),
        Answer(204),
        Answer(302, b"", {"Location": "/elsewhere"}),
    ],
    ids=["nothing", "a page", "a list", "null", "brackets", "bytes", "201", "204", "a redirect"],
)
def test_an_answer_that_is_neither_grant_nor_refusal_is_malformed(answer: Answer) -> None:
    with Site(answer) as site:
        with pytest.raises(errors.Malformed) as caught:
            oauth.exchange_code(patient(site), CODE, 1003)
        assert len(site.heard) == 1
    assert caught.value.sent
    assert caught.value.status == answer.status


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (Answer(400, {"error": "invalid_grant"}), errors.CodeRejected),
        (Answer(400, b""), errors.CodeRejected),
        (Answer(400, b"<html>Bad</html>"), errors.CodeRejected),
        (Answer(403, b""), errors.CodeRejected),
        (Answer(404, {"errorCode": "STORE_NOT_FOUND"}), errors.CodeRejected),
        (Answer(402, b""), errors.CodeRejected),
        (Answer(400, {"error": "invalid_client"}), errors.SecretWrong),
        (Answer(400, {"error": "unauthorized_client"}), errors.SecretWrong),
        (Answer(400, {"error": "INVALID_CLIENT"}), errors.SecretWrong),
        (Answer(401, {"error": "invalid_grant"}), errors.SecretWrong),
        (Answer(401, b""), errors.SecretWrong),
        (Answer(429, b""), errors.Throttled),
        (Answer(408, b""), errors.Unreachable),
        (Answer(500, GRANT), errors.Unreachable),
        (Answer(502, b"<html>"), errors.Unreachable),
        (Answer(599, b""), errors.Unreachable),
    ],
    ids=lambda value: f"{value.status} {value.body!r}" if isinstance(value, Answer) else None,
)
def test_each_refusal_has_one_meaning_and_is_asked_for_once(answer: Answer, meaning: type[errors.EcwidError]) -> None:
    with Site(answer) as site:
        with pytest.raises(errors.EcwidError) as caught:
            oauth.exchange_code(patient(site), CODE, 1003)
        assert len(site.heard) == 1
    assert type(caught.value) is meaning
    assert caught.value.status == answer.status
    assert getattr(caught.value, "sent", True)


def test_the_wait_that_ecwid_asks_for_is_passed_on() -> None:
    with Site(Answer(429, headers={"Retry-After": "7"})) as site, pytest.raises(errors.Throttled) as caught:
        oauth.exchange_code(patient(site), CODE, 1003)
    assert caught.value.retry_after == 7


def test_a_refusal_repeats_neither_code_nor_secret() -> None:
    said = f"code {CODE} (or {urllib.parse.quote_plus(CODE)}) with secret {SECRET} was refused"
    with Site(Answer(400, {"error": CODE, "errorMessage": said})) as site, pytest.raises(errors.CodeRejected) as caught:
        oauth.exchange_code(patient(site), CODE, 1003)
    assert str(caught.value).endswith("code [hidden] (or [hidden]) with secret [hidden] was refused")
    assert caught.value.error_code == ""


def hang_up(line: Line) -> None:
    line.hear_head()


def say_nothing(line: Line) -> None:
    line.hear_head()
    while line.pause(1):
        pass


def stop_halfway(line: Line) -> None:
    line.hear_head()
    line.say(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"access_')


@pytest.mark.parametrize("talk", [hang_up, say_nothing, stop_halfway])
def test_a_lost_reply_is_not_retried(talk: Callable[[Line], None]) -> None:
    with Server(talk) as server:
        with pytest.raises(errors.Unreachable) as caught:
            oauth.exchange_code(client(server.url), CODE, 1003)
        assert server.connections == 1
    assert caught.value.sent


def test_a_failure_before_any_byte_was_sent_is_tried_once_more_and_no_oftener() -> None:
    def refuse_handshake(line: Line) -> None:
        line.hear()

    with Server(refuse_handshake) as server:
        with pytest.raises(errors.Unreachable) as caught:
            oauth.exchange_code(client(f"https://127.0.0.1:{server.port}"), CODE, 1003)
        assert server.connections == 2
    assert not caught.value.sent


def test_the_second_try_can_succeed() -> None:
    """The queue of the port is full when the first connection is tried, and empty when the second is."""
    with deaf_port() as listener, Site(Answer(200, GRANT), listener=listener, accept_after=0.5) as site:
        times = wire.Timeouts(connect=0.9, read=30, total=60)  # less than the second after which TCP itself repeats
        started = time.monotonic()
        grant = oauth.exchange_code(dataclasses.replace(client(site.url), timeouts=times), CODE, 1003)
        assert time.monotonic() - started >= times.connect
        assert [heard.method for heard in site.heard] == ["POST"]
    assert grant.store_id == 1003


def test_both_tries_share_the_time() -> None:
    """Three goes at it: a busy machine adds its own seconds to some, and to none takes any away."""
    times = wire.Timeouts(connect=1.4, read=1.4, total=1.5)
    waits: list[float] = []
    with deaf_port() as listener:
        deaf = dataclasses.replace(client(f"http://127.0.0.1:{listener.getsockname()[1]}"), timeouts=times)
        while len(waits) < 3 and min(waits, default=60.0) >= 2 * times.connect:
            started = time.monotonic()
            with pytest.raises(errors.Unreachable) as caught:
                oauth.exchange_code(deaf, CODE, 1003)
            waits.append(time.monotonic() - started)
            assert not caught.value.sent
    assert times.total - 0.05 <= min(waits) < 2 * times.connect


def test_a_refused_connection_leaves_the_code_unused() -> None:
    with pytest.raises(errors.Unreachable) as caught:
        oauth.exchange_code(client(f"http://127.0.0.1:{closed_port()}"), CODE, 1003)
    assert not caught.value.sent


def test_a_merchant_waits_for_no_exchange_longer_than_twelve_seconds() -> None:
    times = oauth.Client("https://oauth.example", "demo-app", SECRET, "https://hub.example/").timeouts
    assert times.connect + times.read <= times.total <= 12


def test_neither_client_nor_grant_shows_its_secrets() -> None:
    shown = repr(client("https://oauth.example")) + repr(granted())
    assert SECRET not in shown
    assert "_Hn4c" not in shown
    assert "1003" in shown
