"""A code buys a pair of tokens, once. Source: contract §2.4, §2.5."""

import re
import threading

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import exchange, get, installed, post_form, send


def test_a_grant_has_exactly_the_fields_of_the_contract(sandbox: Sandbox) -> None:
    reply = exchange(sandbox, sandbox.press_install("demo-app", 1003))

    grant = reply.json
    assert reply.status == 200
    assert set(grant) == {"access_token", "token_type", "scope", "store_id", "public_token"}
    assert re.fullmatch(r"secret_[A-Za-z0-9]{32}", grant["access_token"])
    assert re.fullmatch(r"public_[A-Za-z0-9]{32}", grant["public_token"])
    assert grant["token_type"] == "Bearer"
    assert grant["store_id"] == 1003
    assert grant["scope"] == "read_store_profile read_catalog public_storefront read_orders add_to_cp"


def test_there_is_no_public_token_without_public_storefront(sandbox: Sandbox) -> None:
    assert "public_token" not in installed(sandbox, 1003, "read_catalog")


def test_read_store_profile_is_granted_even_when_it_is_not_asked_for(sandbox: Sandbox) -> None:
    assert installed(sandbox, 1003, "read_orders")["scope"] == "read_store_profile read_orders"


def test_scopes_of_a_token_do_not_grow_with_the_app(sandbox: Sandbox) -> None:
    grant = installed(sandbox, 1003, "read_store_profile")
    app = sandbox.world.apps["demo-app"]
    sandbox.add_app("demo-app", redirect_url=app.redirect_url, scopes=("update_store_profile",))

    reply = send(
        sandbox,
        "PUT",
        "/api/v3/1003/profile",
        "{}",
        Authorization=f"Bearer {grant['access_token']}",
        Content_Type="application/json",
    )

    assert reply.json["errorCode"] == "INSUFFICIENT_APP_SCOPE"


def test_a_code_is_worth_one_exchange_and_a_second_disables_what_the_first_gave(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    grant = exchange(sandbox, code).json

    again = exchange(sandbox, code)

    assert (again.status, again.json) == (400, {"error": "invalid_grant"})
    assert sandbox.live_tokens("demo-app", 1003) == []
    assert get(sandbox, "/1003/profile", grant["access_token"]).status == 403
    assert get(sandbox, "/1003/profile", grant["public_token"]).status == 403


def test_of_many_exchanges_at_once_one_succeeds_and_the_others_disable_it(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(exchange(sandbox, code).status)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [400] * 7
    assert sandbox.live_tokens("demo-app", 1003) == []


def test_a_second_exchange_spares_the_token_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.reuse_disables = False
    code = sandbox.press_install("demo-app", 1003)
    grant = exchange(sandbox, code).json

    assert exchange(sandbox, code).status == 400
    assert sandbox.live_tokens("demo-app", 1003) == [grant["access_token"]]


def test_reusing_a_code_of_an_older_install_spares_the_newer_token(sandbox: Sandbox) -> None:
    old_code = sandbox.press_install("demo-app", 1003)
    exchange(sandbox, old_code)
    newer = installed(sandbox)

    assert exchange(sandbox, old_code).status == 400
    assert sandbox.live_tokens("demo-app", 1003) == [newer["access_token"]]


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": "wröng"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "demo-two", "client_secret": "two"}, 400, "invalid_grant"),
        ({"code": "neverissued"}, 400, "invalid_grant"),
        ({"redirect_uri": "http://localhost:8000/apps/demo-app/return"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "invalid_request"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"code": None}, 400, "invalid_request"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"grant_type": None}, 400, "invalid_request"),
    ],
)
def test_what_is_not_right_is_refused_and_leaves_the_code_good(
    sandbox: Sandbox, changed: dict[str, str | None], status: int, reason: str
) -> None:
    sandbox.add_app("demo-two", client_secret="two", redirect_url="http://localhost:8000/two/")
    code = sandbox.press_install("demo-app", 1003)

    reply = exchange(sandbox, **({"code": code} | changed))

    assert (reply.status, reply.json) == (status, {"error": reason})
    assert exchange(sandbox, code).status == 200


@pytest.mark.parametrize("store_id", ["1004", "999", "abc", "01003"])
def test_another_store_id_in_the_path_is_refused(sandbox: Sandbox, store_id: str) -> None:
    code = sandbox.press_install("demo-app", 1003)

    assert exchange(sandbox, code, store_id).json == {"error": "invalid_grant"}
    assert exchange(sandbox, code).status == 200


def test_a_code_that_is_too_old_is_refused(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    sandbox.switches.code_seconds = 0

    assert exchange(sandbox, code).json == {"error": "invalid_grant"}


def test_expiring_codes_spares_those_that_are_spent(sandbox: Sandbox) -> None:
    grant = installed(sandbox, 1004)
    code = sandbox.press_install("demo-app", 1003)

    sandbox.expire_codes()

    assert exchange(sandbox, code).status == 400
    assert sandbox.live_tokens("demo-app", 1004) == [grant["access_token"]]


def test_the_old_path_works_until_it_is_switched_off(sandbox: Sandbox) -> None:
    assert exchange(sandbox, sandbox.press_install("demo-app", 1003), None).status == 200

    sandbox.switches.old_token_path = False

    code = sandbox.press_install("demo-app", 1003)
    assert exchange(sandbox, code, None).status == 404
    assert exchange(sandbox, code).status == 200


def test_only_post_is_answered(sandbox: Sandbox) -> None:
    reply = send(sandbox, "GET", "/api/oauth/token/1003?client_id=demo-app")

    assert (reply.status, reply.headers["Allow"]) == (405, "POST")


def test_json_and_query_parameters_are_never_read(sandbox: Sandbox) -> None:
    app, code = sandbox.world.apps["demo-app"], sandbox.press_install("demo-app", 1003)
    body = (
        f'{{"client_id":"demo-app","client_secret":"{app.client_secret}","code":"{code}",'
        f'"redirect_uri":"{app.redirect_url}","grant_type":"authorization_code"}}'
    )
    query = (
        f"client_id=demo-app&client_secret={app.client_secret}&code={code}"
        f"&redirect_uri={app.redirect_url}&grant_type=authorization_code"
    )

    as_json = send(sandbox, "POST", "/api/oauth/token/1003", body, Content_Type="application/json")
    in_query = post_form(sandbox, f"/api/oauth/token/1003?{query}")

    assert as_json.json == in_query.json == {"error": "invalid_request"}


def test_refusals_come_with_an_empty_body_or_html_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.token_failure = "empty"
    empty = exchange(sandbox, "nothing")
    sandbox.switches.token_failure = "html"
    html = exchange(sandbox, "nothing", client_secret="wrong")

    assert (empty.status, empty.body) == (400, b"")
    assert (html.status, html.headers["Content-Type"]) == (401, "text/html; charset=utf-8")


def test_token_type_and_the_legacy_email_can_be_switched(sandbox: Sandbox) -> None:
    sandbox.switches.token_type = "bearer"
    sandbox.switches.token_email = True

    grant = installed(sandbox)

    assert grant["token_type"] == "bearer"
    assert grant["email"] == "anna@papertrail.example"
