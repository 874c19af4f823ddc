"""A merchant installs from the App Market. Source: contract §2.2, §2.6."""

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import exchange, get, installed, post_form, query_of

RETURN = "http://localhost:8000/apps/demo-app/return/"


def test_install_sends_the_browser_to_the_redirect_url_with_code_and_store_id(sandbox: Sandbox) -> None:
    reply = post_form(sandbox, "/apps/demo-app/install", store_id=1004)

    assert reply.status == 303
    assert reply.location.partition("?")[0] == RETURN
    assert set(query_of(reply.location)) == {"code", "store_id"}
    assert query_of(reply.location)["store_id"] == "1004"
    assert exchange(sandbox, query_of(reply.location)["code"], 1004).status == 200


def test_the_old_flow_leaves_the_store_id_out(sandbox: Sandbox) -> None:
    sandbox.switches.old_flow = True

    assert set(query_of(sandbox.redirect_address("demo-app", 1003))) == {"code"}


def test_a_query_in_the_redirect_url_stays(sandbox: Sandbox) -> None:
    sandbox.add_app("demo-app", redirect_url="http://localhost:8000/back?lang=nl")

    assert set(query_of(sandbox.redirect_address("demo-app", 1003))) == {"lang", "code", "store_id"}


def test_refusing_sends_access_denied_and_installs_nothing(sandbox: Sandbox) -> None:
    reply = post_form(sandbox, "/apps/demo-app/refuse", store_id=1003)

    assert reply.location == f"{RETURN}?error=access_denied"
    assert not sandbox.world.installations


def test_a_silent_refusal_stays_in_the_market(sandbox: Sandbox) -> None:
    sandbox.switches.market_refusal = "silent"

    assert post_form(sandbox, "/apps/demo-app/refuse", store_id=1003).location == "/apps/demo-app"


def test_no_page_hides_the_market_from_the_app_as_referrer(sandbox: Sandbox) -> None:
    reply = post_form(sandbox, "/apps/demo-app/install", store_id=1003)

    assert "Referrer-Policy" not in reply.headers


def test_no_token_works_before_the_code_is_exchanged(sandbox: Sandbox) -> None:
    sandbox.press_install("demo-app", 1003)

    assert sandbox.live_tokens("demo-app", 1003) == []


def test_reinstalling_kills_the_older_pair(sandbox: Sandbox) -> None:
    first = installed(sandbox)
    second = installed(sandbox)

    assert first["access_token"] != second["access_token"]
    assert first["public_token"] != second["public_token"]
    assert sandbox.live_tokens("demo-app", 1003) == [second["access_token"]]
    assert get(sandbox, "/1003/profile", first["public_token"]).status == 403


def test_reinstalling_makes_an_older_unspent_code_worthless(sandbox: Sandbox) -> None:
    first = sandbox.press_install("demo-app", 1003)
    second = sandbox.press_install("demo-app", 1003)

    assert exchange(sandbox, first).status == 400
    assert exchange(sandbox, second).status == 200


def test_an_older_code_works_on_when_switched_so(sandbox: Sandbox) -> None:
    sandbox.switches.reinstall_voids_codes = False
    first = sandbox.press_install("demo-app", 1003)
    sandbox.press_install("demo-app", 1003)

    assert exchange(sandbox, first).status == 200


def test_uninstalling_kills_tokens_and_unspent_codes(sandbox: Sandbox) -> None:
    installed(sandbox)
    code = sandbox.authorize(
        f"{sandbox.oauth_url}/authorize?client_id=demo-app&response_type=code&redirect_uri={RETURN}", 1003
    )

    assert sandbox.uninstall("demo-app", 1003)
    assert sandbox.live_tokens("demo-app", 1003) == []
    assert exchange(sandbox, query_of(code)["code"]).status == 400


def test_one_store_does_not_lose_its_token_when_another_uninstalls(sandbox: Sandbox) -> None:
    kept = installed(sandbox, 1003)
    installed(sandbox, 1004)

    sandbox.uninstall("demo-app", 1004)

    assert sandbox.live_tokens("demo-app", 1003) == [kept["access_token"]]


def test_uninstalling_what_is_not_installed_says_so(sandbox: Sandbox) -> None:
    assert not sandbox.uninstall("demo-app", 1003)


@pytest.mark.parametrize("store_id", ["", "abc", "999", "9" * 30])
def test_installing_in_a_store_that_is_not_there_is_refused(sandbox: Sandbox, store_id: str) -> None:
    assert post_form(sandbox, "/apps/demo-app/install", store_id=store_id).status == 400


def test_my_apps_reinstalls_with_a_fresh_code_and_uninstalls(sandbox: Sandbox) -> None:
    first = installed(sandbox)

    reply = post_form(sandbox, "/my-apps/demo-app/1003/reinstall")

    assert sandbox.live_tokens("demo-app", 1003) == []
    second = exchange(sandbox, query_of(reply.location)["code"]).json
    assert second["access_token"] != first["access_token"]
    assert post_form(sandbox, "/my-apps/demo-app/1003/uninstall").location == "/my-apps"
    assert sandbox.live_tokens("demo-app", 1003) == []
