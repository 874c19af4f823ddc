"""People and stores in a real browser: without script, and by keyboard. What axe says: tests/test_accessible.py."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from accounts import invitations, links
from accounts.models import Invitation, Membership, Store, StoreSettings, User
from tests.people import Merchant
from tests.processes import until
from tests.test_browser import (
    NARROW,
    Open,
    _at_the_hub,
    assert_fits,
    at_onboarding,
    hub,
    is_filled,
    open_browser,
    press_install,
)

# The fixtures of the merchant's way through a browser; pytest finds them by these names.
__all__ = ["_at_the_hub", "hub", "open_browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def come_in(page: Page, merchant: Merchant) -> User:
    """Install, and wait until the store is known."""
    press_install(page, merchant)
    at_onboarding(page, merchant)
    until(lambda: is_filled(merchant))
    return merchant.store.owner


def origin_of(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


def open_whole(page: Page, person: User) -> None:
    """Open a mailed sign-in link and click."""
    page.goto(links.address(person))
    page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/sign-in/"))


def make_stores(person: User, count: int) -> None:
    for at in range(count):
        store = Store.objects.create(store_id=5000 + at)
        StoreSettings.objects.create(store=store, store_name=f"Shop {at:02}")
        Membership.objects.create(user=person, store=store)


@pytest.mark.parametrize("script", [True, False])
def test_somebody_is_invited_and_comes_in(open_browser: Open, merchant: Merchant, script: bool) -> None:
    page = open_browser(NARROW, java_script_enabled=script)
    come_in(page, merchant)
    page.goto(f"{origin_of(page)}{merchant.page}people/")
    page.get_by_label("Their e-mail address").fill("eve@people.example")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_text("The invitation is on its way.")).to_be_visible()
    expect(page.locator("bdi", has_text="eve@people.example")).to_be_visible()
    guest = open_browser(NARROW, java_script_enabled=script)
    guest.goto(invitations.address(Invitation.objects.get()))
    guest.get_by_label("Your name").fill("Eve")
    guest.get_by_role("button", name="Join").click()

    expect(guest).to_have_url(re.compile(r"/stores/1003/$"))
    assert_fits(guest)
    guest.get_by_role("link", name="People").click()
    expect(guest.get_by_text("Eve", exact=True).first).to_be_visible()


def test_stores_are_switched_and_searched_without_script_by_keyboard(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser(java_script_enabled=False)
    person = come_in(page, merchant)
    make_stores(person, 9)
    open_whole(page, person)
    page.goto(f"{origin_of(page)}{merchant.page}people/")
    page.locator("summary", has_text="switch store").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("shop 08")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/stores/5008/$"))
