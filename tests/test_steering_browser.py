"""Operators steer in a real browser: all that a filter leaves, asked once and watched to the end; pages that fit."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import LazySettings
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import Store, StoreSettings, User
from installs.models import AppRegistration, Installation, Job, Prefill
from tests.people import let_in
from tests.processes import Hub
from tests.test_browser import NARROW, WIDE, Open, _at_the_hub, assert_fits, hub, open_browser

# The fixtures of the merchant's way through a browser; pytest finds them by these names.
__all__ = ["_at_the_hub", "hub", "open_browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

_THEME = ("color-contrast", "landmark-one-main", "region", "page-has-heading-one", "heading-order")  # the theme's own


def come_in(page: Page, hub: Hub, settings: LazySettings) -> None:
    """Be an operator in this browser."""
    operator = User.objects.create(username="operator", is_staff=True, is_superuser=True)
    session = let_in(Client(), operator).session.session_key
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": str(session), "url": hub.url}])


def crowd(app: AppRegistration, number: int) -> None:
    now = datetime.now(UTC)
    stores = Store.objects.bulk_create(Store(store_id=70_000 + at) for at in range(number))
    StoreSettings.objects.bulk_create(StoreSettings(store=store) for store in stores)
    facts = {"installed_at": now, "probe_due_at": now + timedelta(days=1), "scopes": app.wanted_scopes}
    rows = Installation.objects.bulk_create(Installation(app=app, store=store, **facts) for store in stores)
    Prefill.objects.bulk_create(Prefill(installation=row, due_at=now, state="done") for row in rows)


def test_all_that_a_filter_leaves_is_chosen_at_once_and_watched_to_the_end(
    open_browser: Open, hub: Hub, app: AppRegistration, settings: LazySettings
) -> None:
    crowd(app, 240)
    page = open_browser()
    come_in(page, hub, settings)
    page.goto(f"{hub.url}/admin/installs/installation/?state=installed")
    page.locator("#action-toggle").check()
    page.get_by_title("Click here to select the objects across all pages").click()
    page.locator("select[name=action]").select_option("hold")
    page.get_by_title("Run the selected action").click()
    expect(page.get_by_text("of 240: it will be done")).to_be_visible()
    page.get_by_label("Reason").fill("ticket 4711")
    page.get_by_role("button", name="Pause").click()

    expect(page.get_by_text("240 of 240")).to_be_visible()  # nobody reloads: the page looks again by itself
    expect(page.get_by_text("ticket 4711")).to_be_visible()
    assert Installation.objects.exclude(held_at=None).count() == 240


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_fit_and_name_their_fields(
    open_browser: Open, hub: Hub, app: AppRegistration, settings: LazySettings, width: int, scheme: str
) -> None:
    crowd(app, 1)
    pk = Installation.objects.get().pk
    job = Job.objects.create(kind="hold", title="Pause", reason="a reason of some length", due_at=datetime.now(UTC),
                             state="done", total=1, done=1)  # fmt: skip
    page = open_browser(width, color_scheme=scheme)
    come_in(page, hub, settings)
    for path in (
        f"installation/{pk}/hold/", f"installation/{pk}/disconnect/", f"job/{job.pk}/change/", "job/import/",
        "job/export/", "job/keys/", "appregistration/custom/",
    ):  # fmt: skip
        page.goto(f"{hub.url}/admin/installs/{path}")
        expect(page.locator("#content")).to_be_visible()
        assert_fits(page)
        options = {"rules": {rule: {"enabled": False} for rule in _THEME}}
        found = Axe().run(page, context="#content", options=options).response["violations"]
        assert [(one["id"], re.sub(r"\s+", " ", one["nodes"][0]["html"])[:120]) for one in found] == [], path
