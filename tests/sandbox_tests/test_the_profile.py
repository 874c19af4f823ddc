"""The store profile, as each caller sees it and as updates change it. Source: contract §4.1, §5."""

import json
from typing import Any

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import Reply, get, installed, send

WRITER = ("read_store_profile", "update_store_profile")


def put(sandbox: Sandbox, token: str, body: Any, kind: str = "application/json") -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return send(sandbox, "PUT", "/api/v3/1003/profile", text, Authorization=f"Bearer {token}", Content_Type=kind)


def test_a_secret_token_sees_everything_but_limits_and_billing(sandbox: Sandbox) -> None:
    seen = get(sandbox, "/1003/profile?showExtendedInfo=true", installed(sandbox)["access_token"]).json

    kept = sandbox.stores[1003].profile
    assert set(kept) - set(seen) == {"accountBilling"}
    assert set(kept["account"]) - set(seen["account"]) == {"limitsAndRestrictions"}
    assert seen["settings"] == kept["settings"]


def test_read_store_limits_adds_the_limits(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, "read_store_limits")["access_token"]

    seen = get(sandbox, "/1003/profile", token).json

    assert seen["account"]["limitsAndRestrictions"] == {"maxProductLimit": 2500}


def test_billing_needs_the_extended_scope_and_the_question(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, "read_store_profile_extended")["access_token"]

    assert "accountBilling" not in get(sandbox, "/1003/profile", token).json
    assert "accountBilling" in get(sandbox, "/1003/profile?showExtendedInfo=true", token).json


def test_a_public_token_sees_the_storefront_part_only(sandbox: Sandbox) -> None:
    seen = get(sandbox, "/1003/profile", installed(sandbox)["public_token"]).json

    assert set(seen) == {
        "generalInfo",
        "company",
        "formatsAndUnits",
        "languages",
        "designSettings",
        "settings",
        "mailNotifications",
        "shipping",
        "payment",
    }
    assert seen["mailNotifications"] == {"customerNotificationFromEmail": "hello@papertrail.example"}
    assert "abandonedSales" not in seen["settings"]
    assert "shippingOrigin" not in seen["shipping"]
    assert seen["shipping"]["shippingOptions"][0]["destinationZone"] == {}


def test_a_public_token_does_not_see_what_is_switched_off(sandbox: Sandbox) -> None:
    shipping = sandbox.stores[1003].profile["shipping"]["shippingOptions"]
    shipping[0]["enabled"] = False

    seen = get(sandbox, "/1003/profile", installed(sandbox)["public_token"]).json

    assert len(seen["shipping"]["shippingOptions"]) == len(shipping) - 1


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ("generalInfo(storeId)", {"generalInfo": {"storeId": 1003}}),
        (
            "generalInfo(storeId),settings(storeName)",
            {"generalInfo": {"storeId": 1003}, "settings": {"storeName": "Paper Trail"}},
        ),
        (
            "generalInfo( starterSite(ecwidSubdomain) , storeId )",
            {"generalInfo": {"starterSite": {"ecwidSubdomain": "papertrail"}, "storeId": 1003}},
        ),
        ("zones(name)", {"zones": [{"name": "Benelux"}]}),
        ("languages(defaultLanguage),nothing(at(all))", {"languages": {"defaultLanguage": "en"}}),
        ("phoneNotifications", {"phoneNotifications": {"adminNotificationPhones": []}}),
    ],
)
def test_response_fields_leave_what_is_named(sandbox: Sandbox, mask: str, left: dict[str, Any]) -> None:
    token = installed(sandbox)["access_token"]

    path = "/1003/profile?responseFields=" + mask.replace(" ", "%20")

    assert get(sandbox, path, token).json == left


@pytest.mark.parametrize("mask", ["generalInfo(storeId", "generalInfo)", "(storeId)", "a;b", "a(" * 30 + ")" * 30])
def test_a_mask_that_is_none_is_400(sandbox: Sandbox, mask: str) -> None:
    reply = get(sandbox, f"/1003/profile?responseFields={mask}", installed(sandbox)["access_token"])

    assert (reply.status, reply.json["errorCode"]) == (400, "WRONG_PARAMETER")


def test_a_mask_never_shows_more_than_the_token_may_see(sandbox: Sandbox) -> None:
    token = installed(sandbox)["public_token"]

    assert get(sandbox, "/1003/profile?responseFields=account,languages(defaultLanguage)", token).json == {
        "languages": {"defaultLanguage": "en"}
    }


def test_an_update_changes_only_what_it_sends(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]

    reply = put(sandbox, token, {"settings": {"storeName": "New name"}, "languages": {"defaultLanguage": "nl"}})

    profile = sandbox.stores[1003].profile
    assert reply.json == {"updateCount": 1}
    assert profile["settings"]["storeName"] == "New name"
    assert profile["settings"]["favoritesEnabled"] is True
    assert profile["languages"] == {
        "enabledLanguages": ["en", "nl"],
        "defaultLanguage": "nl",
        "facebookPreferredLocale": "en_US",
    }


def test_what_is_read_only_stays(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]
    change = {
        "generalInfo": {"storeId": 1},
        "account": {"accountEmail": "x@x.example"},
        "mailNotifications": {"customerNotificationFromEmail": "x@x.example"},
        "payment": {"paymentOptions": []},
        "featureToggles": [],
    }

    assert put(sandbox, token, change).json == {"updateCount": 0}
    assert sandbox.stores[1003].profile["generalInfo"]["storeId"] == 1003


def test_an_update_moves_the_time_of_the_latest_profile_change(sandbox: Sandbox) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]
    sandbox.stores[1003].changed["profile"] = 0.0

    put(sandbox, token, {"account": {"accountName": "Somebody"}})

    assert get(sandbox, "/1003/latest-stats", token).json["profileUpdated"] > "2000"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{}", "text/plain", 415),
        ("{}", "application/x-www-form-urlencoded", 415),
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ("{}", "application/json; charset=utf-8", 200),
    ],
)
def test_an_update_takes_a_json_object_only(sandbox: Sandbox, body: str, kind: str, status: int) -> None:
    token = installed(sandbox, 1003, *WRITER)["access_token"]

    assert put(sandbox, token, body, kind).status == status


def test_an_update_needs_its_scope_and_a_secret_token(sandbox: Sandbox) -> None:
    reader = installed(sandbox)
    assert put(sandbox, reader["access_token"], {}).json["errorCode"] == "INSUFFICIENT_APP_SCOPE"

    writer = installed(sandbox, 1003, *WRITER, "public_storefront")
    assert put(sandbox, writer["public_token"], {}).status == 403


def test_the_latest_stats_are_dates_and_open_to_a_public_token(sandbox: Sandbox) -> None:
    token = installed(sandbox)["public_token"]

    plain = get(sandbox, "/1003/latest-stats", token).json
    more = get(sandbox, "/1003/latest-stats?domainsRequired=true&productCountRequired=true", token).json

    assert plain["productsUpdated"].endswith(" +0000")
    assert set(more) - set(plain) == {"domainsUpdated", "productCount"}
