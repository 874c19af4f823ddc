"""The native page in a real browser: framed by another site, without a cookie, in both of Ecwid's ways."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import LazySettings
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

from accounts.models import StoreSettings
from installs.models import Installation, Prefill
from tests import chromium
from tests.cast import long_ago
from tests.people import Merchant
from tests.processes import Hub, until
from tests.sandbox import Sandbox
from tests.test_browser import Complaints
from tests.test_secrets import all_secrets, leaks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ADMIN, EVIL = chromium.PLAYED  # both played by the sandbox


@pytest.fixture(scope="module")
def hub(django_db_setup: None, ecwid: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A web server that says all it can, and a worker. The admin stands at a name of its own."""
    folder = tmp_path_factory.mktemp("hub")
    with Hub(folder, ecwid, ECWID_ADMIN_ORIGINS=at(ADMIN, ecwid), LOG_LEVEL="DEBUG") as hub:
        hub.worker("--loglevel", "DEBUG")
        hub.web()
        yield hub


@pytest.fixture(autouse=True)
def _at_the_hub(hub: Hub, settings: LazySettings) -> None:
    settings.SITE_URL = hub.url


@pytest.fixture
def context(browser_program: Browser) -> Iterator[BrowserContext]:
    context = browser_program.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(chromium.PATIENCE)
    yield context
    context.close()


@pytest.fixture
def complaints(context: BrowserContext) -> Iterator[Complaints]:
    complaints = Complaints()
    complaints.listen(context)
    yield complaints
    # Chromium keeps the focus from moving into a frame by itself; htmx moves it there after the merchant's own click.
    assert [words for words, _ in complaints.left if not words.startswith("Blocked autofocusing")] == []


def at(name: str, ecwid: Sandbox) -> str:
    """Return the sandbox's origin under another name."""
    return f"http://{name}:{urlsplit(ecwid.origin).port}"


def open_app(page: Page, merchant: Merchant, mode: str = "query", name: str = ADMIN, lang: str = "en") -> None:
    """Open the app in the admin."""
    page.goto(f"{at(name, merchant.sandbox)}/admin/{merchant.store_id}/apps/demo-app?mode={mode}&lang={lang}")


def inside(page: Page) -> Frame:
    """Return the frame once the page in it has greeted the admin."""
    expect(page.get_by_text("The page is loaded.")).to_be_visible()
    handle = page.locator("iframe#app").element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    return frame


def shows_the_details(page: Page | Frame) -> None:
    """Wait until the page shows what a worker has read."""
    expect(page.get_by_text("Paper Trail BV").first).to_be_visible()


def is_filled(merchant: Merchant) -> bool:
    # The page is open before the script in it has posted what installs the store.
    rows = Prefill.objects.filter(installation__store__store_id=merchant.store_id)
    return rows.filter(state=Prefill.State.DONE).exists()


@pytest.mark.parametrize("mode", ["query", "fragment"])
def test_a_merchant_sets_up_and_edits_inside_the_admin_without_a_cookie(
    context: BrowserContext, complaints: Complaints, hub: Hub, merchant: Merchant, settings: LazySettings, mode: str
) -> None:
    cookies: list[str] = []
    addresses: list[str] = []
    pages: list[bytes] = []
    context.on("request", lambda request: addresses.append(f"{request.method} {request.url}"))
    context.on("response", lambda answer: cookies.extend(answer.all_headers().get("set-cookie", "").splitlines()))
    context.on("request", lambda request: cookies.append(request.all_headers().get("cookie", "")))
    page = context.new_page()
    open_app(page, merchant, mode)
    frame = inside(page)
    shows_the_details(frame)
    assert frame.evaluate("location.href") == f"{hub.url}/apps/demo-app/native/"
    frame.evaluate("window.sameDocument = true")
    frame.get_by_role("link", name=re.compile("phone", re.IGNORECASE)).click()
    expect(frame.get_by_label(re.compile("phone", re.IGNORECASE))).to_be_focused()
    frame.get_by_label(re.compile("phone", re.IGNORECASE)).fill("+31 20 555 0123")
    frame.get_by_role("button", name="Save").click()
    expect(frame.get_by_text("555 0123").first).to_be_visible()
    pages.append(frame.content().encode())
    frame.get_by_role("button", name=re.compile("start", re.IGNORECASE)).click()
    expect(frame.get_by_role("button", name="Update from my store now")).to_be_visible()
    frame.get_by_role("button", name="Update from my store now").click()
    expect(frame.get_by_text("555 0123").first).to_be_visible()
    pages.append(frame.content().encode())

    assert frame.evaluate("window.sameDocument")
    assert StoreSettings.objects.get().phone == "+31 20 555 0123"
    assert [cookie for cookie in cookies if cookie] == []
    own = [address for address in addresses if hub.url in address]
    carried = [address for address in own if re.search(r"[?&]payload=|context", address)]
    assert len(own) > 5
    assert len(carried) == (1 if mode == "query" else 0), "the payload stands where the admin put it, and nowhere else"
    secrets = all_secrets(merchant.sandbox, settings, **sealed_in(carried))
    logs = {process.said.name: process.words.encode() for process in hub.processes}
    assert leaks(logs | {"the database": rows(), "pages": b"".join(pages)}, secrets) == []


def sealed_in(addresses: list[str]) -> dict[str, str]:
    """Return the payloads that the admin put into addresses, by number."""
    found = (re.search(r"payload=([\w-]+)", address) for address in addresses)
    return {f"payload {at}": match[1] for at, match in enumerate(found) if match}


def rows() -> bytes:
    """Return all that stands in the database, read in a way that leaves its other users alone."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  no value in it
            found.append(repr(cursor.fetchall()))
        return "\n".join(found).encode()


def test_another_site_cannot_frame_it(context: BrowserContext, merchant: Merchant) -> None:
    page = context.new_page()
    open_app(page, merchant, name=EVIL)
    expect(page.get_by_text(re.compile("did not call EcwidApp.init"))).to_be_visible()

    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_nobody_frames_the_pages_outside_not_even_the_admin(context: BrowserContext, merchant: Merchant) -> None:
    page = context.new_page()
    open_app(page, merchant)
    inside(page)
    with page.expect_event("framenavigated"):
        page.evaluate(f"document.getElementById('app').src = '{merchant.app.address('open')}'")

    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_who_is_signed_in_outside_does_not_matter_inside(
    context: BrowserContext, complaints: Complaints, merchant: Merchant, stranger: Merchant
) -> None:
    """One browser, signed in to one store on our site, opens the app in another store's admin."""
    page = context.new_page()
    page.goto(f"{at(ADMIN, merchant.sandbox)}/apps/demo-app")
    page.get_by_role("combobox").select_option(str(stranger.store_id))
    page.get_by_role("button", name="Install", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/stores/{stranger.store_id}/onboarding/"))
    open_app(page, merchant)

    shows_the_details(inside(page))


@pytest.mark.parametrize("ending", ["expired", "uninstalled"])
def test_a_page_whose_time_is_over_says_so_and_loses_nothing_else(
    context: BrowserContext, merchant: Merchant, ending: str
) -> None:
    page = context.new_page()
    open_app(page, merchant, "fragment")
    frame = inside(page)
    shows_the_details(frame)
    if ending == "uninstalled":
        Installation.objects.update(uninstalled_at=long_ago())
    else:
        frame.evaluate("document.body.setAttribute('hx-headers', '{}')")
    frame.get_by_role("link", name=re.compile("phone", re.IGNORECASE)).click()

    expect(frame.get_by_role("heading", name="Please open the app once more")).to_be_visible()
    expect(frame.get_by_text("Paper Trail BV")).to_have_count(0)


def test_the_address_alone_says_how_to_get_in(context: BrowserContext, complaints: Complaints, hub: Hub) -> None:
    page = context.new_page()
    page.goto(f"{hub.url}/apps/none/native/")
    expect(page.get_by_role("heading", name="Please open the app once more")).to_be_visible()


def test_a_page_opened_without_a_payload_says_how_to_get_in(
    context: BrowserContext, complaints: Complaints, merchant: Merchant
) -> None:
    page = context.new_page()
    page.goto(merchant.app.address("native"))
    expect(page.get_by_role("heading", name="Please open the app once more")).to_be_visible()
    expect(page.get_by_text("Opening …")).to_be_hidden()


def test_the_page_shrinks_again_after_it_has_grown(context: BrowserContext, merchant: Merchant) -> None:
    """The admin makes the frame as high as the page, which must not be as high as the frame."""
    page = context.new_page()
    open_app(page, merchant)
    frame = inside(page)
    until(lambda: is_filled(merchant))
    shows_the_details(frame)
    height = "document.documentElement.offsetHeight"
    before = frame.evaluate(height)
    frame.get_by_role("link", name=re.compile("phone", re.IGNORECASE)).click()
    expect(frame.get_by_role("button", name="Save")).to_be_visible()
    assert frame.evaluate(height) > before
    frame.get_by_role("link", name="Cancel").click()
    expect(frame.get_by_role("button", name="Save")).to_be_hidden()

    assert frame.evaluate(height) == before


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_it_is_accessible_and_fits_the_admin_at_any_width(
    context: BrowserContext, complaints: Complaints, merchant: Merchant, lang: str
) -> None:
    page = context.new_page()
    page.goto(merchant.sandbox.native_address("demo-app", 1003, lang=lang))
    until(lambda: is_filled(merchant))
    shows_the_details(page)
    found = violations(page)
    page.locator("#edit-phone").click()
    expect(page.locator("#editing-phone button").first).to_be_visible()
    found += violations(page)
    page.locator("form[action$='/finish/'] button").click()
    expect(page.locator("#again")).to_be_visible()
    found += violations(page)

    assert found == []


def violations(page: Page) -> list[str]:
    """Return what axe and a ruler find wrong with a page, in each width."""
    found = []
    for width in (1280, 760, 360):
        page.set_viewport_size({"width": width, "height": 900})
        results = Axe().run(page)
        if results.violations_count:
            found.append(f"{width} px: {results.generate_report()}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{width} px: sticks out")
    return found
