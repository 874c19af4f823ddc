"""The made-up stores: each is there for a reason, and none is harmed by what tests do to it."""

import json
from pathlib import Path

import pytest

from tests.sandbox import Sandbox, stores
from tests.sandbox_tests.wire import get, installed

OPEN = [one for one in stores.all_stores() if one not in (1012, 1013)]
CONTRACT_SECTIONS = 24
PROFILES = sorted(Path(stores.__file__).parent.glob("profiles/*.json"))


@pytest.mark.parametrize("store_id", OPEN)
def test_every_open_store_serves_its_profile_to_both_tokens(sandbox: Sandbox, store_id: int) -> None:
    grant = installed(sandbox, store_id)

    for token in (grant["access_token"], grant["public_token"]):
        assert get(sandbox, f"/{store_id}/profile", token).status == 200


def test_1003_has_every_section_of_the_contract(sandbox: Sandbox) -> None:
    assert len(sandbox.stores[1003].profile) >= CONTRACT_SECTIONS


def test_1004_is_sold_by_a_reseller_under_its_own_brand(sandbox: Sandbox) -> None:
    account = sandbox.stores[1004].profile["account"]

    assert (account["whiteLabel"], account["brandName"]) == (True, "Schwarzwald Shops")


def test_1009_is_longer_than_anyone_expects(sandbox: Sandbox) -> None:
    profile = sandbox.stores[1009].profile

    assert len(profile["settings"]["storeName"]) == 2000
    assert len(profile["company"]["street"].splitlines()) == 40


def test_1010_has_nothing_but_its_id(sandbox: Sandbox) -> None:
    assert sandbox.stores[1010].profile == {"generalInfo": {"storeId": 1010}}


def test_1014_is_closed_and_1015_has_no_instant_site(sandbox: Sandbox) -> None:
    assert sandbox.stores[1014].profile["settings"]["closed"] is True
    assert sandbox.stores[1015].profile["generalInfo"]["websitePlatform"] == "wordpress"
    assert "starterSite" not in sandbox.stores[1015].profile["generalInfo"]


def test_the_stores_span_languages_currencies_and_units(sandbox: Sandbox) -> None:
    formats = [sandbox.stores[one].profile["formatsAndUnits"] for one in range(1003, 1009)]
    languages = [sandbox.stores[one].profile["languages"]["defaultLanguage"] for one in range(1003, 1009)]

    assert [one["currency"] for one in formats] == ["EUR", "EUR", "SAR", "JPY", "BRL", "USD"]
    assert [one["dateFormat"] for one in formats][-1] == "MMM d, yyyy"
    assert languages == ["en", "de", "ar", "ja", "pt", "en"]


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_no_made_up_address_belongs_to_anybody(path: Path) -> None:
    text = json.dumps(json.loads(path.read_text("utf-8")))
    mails = [word for word in text.split('"') if "@" in word and " " not in word and "/" not in word]

    assert all(mail.endswith((".example", "support@ecwid.com")) for mail in mails)


def test_a_reset_brings_the_stores_back(sandbox: Sandbox) -> None:
    sandbox.stores[1003].profile["settings"]["storeName"] = "Gone"
    sandbox.stores[1003].exists = False
    sandbox.switches.old_flow = True
    sandbox.add_app("another")

    sandbox.reset()

    assert sandbox.stores[1003].profile["settings"]["storeName"] == "Paper Trail"
    assert sandbox.stores[1003].exists
    assert not sandbox.switches.old_flow
    assert set(sandbox.world.apps) == {"demo-app"}
