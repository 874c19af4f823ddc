"""The operators' pages in a real browser: they fit, light and dark, and lead from a support code to its cause."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import StoreSettings, User
from installs import tasks
from installs.models import Installation, InstallAttempt
from tests import people
from tests.cast import work
from tests.deliveries import deliver
from tests.people import Merchant
from tests.processes import Hub
from tests.signed import event
from tests.test_browser import NARROW, WIDE, Open, _at_the_hub, assert_fits, hub, open_browser

# The fixtures of the merchant's way through a browser; pytest finds them by these names.
__all__ = ["_at_the_hub", "hub", "open_browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def come_in(open_browser: Open, hub: Hub) -> Page:
    """Open the browser of an operator with both steps behind them."""
    page = open_browser(WIDE)
    session = people.operator().cookies["session"]
    page.context.add_cookies([{"name": "session", "value": session.value, "url": hub.url}])
    return page


def live(merchant: Merchant) -> None:
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    merchant.install()
    work()
    deliver(event("order.created"))
    tasks.drain()
    tasks.tally()


def look(page: Page, name: str, folder: Path) -> list[str]:
    """Take a picture in each width and scheme; return what axe finds wrong with our part of the page."""
    found = []
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.reload()
            expect(page.locator("html.dark")).to_have_count(1 if scheme == "dark" else 0)
            assert_fits(page)
            picture = folder / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=picture)
            assert picture.stat().st_size > 10_000
            ours = Axe().run(page, context=".console") if page.locator(".console").count() else None
            whole = Axe().run(page, options={"runOnly": ["color-contrast"]})
            for results in filter(None, (ours, whole)):
                if results.violations_count:
                    found.append(f"{name}, {width} px, {scheme}: {results.generate_report()}")
    return found


def test_no_list_and_no_form_is_wider_than_the_page(open_browser: Open, hub: Hub, merchant: Merchant) -> None:
    live(merchant)
    gone = timezone.now()
    Installation.objects.update(uninstalled_at=gone, subscription_status="SUSPENDED")
    StoreSettings.objects.update(store_name="Ännchens Allerlei " * 13, country_code="NL")
    page = come_in(open_browser, hub)
    group = Group.objects.get(name="viewer").pk
    person = User.objects.get(username="operator").pk
    for path in (
        "installs/installation/",
        "installs/tally/",
        f"auth/group/{group}/change/",
        f"accounts/user/{person}/change/",
    ):
        answer = page.goto(f"{hub.url}/admin/{path}")
        assert answer
        assert answer.status == 200
        assert_fits(page)
        for box in page.locator("#changelist .simplebar-content-wrapper").all():
            assert box.evaluate("box => box.scrollWidth - box.clientWidth") <= 0, path
        for name in page.locator(".list-name").all():
            assert name.evaluate("name => name.clientHeight") < 80
            assert len(name.get_attribute("title") or "") > 200
        if path.endswith("installation/"):
            expect(page.get_by_text(f"{gone:%F}")).to_have_count(2)


def test_its_pages_fit_and_can_be_read_by_everybody(
    open_browser: Open, hub: Hub, merchant: Merchant, tmp_path: Path
) -> None:
    live(merchant)
    page = come_in(open_browser, hub)
    page.goto(f"{hub.url}/admin/")
    expect(page.get_by_role("img", name="Installs above").locator("path.up")).to_have_attribute(
        "d", re.compile("^M[^M]+z$")
    )
    found = look(page, "dashboard", tmp_path)
    page.goto(f"{hub.url}/admin/installs/installation/")
    found += look(page, "list", tmp_path)
    page.goto(f"{hub.url}/admin/installs/installation/{merchant.installation.pk}/change/")
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    found += look(page, "detail", tmp_path)
    page.goto(f"{hub.url}/admin/installs/pulse/")
    found += look(page, "doctor", tmp_path)

    assert found == []


def test_a_support_code_leads_to_its_cause_in_two_steps(open_browser: Open, hub: Hub, merchant: Merchant) -> None:
    live(merchant)
    failed = InstallAttempt.objects.get(installation=None)
    page = come_in(open_browser, hub)
    page.goto(f"{hub.url}/admin/")
    page.keyboard.press("Control+k")
    page.locator("#search-input-command").press_sequentially(failed.support_code)
    page.locator("#command-results").get_by_role("link", name=failed.support_code).click()

    expect(page.get_by_text("Code rejected or expired").first).to_be_visible()
    expect(page.get_by_text("What to do")).to_be_visible()


def test_a_view_is_saved_and_opened_again(open_browser: Open, hub: Hub, merchant: Merchant) -> None:
    live(merchant)
    page = come_in(open_browser, hub)
    page.goto(f"{hub.url}/admin/installs/installation/?state=installed")
    page.get_by_text("Save this view").click()
    page.get_by_label("Name").fill("Those that stand")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(f"{hub.url}/admin/installs/installation/")
    page.get_by_role("link", name="Those that stand").click()

    expect(page).to_have_url(f"{hub.url}/admin/installs/installation/?state=installed")
    expect(page.get_by_text("Paper Trail").first).to_be_visible()
