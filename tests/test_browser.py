"""A merchant's way through a real browser, from the market's Install button to the store's page."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import LazySettings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    expect,
)

from accounts.models import StoreSettings
from installs.models import Prefill
from tests import chromium
from tests.people import Merchant
from tests.processes import Hub, until
from tests.sandbox import Sandbox

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WIDE, NARROW = 1280, 390
Scheme = Literal["light", "dark"]
SCHEMES: tuple[tuple[Scheme, dict[str, Any]], ...] = (
    ("light", {}),
    ("dark", {"runOnly": ["color-contrast", "link-in-text-block"]}),  # nothing else changes in the dark
)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def hub(django_db_setup: None, ecwid: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A web server, a worker and the schedule."""
    with Hub(tmp_path_factory.mktemp("hub"), ecwid) as hub:
        hub.worker("--beat")
        hub.web()
        yield hub


@pytest.fixture(autouse=True)
def _at_the_hub(hub: Hub, settings: LazySettings) -> None:
    settings.SITE_URL = hub.url


class Complaints:
    """What a browser's console says that should not be there: script errors, refused content, missing files."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.refused: set[str] = set()

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._note)
        context.on("weberror", lambda error: self.said.append((str(error.error), "")))
        context.on("response", self._know_pages)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append((message.text, message.location["url"]))

    def _know_pages(self, response: Response) -> None:
        if response.status >= 400 and response.request.is_navigation_request():
            self.refused.add(response.url)

    @property
    def left(self) -> list[tuple[str, str]]:
        """All but the word that a page itself answered 4xx or 5xx: tests look at those pages."""
        loading = "Failed to load resource"
        return [(text, url) for text, url in self.said if not (text.startswith(loading) and url in self.refused)]


@pytest.fixture
def open_browser(browser_program: Browser, sandbox: Sandbox) -> Iterator[Open]:
    """Open windows of new browsers, each of which knows nobody; close them and hear their complaints at the end."""
    contexts: list[BrowserContext] = []
    complaints = Complaints()

    def open_one(width: int = WIDE, **options: Any) -> Page:
        context = browser_program.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(chromium.PATIENCE)
        complaints.listen(context)
        contexts.append(context)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert complaints.left == []


def press_install(page: Page, merchant: Merchant, button: str = "Install") -> None:
    """Go to the app's page in the market and press the button there as the owner of the merchant's store."""
    page.goto(f"{merchant.sandbox.origin}/apps/{merchant.app.client_id}")
    page.get_by_role("combobox").select_option(str(merchant.store_id))
    page.get_by_role("button", name=button, exact=True).click()


def at_onboarding(page: Page, merchant: Merchant) -> None:
    """Arrive on the first-run page and let its scripts begin; before that, links are plain links."""
    expect(page).to_have_url(re.compile(rf"/stores/{merchant.store_id}/onboarding/(#.*)?$"))
    page.wait_for_load_state()


def at_store(page: Page, merchant: Merchant) -> None:
    expect(page).to_have_url(re.compile(rf"/stores/{merchant.store_id}/$"))


def finish(page: Page) -> None:
    page.get_by_role("button", name=re.compile("start|finish", re.IGNORECASE)).click()


def is_filled(merchant: Merchant) -> bool:
    return merchant.installation.prefill.state == Prefill.State.DONE


def assert_fits(page: Page) -> None:
    """Nothing sticks out at the side."""
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]


def setting(page: Page, name: str, role: Literal["link", "textbox"]) -> Locator:
    """Find the way to change one setting, or the field where it is changed."""
    return page.get_by_role(role, name=re.compile(name, re.IGNORECASE))


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_a_page_fills_itself_while_the_merchant_edits_it(open_browser: Open, merchant: Merchant, width: int) -> None:
    merchant.sandbox.disturb("profile", "slow", seconds=600)
    page = open_browser(width)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    page.evaluate("window.sameDocument = true")
    assert_fits(page)
    setting(page, "phone", "link").click()
    setting(page, "phone", "textbox").fill("+31 20 555 0123")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("555 0123").first).to_be_visible()
    setting(page, "company", "link").click()
    company = setting(page, "company", "textbox")
    company.fill("Half a na")
    assert not is_filled(merchant)
    merchant.sandbox.calm()  # the answer comes now

    expect(page.get_by_text("Paper Trail").first).to_be_visible()
    expect(page.get_by_text("Netherlands").first).to_be_visible()
    expect(company).to_have_value("Half a na")
    expect(company).to_be_focused()
    company.press_sequentially("me")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Half a name").first).to_be_visible()
    expect(page.get_by_text("555 0123").first).to_be_visible()
    assert page.evaluate("window.sameDocument")
    assert_fits(page)

    finish(page)
    at_store(page, merchant)
    expect(page.get_by_role("heading", name="Paper Trail").first).to_be_visible()
    expect(page.get_by_text("555 0123").first).to_be_visible()
    assert_fits(page)
    known = StoreSettings.objects.get(store__store_id=1003)
    assert (known.phone, known.company_name, known.country_code) == ("+31 20 555 0123", "Half a name", "NL")


def test_without_script_a_reload_shows_the_filled_page(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser(NARROW, java_script_enabled=False)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    until(lambda: is_filled(merchant))
    page.reload()

    expect(page.get_by_text("Paper Trail BV").first).to_be_visible()
    setting(page, "phone", "link").click()
    setting(page, "phone", "textbox").fill("+31 20 555 0123")
    page.get_by_role("button", name="Save").click()
    at_onboarding(page, merchant)
    expect(page.get_by_text("555 0123").first).to_be_visible()
    finish(page)
    at_store(page, merchant)


def test_a_refusal_ends_on_a_friendly_page_with_a_way_back(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser(NARROW)
    press_install(page, merchant, "Don't install")

    expect(page.get_by_role("heading", name="Nothing was connected")).to_be_visible()
    assert_fits(page)
    page.get_by_role("link", name=re.compile("connect", re.IGNORECASE)).click()
    page.get_by_role("combobox").select_option("1003")
    page.get_by_role("button", name="Allow").click()
    at_onboarding(page, merchant)


def test_refresh_and_back_change_nothing_after_an_install(open_browser: Open, merchant: Merchant) -> None:
    page = open_browser()
    press_install(page, merchant)
    at_onboarding(page, merchant)
    page.reload()
    at_onboarding(page, merchant)
    page.go_back()
    expect(page.get_by_role("button", name="Install", exact=True)).to_be_visible()
    page.go_forward()
    at_onboarding(page, merchant)

    assert len(merchant.sandbox.calls_of("token")) == 1
    assert merchant.installation.generation == 1


def test_two_tabs_share_one_account(open_browser: Open, merchant: Merchant) -> None:
    first = open_browser()
    second = first.context.new_page()
    for tab in (first, second):
        press_install(tab, merchant)
        at_onboarding(tab, merchant)
    until(lambda: is_filled(merchant))
    finish(first)
    at_store(first, merchant)
    finish(second)
    at_store(second, merchant)

    assert merchant.installation.generation == 2
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)


def test_somebody_else_signed_in_is_named_and_switched_only_by_a_click(
    open_browser: Open, merchant: Merchant, stranger: Merchant
) -> None:
    page = open_browser(NARROW)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    until(lambda: is_filled(merchant))
    press_install(page, stranger)
    until(lambda: is_filled(stranger))
    page.reload()

    expect(page.get_by_text(merchant.store.display_name).first).to_be_visible()
    expect(page.get_by_role("heading", name=stranger.store.display_name).first).to_be_visible()
    assert_fits(page)
    still = page.context.new_page()
    still.goto(merchant.app.address("open"))
    at_store(still, merchant)
    page.locator("form[action$='/continue/'] button").click()  # which speaks the store's language, once it is known
    at_onboarding(page, stranger)
    answer = still.reload()
    assert answer is not None
    assert answer.status == 404


def test_every_page_of_the_way_is_accessible(open_browser: Open, merchant: Merchant, stranger: Merchant) -> None:
    """At both widths, light and dark."""
    page = open_browser(reduced_motion="reduce")
    press_install(page, merchant, "Don't install")
    found = violations(page, "failure")
    merchant.sandbox.disturb("profile", "slow", seconds=600)
    press_install(page, merchant)
    at_onboarding(page, merchant)
    setting(page, "country", "link").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    found += violations(page, "onboarding, filling and editing")
    merchant.sandbox.calm()
    until(lambda: is_filled(merchant))
    page.reload()
    found += violations(page, "onboarding, filled")
    finish(page)
    at_store(page, merchant)
    found += violations(page, "store")
    press_install(page, stranger)
    expect(page.locator("form[action$='/continue/'] button")).to_be_visible()
    found += violations(page, "confirm")

    assert found == []


def violations(page: Page, name: str) -> list[str]:
    """Return what axe and a ruler find wrong with a page, in each width and scheme."""
    found = []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme, rules in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            results = Axe().run(page, options={"resultTypes": ["violations"]} | rules)
            if results.violations_count:
                found.append(f"{name}, {width} px, {scheme}: {results.generate_report()}")
        assert_fits(page)
    return found
