"""Who is let in to the REST API, and how the others are told. Source: contract §4.1, §4.4."""

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import get, installed, send

PATHS = ("/1003/profile", "/1003/application", "/1003/latest-stats", "/1003/storage")


@pytest.mark.parametrize("path", PATHS)
def test_a_missing_unknown_or_dead_token_is_403_with_an_empty_body(sandbox: Sandbox, path: str) -> None:
    dead = installed(sandbox)["access_token"]
    sandbox.uninstall("demo-app", 1003)

    for token in ("", "secret_" + "0" * 32, dead):
        reply = get(sandbox, path, token)
        assert (reply.status, reply.body, reply.headers["Content-Length"]) == (403, b"", "0")


def test_a_token_opens_its_own_store_only(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003)["access_token"]

    assert get(sandbox, "/1003/profile", token).status == 200
    assert get(sandbox, "/1004/profile", token).status == 403


def test_a_token_in_the_query_is_not_read(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]

    assert get(sandbox, f"/1003/profile?token={token}").status == 403


@pytest.mark.parametrize("header", ["Basic {}", "Token {}", "{}", "Bearer", "Bearer "])
def test_only_a_bearer_header_is_read(sandbox: Sandbox, header: str) -> None:
    token = installed(sandbox)["access_token"]

    reply = send(sandbox, "GET", "/api/v3/1003/profile", Authorization=header.format(token))

    assert reply.status == 403


@pytest.mark.parametrize(("how", "status"), [("403 json", 403), ("401 json", 401)])
def test_dead_tokens_are_explained_when_switched_so(sandbox: Sandbox, how: str, status: int) -> None:
    sandbox.switches.dead_token = how

    reply = get(sandbox, "/1003/profile", "secret_unknown")

    assert (reply.status, reply.json["errorCode"]) == (status, "INVALID_API_TOKEN")


def test_a_store_that_is_not_there_is_404_whatever_the_token(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    sandbox.stores[1003].exists = False

    for path in ("/1003/profile", "/999999/profile", f"/{'9' * 40}/profile"):
        reply = get(sandbox, path, token)
        assert (reply.status, reply.json["errorCode"]) == (404, "STORE_NOT_FOUND")


@pytest.mark.parametrize(("store_id", "code"), [(1012, "NOT_AVAILABLE_ON_CURRENT_PLAN"), (1013, "STORE_IS_SUSPENDED")])
def test_free_and_suspended_stores_can_install_but_answer_402(sandbox: Sandbox, store_id: int, code: str) -> None:
    token = installed(sandbox, store_id)["access_token"]

    reply = get(sandbox, f"/{store_id}/profile", token)

    assert (reply.status, reply.json["errorCode"]) == (402, code)
    assert sandbox.live_tokens("demo-app", store_id) == [token]


def test_a_token_works_again_when_the_pause_is_over(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    sandbox.stores[1003].suspended = True
    assert get(sandbox, "/1003/profile", token).status == 402

    sandbox.stores[1003].suspended = False

    assert get(sandbox, "/1003/profile", token).status == 200


def test_a_pause_answers_as_a_dead_token_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.pause_kills_tokens = True
    token = installed(sandbox, 1012)["access_token"]

    assert get(sandbox, "/1012/profile", token).status == 403


def test_an_unknown_address_below_the_api_is_404_without_an_error_code(sandbox: Sandbox) -> None:
    reply = get(sandbox, "/1003/nothing")

    assert (reply.status, reply.json) == (404, {"errorMessage": "Not found"})


def test_a_verb_that_is_not_there_is_405(sandbox: Sandbox) -> None:
    reply = send(sandbox, "POST", "/api/v3/1003/profile", "{}")

    assert (reply.status, reply.json["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == "GET, PUT"


def test_long_answers_are_packed_when_the_caller_accepts_it(sandbox: Sandbox) -> None:
    token = f"Bearer {installed(sandbox)['access_token']}"

    packed = send(sandbox, "GET", "/api/v3/1003/profile", Authorization=token, Accept_Encoding="gzip")
    plain = send(sandbox, "GET", "/api/v3/1003/profile", Authorization=token, Accept_Encoding="identity")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.json == plain.json
    assert len(packed.body) < len(plain.body) / 2


def test_every_call_is_written_down_with_its_status(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    get(sandbox, "/1003/profile?responseFields=languages", token)

    exchanged, asked = sandbox.calls
    assert (exchanged.kind, exchanged.method, exchanged.path) == ("token", "POST", "/api/oauth/token/1003")
    assert exchanged.form["grant_type"] == "authorization_code"
    assert (asked.kind, asked.status, asked.query) == ("profile", 200, {"responseFields": "languages"})
    assert asked.headers["authorization"] == f"Bearer {token}"
    assert asked.at.tzinfo is not None
    assert sandbox.calls_of("profile") == [asked]
