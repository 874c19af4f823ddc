"""`/stores`: a merchant changes the settings, and the apps hear of it."""

import copy
import json
import re
from html import unescape
from typing import Any

import pytest

from tests.sandbox import Sandbox, store_pages
from tests.sandbox_tests.hook import Hook
from tests.sandbox_tests.wire import get, installed, post_form, send


def form_of(sandbox: Sandbox, store_id: int) -> dict[str, str]:
    """Read the fields as a browser would send them back."""
    page = send(sandbox, "GET", f"/stores/{store_id}").text
    fields = page[page.index("/fields") : page.index("</form>", page.index("/fields"))]
    shown = {name: unescape(value) for name, value in re.findall(r'type="text" name="([^"]+)" value="([^"]*)"', fields)}
    shown |= {name: unescape(value) for name, value in re.findall(r'<textarea name="([^"]+)"[^>]*>([^<]*)<', fields)}
    return shown | dict.fromkeys(re.findall(r'type="checkbox" name="([^"]+)" checked', fields), "on")


def save(sandbox: Sandbox, store_id: int = 1003, **changes: str) -> None:
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    assert post_form(sandbox, f"/stores/{store_id}/fields", **(form_of(sandbox, store_id) | changed)).status == 303


def test_every_field_can_be_changed_and_the_api_says_so(sandbox: Sandbox) -> None:
    token = installed(sandbox)["access_token"]
    texts = {field.key: f"new {field.name}" for field in store_pages.FIELDS if field.kind != "box"}

    post_form(sandbox, "/stores/1003/fields", **texts, **{"settings.closed": "on"})

    profile = get(sandbox, "/1003/profile", token).json
    for field in store_pages.FIELDS:
        value = profile[field.section][field.name]
        expected: Any = {"box": True, "list": [f"new {field.name}"]}.get(field.kind, f"new {field.name}")
        assert value == expected
    assert profile["settings"]["storeDescription"] == "<p>Notebooks and pens</p>"


@pytest.mark.parametrize("store_id", range(1003, 1016))
def test_saving_an_untouched_form_changes_nothing(sandbox: Sandbox, store_id: int) -> None:
    before = copy.deepcopy(sandbox.stores[store_id].profile)

    save(sandbox, store_id)

    assert sandbox.stores[store_id].profile == before


def test_one_change_leaves_every_other_value_alone(sandbox: Sandbox) -> None:
    for store_id in sandbox.stores:
        before = copy.deepcopy(sandbox.stores[store_id].profile)
        save(sandbox, store_id, company__city="Delft")
        after = sandbox.stores[store_id].profile
        assert after.pop("company")["city"] == "Delft"
        before.pop("company", None)
        assert after == before


def test_lines_of_an_address_stay_lines(sandbox: Sandbox) -> None:
    save(sandbox, company__street="One\r\nTwo")

    assert sandbox.stores[1003].profile["company"]["street"] == "One\nTwo"


def test_further_notification_addresses_are_kept(sandbox: Sandbox) -> None:
    mails = sandbox.stores[1003].profile["mailNotifications"]
    mails["adminNotificationEmails"] = ["a@x.example", "b@x.example"]
    save(sandbox, mailNotifications__adminNotificationEmails="c@x.example")
    assert mails["adminNotificationEmails"] == ["c@x.example", "b@x.example"]

    save(sandbox, mailNotifications__adminNotificationEmails="")
    assert mails["adminNotificationEmails"] == ["b@x.example"]


def test_saving_a_change_is_told_and_saving_none_is_not(sandbox: Sandbox, hook: Hook) -> None:
    installed(sandbox)
    sandbox.switches.webhooks = True
    whole = json.dumps(sandbox.stores[1003].profile)

    save(sandbox)
    post_form(sandbox, "/stores/1003/profile", profile=whole)
    sandbox.settle()
    assert hook.types == []

    save(sandbox, settings__storeName="New")
    post_form(sandbox, "/stores/1003/profile", profile=whole)
    sandbox.settle()
    assert hook.types == ["profile.updated"] * 2


def test_the_whole_profile_can_be_anything(sandbox: Sandbox) -> None:
    profile = sandbox.stores[1003].profile
    post_form(sandbox, "/stores/1003/profile", profile='{"generalInfo": 7, "x": null}')

    assert sandbox.stores[1003].profile is profile
    assert profile == {"generalInfo": 7, "x": None}
    assert send(sandbox, "GET", "/stores/1003").status == 200


@pytest.mark.parametrize("text", ["{broken <i>", "[]", "", "7"])
def test_what_is_no_profile_is_told_and_kept_in_the_form(sandbox: Sandbox, text: str) -> None:
    before = copy.deepcopy(sandbox.stores[1003].profile)

    reply = post_form(sandbox, "/stores/1003/profile", profile=text)

    assert (reply.status, 'role="alert"' in reply.text) == (400, True)
    assert f'aria-label="Profile">{text.replace("<i>", "&lt;i&gt;")}</textarea>' in reply.text
    assert sandbox.stores[1003].profile == before


def test_plan_and_state_are_set(sandbox: Sandbox, hook: Hook) -> None:
    installed(sandbox)
    sandbox.switches.webhooks = True

    post_form(sandbox, "/stores/1003/flags", suspended="on", exists="on")
    sandbox.settle()

    store = sandbox.stores[1003]
    assert (store.plan_has_api, store.suspended, store.exists) == (False, True, True)
    assert hook.types == ["profile.subscriptionStatusChanged"]


def test_every_store_has_its_page_and_is_listed(sandbox: Sandbox) -> None:
    listed = send(sandbox, "GET", "/stores").text

    for store_id in sandbox.stores:
        assert f'href="/stores/{store_id}"' in listed
        assert send(sandbox, "GET", f"/stores/{store_id}").status == 200
    assert send(sandbox, "GET", "/stores/9").status == 404
    assert send(sandbox, "GET", f"/stores/{'9' * 30}").status == 404


def test_values_are_text_on_the_page(sandbox: Sandbox) -> None:
    sandbox.stores[1003].profile["settings"]["storeName"] = '"><i>x</i></textarea>'

    page = send(sandbox, "GET", "/stores/1003").text

    assert "<i>" not in page
    assert page.count("</textarea>") == 2
