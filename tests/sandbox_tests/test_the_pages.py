"""The pages for people: they work without script, say what they are, and hide secrets."""

import re

import pytest

from tests.sandbox import Sandbox, calls, disturb, routes
from tests.sandbox_tests.wire import exchange, get, installed, post_form, send

PAGES = (
    "/",
    "/apps",
    "/apps/demo-app",
    "/my-apps",
    "/stores",
    "/stores/1003",
    "/events",
    "/mailbox",
    "/develop-apps",
    "/switches",
    "/nowhere",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_that_it_is_not_ecwid_and_uses_one_stylesheet_only(sandbox: Sandbox, path: str) -> None:
    page = send(sandbox, "GET", path).text

    assert "Sandbox <span>not Ecwid</span>" in page
    assert "<script" not in page
    assert not re.search(r"style=|<style|\son\w+=", page)


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(sandbox: Sandbox, path: str) -> None:
    page = send(sandbox, "GET", path).text

    for target in set(re.findall(r'href="(/[^"]*)"', page)):
        assert send(sandbox, "GET", target).status == 200, target


def test_a_page_that_is_not_there_is_404(sandbox: Sandbox) -> None:
    assert send(sandbox, "GET", "/nowhere").status == 404
    assert send(sandbox, "GET", "/apps/nobody").status == 404
    assert post_form(sandbox, "/apps/nobody/install", store_id=1003).status == 404


def test_the_details_page_says_what_each_scope_allows(sandbox: Sandbox) -> None:
    page = send(sandbox, "GET", "/apps/demo-app").text

    assert "Read orders and abandoned carts" in page
    assert ">Install</button>" in page
    assert "Don't install</button>" in page
    assert page.count("<option") == len(sandbox.stores)


def test_the_chosen_store_is_remembered(sandbox: Sandbox) -> None:
    cookie = post_form(sandbox, "/apps/demo-app/install", store_id=1006).headers["Set-Cookie"]

    page = send(sandbox, "GET", "/apps/demo-app", Cookie=cookie.partition(";")[0]).text

    assert '<option value="1006" selected>' in page
    assert send(sandbox, "GET", "/apps/demo-app", Cookie='="').status == 200


def test_my_apps_offers_open_reinstall_and_uninstall(sandbox: Sandbox) -> None:
    installed(sandbox, 1007)

    page = send(sandbox, "GET", "/my-apps").text

    assert 'href="http://localhost:8000/apps/demo-app/open/"' in page
    assert 'action="/my-apps/demo-app/1007/reinstall"' in page
    assert 'action="/my-apps/demo-app/1007/uninstall"' in page


def test_the_app_records_show_what_a_developer_needs(sandbox: Sandbox) -> None:
    page = send(sandbox, "GET", "/develop-apps").text

    app = sandbox.world.apps["demo-app"]
    for shown in (app.client_id, app.client_secret, app.redirect_url, app.webhook_url):
        assert shown in page


def test_names_from_apps_are_text_on_every_page(sandbox: Sandbox) -> None:
    sandbox.add_app("demo-app", name="<i>x</i>", description="<i>x</i>", redirect_url="http://h/?<i>x</i>")
    installed(sandbox)

    for path in PAGES:
        assert "<i>x</i>" not in send(sandbox, "GET", path).text


def test_no_secret_code_or_token_is_on_the_calls_pages(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    grant = exchange(sandbox, code).json
    get(sandbox, f"/1003/profile?token={grant['access_token']}", grant["access_token"])
    send(
        sandbox,
        "PUT",
        "/api/v3/1003/storage/x",
        f'{{"note":"{grant["public_token"]}"}}',
        Authorization=f"Bearer {grant['public_token']}",
    )

    send(
        sandbox,
        "POST",
        "/api/oauth/token/1003",
        f'{{"client_secret": "{sandbox.world.apps["demo-app"].client_secret}", "code":"{code}"',
        Content_Type="application/json",
    )
    get(sandbox, f"/1003/{grant['access_token']}")

    for path in ("/calls", "/switches"):
        text = send(sandbox, "GET", path).text
        for secret in (
            code,
            grant["access_token"],
            grant["public_token"],
            sandbox.world.apps["demo-app"].client_secret,
        ):
            assert secret not in text


def test_calls_lists_the_newest_first_and_fifty_at_most(sandbox: Sandbox) -> None:
    for number in range(60):
        get(sandbox, f"/1003/profile?n={number}")

    listed = send(sandbox, "GET", "/calls").json

    assert len(listed) == 50
    assert listed[0]["query"] == {"n": "59"}


def test_switches_are_set_from_the_page(sandbox: Sandbox) -> None:
    fields = {"echo_state": "on", "token_failure": "html", "code_seconds": "12.5", "requests_a_minute": "7"}

    assert post_form(sandbox, "/switches", **fields).status == 303

    switches = sandbox.switches
    assert (switches.echo_state, switches.reuse_disables) == (True, False)
    assert (switches.token_failure, switches.code_seconds) == ("html", 12.5)
    assert switches.requests_a_minute == 7


@pytest.mark.parametrize("fields", [{"token_failure": "poem"}, {"requests_a_minute": "many"}, {"code_seconds": "nan"}])
def test_a_switch_that_cannot_be_so_is_refused(sandbox: Sandbox, fields: dict[str, str]) -> None:
    assert post_form(sandbox, "/switches", **fields).status == 400


def test_store_flags_are_set_from_the_page(sandbox: Sandbox) -> None:
    post_form(sandbox, "/switches/stores", **{"1003.suspended": "on", "1003.exists": "on"})

    store = sandbox.stores[1003]
    assert (store.plan_has_api, store.suspended, store.exists) == (False, True, True)
    assert not sandbox.stores[1004].exists


def test_pending_disturbances_are_shown(sandbox: Sandbox) -> None:
    sandbox.disturb("storage", "bad_gateway", times=41)

    assert "<td>41</td>" in send(sandbox, "GET", "/switches").text


def test_the_reset_button_goes_back_to_the_beginning(sandbox: Sandbox) -> None:
    installed(sandbox)

    post_form(sandbox, "/switches/reset")

    assert (sandbox.calls, sandbox.live_tokens("demo-app", 1003)) == ([], [])


def test_every_kind_of_call_can_be_disturbed_from_the_page(sandbox: Sandbox) -> None:
    page = send(sandbox, "GET", "/switches").text

    assert {route.kind for route in routes.ROUTES} - {""} == set(calls.KINDS)
    assert all(f">{kind}</option>" in page for kind in (*calls.KINDS, disturb.ANY))
    assert all(f'value="{how}"' in page for how in disturb.HOW)
