"""A store's settings in a real browser: searching a long list, where a value comes from, and reading it again."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.models import StoreSettings
from tests.people import Merchant
from tests.processes import until
from tests.test_browser import (
    NARROW,
    WIDE,
    Open,
    _at_the_hub,
    assert_fits,
    at_onboarding,
    at_store,
    finish,
    hub,
    is_filled,
    open_browser,
    press_install,
    setting,
    violations,
)

# The fixtures of the merchant's way through a browser; pytest finds them by these names.
__all__ = ["_at_the_hub", "hub", "open_browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_store(page: Page, merchant: Merchant) -> None:
    """Install, wait until the store is known, and go to its page."""
    press_install(page, merchant)
    at_onboarding(page, merchant)
    until(lambda: is_filled(merchant))
    finish(page)
    at_store(page, merchant)
    page.wait_for_load_state()


def country(page: Page) -> Locator:
    """Open the country's form and return its box."""
    setting(page, "country", "link").click()
    # The box, not the plain list that stands there until the script has made it one.
    box = page.get_by_role("combobox", name=re.compile("country", re.IGNORECASE)).and_(page.locator("input"))
    expect(box).to_be_focused()
    return box


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_long_list_is_searched_by_keyboard_alone(open_browser: Open, merchant: Merchant, width: int) -> None:
    page = open_browser(width, reduced_motion="reduce")
    open_store(page, merchant)
    box = country(page)
    expect(box).to_have_value("Netherlands")
    box.press_sequentially("gu")
    choices = page.get_by_role("option")
    expect(choices.first).to_have_text(re.compile("Gu"))
    expect(box).to_have_attribute("aria-expanded", "true")
    assert violations(page, "a list that is open") == []
    box.fill("cote")  # as people without that key type it
    expect(choices).to_have_text([re.compile("Côte")])
    box.fill("DE")
    expect(choices.filter(has_text="Germany")).to_be_visible()
    box.fill("germ")
    box.press("ArrowDown")
    box.press("ArrowUp")
    box.press("Enter")
    expect(box).to_have_value("Germany")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box.press("Enter")  # the list is closed: this one saves

    expect(page.locator("#setting-country_code")).to_contain_text("Germany")
    expect(page.locator("#edit-country_code")).to_be_focused()
    assert StoreSettings.objects.get().country_code == "DE"
    assert_fits(page)


def test_escape_closes_the_list_first_and_then_the_edit(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser(reduced_motion="reduce")
    open_store(page, merchant)
    box = country(page)
    box.fill("xyz")
    expect(page.get_by_text("Nothing goes with that.")).to_be_visible()
    box.press("Escape")
    expect(box).to_have_value("Netherlands")
    box.press_sequentially("ger")
    box.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(box).to_be_visible()
    box.press("Escape")

    expect(box).to_be_hidden()
    expect(page.locator("#edit-country_code")).to_be_focused()
    assert StoreSettings.objects.get().country_code == "NL"


def test_whoever_leaves_the_box_takes_what_is_marked_or_keeps_what_was(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser()
    open_store(page, merchant)
    box = country(page)
    box.fill("belg")
    box.press("Tab")
    expect(box).to_have_value("Belgium")
    box.fill("nowhere at all")
    box.press("Tab")
    expect(box).to_have_value("Belgium")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#setting-country_code")).to_contain_text("Belgium")


def test_with_a_mouse_it_is_a_list_like_any_other(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser(NARROW)
    open_store(page, merchant)
    box = country(page)
    box.click()
    page.get_by_role("option", name="Norway").click()
    expect(box).to_have_value("Norway")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#setting-country_code")).to_contain_text("Norway")


def test_without_script_it_is_a_plain_select(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser(java_script_enabled=False)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    until(lambda: is_filled(merchant))
    page.goto(page.url.replace("onboarding/", "settings/country_code/"))
    page.get_by_role("combobox").select_option("FR")
    page.get_by_role("button", name="Save").click()

    assert StoreSettings.objects.get().country_code == "FR"


def test_reading_again_shows_how_it_goes_and_what_changed_and_leaves_an_open_edit_alone(
    open_browser: Open, merchant: Merchant
) -> None:
    page = open_browser(reduced_motion="reduce")
    open_store(page, merchant)
    page.evaluate("window.sameDocument = true")
    setting(page, "phone", "link").click()
    phone = setting(page, "phone", "textbox")
    phone.fill("+31 20 555 0123")
    merchant.sandbox.disturb("profile", "slow", seconds=600)
    merchant.sandbox.stores[1003].profile["company"]["city"] = "Rotterdam"
    page.get_by_role("button", name="Update from my store now").click()
    expect(page.get_by_text("Reading your store’s details …")).to_be_visible()
    expect(page.get_by_role("button", name="Update from my store now")).to_have_attribute("aria-disabled", "true")
    merchant.sandbox.calm()

    expect(page.get_by_text("Connected and working")).to_be_visible()
    expect(page.get_by_role("heading", name="Changed in your store")).to_be_visible()
    expect(page.locator("#setting-city")).to_contain_text("Rotterdam")
    expect(phone).to_have_value("+31 20 555 0123")
    assert page.evaluate("window.sameDocument")


def test_an_own_value_says_what_the_store_says_now_and_gives_way_to_it_by_one_click(
    open_browser: Open, merchant: Merchant
) -> None:
    page = open_browser(NARROW, reduced_motion="reduce")
    open_store(page, merchant)
    setting(page, "city", "link").click()
    setting(page, "city", "textbox").fill("Delft")
    page.get_by_role("button", name="Save").click()
    row = page.locator("#setting-city")
    expect(row).to_contain_text("Set by you")
    expect(row).to_contain_text("Your store says: Utrecht")
    merchant.sandbox.stores[1003].profile["company"]["city"] = "Rotterdam"
    page.get_by_role("button", name="Update from my store now").click()
    expect(row).to_contain_text("Your store now says: Rotterdam")
    expect(row.locator("[dir=auto]").first).to_have_text("Delft")
    assert violations(page, "a value that the store says otherwise") == []
    assert_fits(page)
    row.get_by_role("button", name="Use my store’s value again").click()

    expect(row.locator("[dir=auto]").first).to_have_text("Rotterdam")
    expect(row).to_contain_text("From your store")
    expect(page.locator("#edit-city")).to_be_focused()
    assert StoreSettings.objects.get().city == "Rotterdam"


def test_how_long_ago_stays_true_while_the_page_is_open(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser()
    open_store(page, merchant)
    when = page.locator("#setting-city time")
    expect(when).to_have_attribute("title", re.compile(r"\d{4}.* UTC"))
    page.evaluate(
        "document.querySelector('#setting-city time').dateTime = new Date(Date.now() - 180_000).toISOString()"
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(when).to_have_text("3 minutes ago")
