"""A passkey in a real browser, with a device that Chromium plays: made on the account's page, used the next time."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from playwright.sync_api import CDPSession, Page, expect

from accounts import links
from accounts.models import Passkey, User
from tests.people import Merchant
from tests.processes import Hub
from tests.sandbox import Sandbox
from tests.test_browser import (
    NARROW,
    WIDE,
    Open,
    assert_fits,
    at_onboarding,
    open_browser,
    press_install,
    violations,
)

# The fixture of the merchant’s way through a browser; pytest finds it by this name.
__all__ = ["open_browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def hub(django_db_setup: None, ecwid: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A web server at a name: passkeys belong to names, and an IP address is none."""
    with Hub(tmp_path_factory.mktemp("hub"), ecwid) as hub:
        hub.url = hub.url.replace("127.0.0.1", "localhost")
        hub.environment["SITE_URL"] = hub.url
        hub.web()
        yield hub


@pytest.fixture(autouse=True)
def _at_the_hub(hub: Hub, settings: LazySettings) -> None:
    settings.SITE_URL = hub.url


class Phone:
    """The device of one window: a passkey made there stays on it when the window forgets who is signed in."""

    def __init__(self, page: Page) -> None:
        self._wire: CDPSession = page.context.new_cdp_session(page)
        self._wire.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        answer = self._wire.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._id = answer["authenticatorId"]

    def passkeys(self) -> list[dict[str, Any]]:
        held: list[dict[str, Any]] = self._wire.send("WebAuthn.getCredentials", {"authenticatorId": self._id})[
            "credentials"
        ]
        return held

    def knows_its_owner(self, yes: bool) -> None:
        self._wire.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": yes})


def open_account(page: Page, hub: Hub, person: User) -> None:
    """Open the account by a mailed link."""
    page.goto(links.address(User.objects.get(pk=person.pk)))
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{hub.url}/account/")


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_passkey_is_made_and_signs_in_by_one_click(
    open_browser: Open, hub: Hub, merchant: Merchant, width: int
) -> None:
    page = open_browser(width, reduced_motion="reduce")
    phone = Phone(page)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    open_account(page, hub, merchant.store.owner)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Your passkey is saved.")).to_be_visible()
    assert len(phone.passkeys()) == 1
    page.get_by_text("Change …").click()
    page.get_by_label("Name of the passkey").fill("My phone")
    assert violations(page, "account with a passkey") == []
    page.get_by_role("button", name="Save name").nth(-1).click()
    expect(page.locator("bdi", has_text="My phone")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto(f"{hub.url}/sign-in/?next=/account/")
    assert_fits(page)
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page).to_have_url(re.compile("/account/$"))
    expect(page.get_by_role("heading", name="Passkeys")).to_be_visible()
    assert_fits(page)


def test_what_comes_to_nothing_is_said_and_can_be_tried_again(open_browser: Open, hub: Hub, merchant: Merchant) -> None:
    page = open_browser()
    phone = Phone(page)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    open_account(page, hub, merchant.store.owner)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("Your passkey is saved.")).to_be_visible()
    page.get_by_role("button", name="Add another passkey").click()
    expect(page.get_by_text("This device has a passkey for your account already.")).to_be_visible()
    Passkey.objects.all().delete()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto(f"{hub.url}/sign-in/")
    phone.knows_its_owner(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Nothing happened")).to_be_visible()
    phone.knows_its_owner(True)
    page.get_by_role("button", name="Sign in with a passkey").click()

    expect(page.get_by_text("That passkey does not open an account here.")).to_be_visible()
    expect(page.get_by_role("button", name="Mail me a link")).to_be_visible()


def test_without_script_the_mailed_link_is_the_only_way_offered(open_browser: Open, hub: Hub) -> None:
    page = open_browser(java_script_enabled=False)
    page.goto(f"{hub.url}/sign-in/")

    expect(page.get_by_role("button", name="Mail me a link")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_hidden()
