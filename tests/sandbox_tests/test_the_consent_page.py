"""The full flow: an app asks, the merchant decides. Source: contract §2.3."""

from urllib.parse import urlencode

import pytest

from tests.sandbox import ConsentError, Sandbox
from tests.sandbox_tests.wire import exchange, installed, post_form, query_of, send

RETURN = "http://localhost:8000/apps/demo-app/return/"
WISH = {
    "client_id": "demo-app",
    "redirect_uri": RETURN,
    "response_type": "code",
    "scope": "read_catalog",
    "state": "s&t=1",
}


def address(**changed: str) -> str:
    return "/api/oauth/authorize?" + urlencode(WISH | changed)


def test_the_page_names_the_app_and_everything_it_asks_for(sandbox: Sandbox) -> None:
    reply = send(sandbox, "GET", address())

    assert reply.status == 200
    assert "Demo app" in reply.text
    assert "read_catalog" in reply.text
    assert "read_store_profile" in reply.text
    assert "read_orders" not in reply.text


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"response_type": "token"},
        {"redirect_uri": "http://evil.example/apps/demo-app/return/"},
        {"redirect_uri": "https://localhost:8000/apps/demo-app/return/"},
        {"redirect_uri": "http://localhost:8001/apps/demo-app/return/"},
        {"redirect_uri": "http://localhost:8000@evil.example/"},
        {"redirect_uri": "http://somebody@localhost:8000/"},
        {"redirect_uri": "http://localhost:8000\\@evil.example/"},
        {"redirect_uri": "http://localhost.evil.example:8000/"},
        {"redirect_uri": "http://localhost:8000/#fragment"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://localhost:port/"},
        {"redirect_uri": ""},
        {"scope": "read_catalog update_orders"},
    ],
)
def test_a_wrong_wish_is_an_error_page_and_never_a_redirect(sandbox: Sandbox, changed: dict[str, str]) -> None:
    asked = send(sandbox, "GET", address(**changed))
    decided = post_form(sandbox, "/api/oauth/authorize", **(WISH | changed), store_id=1003, decision="allow")

    assert (asked.status, decided.status) == (400, 400)
    assert "Location" not in asked.headers
    assert "Location" not in decided.headers
    with pytest.raises(ConsentError):
        sandbox.authorize(address(**changed), 1003)


def test_another_path_on_the_same_host_and_port_is_accepted(sandbox: Sandbox) -> None:
    other = "http://LOCALHOST:8000/oauth/cb?x=1"

    code = query_of(sandbox.authorize(address(redirect_uri=other), 1003))["code"]

    assert exchange(sandbox, code).status == 400
    assert exchange(sandbox, code, redirect_uri=other).status == 200


def test_allow_gives_a_code_the_store_and_the_state_back(sandbox: Sandbox) -> None:
    reply = post_form(sandbox, "/api/oauth/authorize", **WISH, store_id=1005, decision="allow")

    query = query_of(reply.location)
    assert reply.status == 303
    assert (query["store_id"], query["state"]) == ("1005", "s&t=1")
    assert exchange(sandbox, query["code"], 1005).json["scope"] == "read_store_profile read_catalog"


def test_deny_gives_access_denied_and_the_state_back(sandbox: Sandbox) -> None:
    reply = post_form(sandbox, "/api/oauth/authorize", **WISH, store_id=1003, decision="deny")

    assert query_of(reply.location) == {"error": "access_denied", "state": "s&t=1"}
    assert sandbox.deny(address()) == reply.location


def test_state_is_not_echoed_when_switched_off_or_not_sent(sandbox: Sandbox) -> None:
    wish = {name: value for name, value in WISH.items() if name != "state"}
    assert "state" not in sandbox.authorize("/api/oauth/authorize?" + urlencode(wish), 1003)

    sandbox.switches.echo_state = False

    assert "state" not in query_of(sandbox.authorize(address(), 1003))
    assert "state" not in query_of(sandbox.deny(address()))


def test_upper_case_scopes_are_understood(sandbox: Sandbox) -> None:
    code = query_of(sandbox.authorize(address(scope="READ_CATALOG"), 1003))["code"]

    assert exchange(sandbox, code).json["scope"] == "read_store_profile read_catalog"


def test_a_decision_without_a_store_is_asked_again(sandbox: Sandbox) -> None:
    assert post_form(sandbox, "/api/oauth/authorize", **WISH, decision="allow").status == 400
    assert post_form(sandbox, "/api/oauth/authorize", **WISH, store_id=1003).status == 400
    assert not sandbox.world.installations


def test_reconnecting_replaces_the_token_when_the_code_is_exchanged(sandbox: Sandbox) -> None:
    older = installed(sandbox)["access_token"]
    code = query_of(sandbox.authorize(address(), 1003))["code"]
    assert sandbox.live_tokens("demo-app", 1003) == [older]

    newer = exchange(sandbox, code).json["access_token"]

    assert sandbox.live_tokens("demo-app", 1003) == [newer]


def test_reconnecting_keeps_the_older_token_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.reconnect_keeps_token = True
    older = installed(sandbox)["access_token"]
    code = query_of(sandbox.authorize(address(), 1003))["code"]

    newer = exchange(sandbox, code).json["access_token"]

    assert sandbox.live_tokens("demo-app", 1003) == [older, newer]


def test_what_an_app_sends_is_shown_as_text(sandbox: Sandbox) -> None:
    sandbox.add_app("demo-app", name="<b>Bold</b>", redirect_url=RETURN, scopes=("read_catalog",))

    page = send(sandbox, "GET", address(state='"><script>alert(1)</script>')).text

    assert "<script" not in page
    assert "<b>Bold</b>" not in page
