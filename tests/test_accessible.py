"""Every merchant page, light and dark, wide and narrow, left to right and right to left: nothing axe finds wrong.

The pages are the service's own answers, shown to one browser without a server: each is loaded once in each language,
wide and light, narrow and dark in the one, wide and dark, narrow and light in the other.
"""

import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from playwright.sync_api import Browser, Page, Route

from tests.pages import Book
from tests.people import Merchant

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

Looks = tuple[tuple[int, Literal["light", "dark"]], ...]
LOOKS: dict[str, Looks] = {
    "en": ((1280, "light"), (390, "dark")),
    "ar": ((1280, "dark"), (390, "light")),
}
STILL = 0.001  # of the window, and nobody sees it; 0.1 is what counts as good
ORIGIN = "http://127.0.0.1:9"  # nobody listens there: every answer is put in by hand
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
# All rules that axe has, best practices too, and the one of WCAG 2.2 that it leaves off.
LOOK = "async () => (await axe.run({rules: {'target-size': {enabled: true}}, resultTypes: ['violations']})).violations"
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.shifts.push(entry.value)))
  .observe({type: "layout-shift", buffered: true});
"""


class Shelf:
    """Where the browser finds a page and what that loads."""

    def __init__(self) -> None:
        self.page = ""

    def answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
        if path == "/page/":
            route.fulfill(body=self.page, content_type="text/html; charset=utf-8")
        elif path.startswith(settings.STATIC_URL):
            found = finders.find(path.removeprefix(settings.STATIC_URL))
            assert isinstance(found, str), path
            route.fulfill(path=found)
        else:
            route.fulfill(status=204)  # what a page asks again for, and the admin's script


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def page(browser_program: Browser, shelf: Shelf) -> Iterator[Page]:
    context = browser_program.new_context(reduced_motion="reduce")
    context.route("**/*", shelf.answer)
    page = context.new_page()
    page.add_init_script(SHIFTS)
    yield page
    context.close()


def merchants_templates() -> set[str]:
    """Return the templates that are a page of their own: those that stand in the frame of every page."""
    folder = Path(settings.BASE_DIR) / "templates"
    named = {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*.html")}
    frames, found = {"bare.html"}, set[str]()
    while frames:
        frames = {name for name, text in named.items() if any(f'{{% extends "{frame}" %}}' in text for frame in frames)}
        found |= frames
    return {name for name in found if not name.startswith("admin/")} - {"base.html", "live.html"}


@pytest.mark.parametrize("language", LOOKS)
def test_no_page_shuts_anybody_out(
    page: Page, shelf: Shelf, merchant: Merchant, stranger: Merchant, language: str
) -> None:
    book = Book(merchant, stranger, language)
    book.write()
    assert merchants_templates() - book.templates == set()
    found = []
    for name, html in book.pages.items():
        shelf.page = html
        found += [f"{name}, {words}" for words in faults(page, LOOKS[language])]

    assert found == []


def faults(page: Page, looks: Looks) -> list[str]:
    """Return what axe and a ruler find wrong with the page on the shelf, in each width and scheme."""
    found = []
    page.goto(f"{ORIGIN}/page/")
    moved = sum(page.evaluate("window.shifts"))
    if moved > STILL:
        found.append(f"moves while it loads: {moved:.4f}")
    page.evaluate("document.querySelectorAll('main details').forEach((more) => { more.open = true })")
    page.evaluate(AXE)
    for width, scheme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width} px, {scheme}: {told(fault)}" for fault in page.evaluate(LOOK)]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{width} px: sticks out")
    return found


def told(fault: dict[str, Any]) -> str:
    places = "; ".join(f"{node['html'][:150]} ({node['failureSummary']})" for node in fault["nodes"][:3])
    return re.sub(r"\s+", " ", f"{fault['id']}: {fault['help']}: {places}")
