"""Whoever uses no mouse: everything is reached, nothing holds the focus, and it is always seen."""

import pytest
from playwright.sync_api import Page

from tests.pages import Book
from tests.people import Merchant
from tests.test_accessible import ORIGIN, Shelf, page, shelf

# The fixtures of the pages on a shelf; pytest finds them by these names.
__all__ = ["page", "shelf"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db]

# Pages that begin at their top: what can be pressed or filled in there, and what has the focus now.
PAGES = ("store", "account", "people", "connection", "home", "native, store")
THINGS = """
() => {
  window.things = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")]
    .filter((thing) => thing.checkVisibility());
  return window.things.length;
}
"""
NOW = """
() => {
  const thing = document.activeElement, style = getComputedStyle(thing), place = thing.getBoundingClientRect();
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
    && place.bottom > 0 && place.top < innerHeight;
  return {at: window.things.indexOf(thing), seen, words: thing.textContent.trim().slice(0, 40)};
}
"""


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_keyboard_reaches_everything_and_is_held_nowhere(
    page: Page, shelf: Shelf, merchant: Merchant, stranger: Merchant, language: str
) -> None:
    book = Book(merchant, stranger, language)
    book.write()
    for name in PAGES:
        shelf.page = book.pages[name]
        page.goto(f"{ORIGIN}/page/")
        count = page.evaluate(THINGS)
        steps = []
        for _ in range(count):
            page.keyboard.press("Tab")
            steps.append(page.evaluate(NOW))
        assert [step["at"] for step in steps] == list(range(count)), name
        assert [step["words"] for step in steps if not step["seen"]] == [], name
        page.keyboard.press("Tab")
        assert page.evaluate(NOW)["at"] in (-1, 0), name  # out of the page, or round again


def test_the_first_step_skips_to_the_content(page: Page, shelf: Shelf, merchant: Merchant, stranger: Merchant) -> None:
    book = Book(merchant, stranger, "en")
    book.write()
    for name in PAGES:
        shelf.page = book.pages[name]
        page.goto(f"{ORIGIN}/page/")
        page.evaluate(THINGS)
        page.keyboard.press("Tab")
        assert page.evaluate(NOW)["words"] == "Skip to the content", name
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main", name
