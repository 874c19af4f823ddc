"""Opening an app inside the store's admin: the payload in both modes, and the page that frames it."""

import base64
import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tests.sandbox import Sandbox
from tests.sandbox.records import DEMO_SECRET
from tests.sandbox_tests.wire import exchange, get, installed, post_form, query_of, send

IFRAME = "http://hub.example/native/"
HERE = "/admin/1003/apps/demo-app"


def unsealed(payload: str) -> Any:
    """Open a payload with another hand's cipher. Source: contract §8.2."""
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    key = DEMO_SECRET[:16].encode()
    opener = Cipher(algorithms.AES(key), modes.CBC(raw[:16])).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = opener.update(raw[16:]) + opener.finalize()
    return json.loads(unpadder.update(padded) + unpadder.finalize())


@pytest.fixture(autouse=True)
def native(sandbox: Sandbox) -> None:
    """The demo app is a native one."""
    sandbox.add_app(
        "demo-app",
        kind="native",
        iframe_url=IFRAME,
        redirect_url="http://hub.example/return/",
        scopes=("read_store_profile", "public_storefront", "add_to_cp"),
    )


def test_the_first_opening_installs_and_issues_tokens_that_work(sandbox: Sandbox) -> None:
    told = unsealed(sandbox.payload("demo-app", 1003))

    assert list(told) == ["store_id", "lang", "access_token", "view_mode", "public_token"]
    assert (told["store_id"], told["lang"], told["view_mode"]) == (1003, "en", "PAGE")
    assert get(sandbox, "/1003/profile", told["access_token"]).status == 200
    assert get(sandbox, "/1003/profile", told["public_token"]).status == 200
    assert get(sandbox, "/1003/application", told["access_token"]).json["subscriptionStatus"] == "ACTIVE"


def test_every_opening_gives_the_same_tokens_until_a_reinstall(sandbox: Sandbox) -> None:
    first = unsealed(sandbox.payload("demo-app", 1003))
    assert unsealed(sandbox.payload("demo-app", 1003)) == first

    sandbox.uninstall("demo-app", 1003)
    second = unsealed(sandbox.payload("demo-app", 1003))

    assert second["access_token"] != first["access_token"]
    assert get(sandbox, "/1003/profile", first["access_token"]).status == 403
    assert get(sandbox, "/1003/profile", second["access_token"]).status == 200


def test_an_external_apps_page_is_opened_with_the_tokens_of_its_exchange(sandbox: Sandbox) -> None:
    grant = installed(sandbox)

    told = unsealed(sandbox.payload("demo-app", 1003))

    assert (told["access_token"], told["public_token"]) == (grant["access_token"], grant["public_token"])


def test_opening_after_an_install_without_an_exchange_issues_tokens(sandbox: Sandbox) -> None:
    code = sandbox.press_install("demo-app", 1003)
    told = unsealed(sandbox.payload("demo-app", 1003))
    assert sandbox.live_tokens("demo-app", 1003) == [told["access_token"]]

    grant = exchange(sandbox, code).json

    assert sandbox.live_tokens("demo-app", 1003) == [grant["access_token"]]


def test_there_is_no_public_token_without_its_scope(sandbox: Sandbox) -> None:
    sandbox.press_install("demo-app", 1003, ("read_store_profile",))

    assert "public_token" not in unsealed(sandbox.payload("demo-app", 1003))


def test_fields_of_the_payload_can_be_replaced_added_and_taken_away(sandbox: Sandbox) -> None:
    payload = sandbox.payload("demo-app", 1003, lang="ja", store_id="1003", domain="evil.example", view_mode=None)

    told = unsealed(payload)
    assert (told["lang"], told["store_id"], told["domain"]) == ("ja", "1003", "evil.example")
    assert "view_mode" not in told


def test_the_query_carries_payload_state_and_cache_killer(sandbox: Sandbox) -> None:
    address = sandbox.native_address("demo-app", 1003, lang="nl", app_state="orders/é 1")

    query = query_of(address)
    assert address.startswith(f"{IFRAME}?payload=")
    assert list(query) == ["payload", "app_state", "cache-killer"]
    assert query["app_state"] == "orders/é 1"
    assert query["cache-killer"].isdecimal()
    told = unsealed(query["payload"])
    assert (told["lang"], told["app_state"]) == ("nl", "orders%2F%C3%A9%201")


def test_the_padding_can_be_left_out(sandbox: Sandbox) -> None:
    for state in ("", "a", "aa", "a" * 17):
        bare = query_of(sandbox.native_address("demo-app", 1003, app_state=state, padded=False))["payload"]
        full = query_of(sandbox.native_address("demo-app", 1003, app_state=state))["payload"]

        assert (len(bare), len(full) % 4) == (len(full.rstrip("=")), 0)
        assert unsealed(bare) == unsealed(full)


def test_an_address_that_has_a_query_keeps_it(sandbox: Sandbox) -> None:
    sandbox.add_app("demo-app", iframe_url=f"{IFRAME}?a=1")

    assert sandbox.native_address("demo-app", 1003).startswith(f"{IFRAME}?a=1&payload=")


def test_the_fragment_is_lower_case_hex_of_the_json(sandbox: Sandbox) -> None:
    address = urlsplit(sandbox.native_address("demo-app", 1003, mode="fragment"))

    assert (address.query, bool(re.fullmatch("[0-9a-f]+", address.fragment))) == ("", True)
    told = json.loads(bytes.fromhex(address.fragment))
    assert told["store_id"] == 1003
    assert [told["access_token"]] == sandbox.live_tokens("demo-app", 1003)


def test_what_cannot_be_opened_is_refused(sandbox: Sandbox) -> None:
    sandbox.add_app("faceless")
    refused: list[tuple[type[Exception], Callable[[], str]]] = [
        (ValueError, lambda: sandbox.native_address("demo-app", 1003, mode="cookie")),
        (ValueError, lambda: sandbox.native_address("faceless", 1003)),
        (KeyError, lambda: sandbox.native_address("nobody", 1003)),
        (KeyError, lambda: sandbox.payload("demo-app", 9)),
    ]
    for error, act in refused:
        with pytest.raises(error):
            act()
    assert sandbox.live_tokens("faceless", 1003) == []


def framed(sandbox: Sandbox, path: str = HERE) -> str:
    """Give the address that the admin page frames."""
    found = re.search(r'data-src="([^"]+)"', send(sandbox, "GET", path).text)
    assert found
    return unescape(found[1])


def test_the_admin_page_frames_the_app_as_its_choices_say(sandbox: Sandbox) -> None:
    address = framed(sandbox, f"{HERE}?lang=de&view_mode=INLINE&app_state=a%22b&mode=query")

    told = unsealed(query_of(address)["payload"])
    assert (told["lang"], told["view_mode"], told["app_state"]) == ("de", "INLINE", "a%22b")
    assert query_of(address)["app_state"] == 'a"b'


def test_the_admin_pages_mode_and_padding_are_switches(sandbox: Sandbox) -> None:
    sandbox.switches.native_padded = False
    assert all(not query_of(framed(sandbox, f"{HERE}?app_state={'a' * n}"))["payload"].endswith("=") for n in range(3))

    sandbox.switches.native_mode = "fragment"
    assert urlsplit(framed(sandbox)).fragment
    assert urlsplit(framed(sandbox, f"{HERE}?mode=query")).query


@pytest.mark.parametrize("path", ["/admin/1003/apps/nobody", "/admin/9/apps/demo-app", f"{HERE}?mode=cookie"])
def test_what_is_not_there_is_404(sandbox: Sandbox, path: str) -> None:
    assert send(sandbox, "GET", path).status == 404


def test_an_app_without_the_scope_is_shown_with_a_remark(sandbox: Sandbox) -> None:
    assert "it lacks the scope" not in send(sandbox, "GET", HERE).text
    sandbox.add_app("demo-app", iframe_url=IFRAME)

    assert "it lacks the scope" in send(sandbox, "GET", HERE).text


def test_install_leads_to_the_admin_for_a_native_app_only(sandbox: Sandbox) -> None:
    assert post_form(sandbox, "/apps/demo-app/install", store_id=1003).location == HERE
    sandbox.add_app("demo-app", iframe_url=IFRAME, redirect_url="http://hub.example/return/")

    assert post_form(sandbox, "/apps/demo-app/install", store_id=1003).location.startswith("http://hub.example/return/")
    assert f'href="{HERE}"' in send(sandbox, "GET", "/my-apps").text


def test_the_admins_script_reads_and_writes_the_storage(sandbox: Sandbox) -> None:
    wrote = send(sandbox, "POST", f"{HERE}/storage", '{"config":"ü","public":"2"}'.encode())

    assert wrote.json == {"updateCount": 2}
    assert send(sandbox, "GET", f"{HERE}/storage").json == [
        {"key": "config", "value": "ü"},
        {"key": "public", "value": "2"},
    ]
    assert sandbox.stores[1003].storage["demo-app"] == {"config": "ü", "public": "2"}


@pytest.mark.parametrize("body", ["[]", '{"a":1}', "x", "", json.dumps({"public": "x" * 262_145})])
def test_the_admins_script_cannot_write_what_the_storage_does_not_take(sandbox: Sandbox, body: str) -> None:
    assert send(sandbox, "POST", f"{HERE}/storage", body).status == 400
    assert sandbox.stores[1003].storage.get("demo-app", {}) == {}


@pytest.mark.parametrize("path", ["/ecwid-app.js", "/admin.js"])
def test_the_scripts_are_served(sandbox: Sandbox, path: str) -> None:
    reply = send(sandbox, "GET", path)

    assert reply.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert '"use strict"' in reply.text
