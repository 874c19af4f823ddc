"""Two people's browsers, one of them up to no good: taking over by e-mail, and signing a victim in as the attacker."""

import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts import links
from accounts.models import Membership, Session, User
from installs.models import Installation
from tests.chromium import PLAYED
from tests.people import Merchant
from tests.processes import Hub, until
from tests.test_browser import Open, _at_the_hub, at_onboarding, hub, is_filled, open_browser, press_install

# The fixtures of the merchant's way through a browser; pytest finds them by these names.
__all__ = ["_at_the_hub", "hub", "open_browser"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REFUSED = "This page was open for too long"


@pytest.fixture
def victim(open_browser: Open, merchant: Merchant) -> Page:
    """The browser of store 1003's owner, who is signed in."""
    page = open_browser()
    come_in(page, merchant)
    return page


def come_in(page: Page, merchant: Merchant) -> None:
    press_install(page, merchant)
    at_onboarding(page, merchant)
    until(lambda: is_filled(merchant))


class Trap(BaseHTTPRequestHandler):
    """The attacker's own site. Every address of it is the same page."""

    html = ""

    def do_GET(self) -> None:
        body = f"<!doctype html><title>Win</title>{self.html}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


Lure = Callable[[Page, str], None]


@pytest.fixture
def lure() -> Iterator[Lure]:
    """Have a browser open a page of another site, which is a machine like any other and not put in by hand."""

    def lure(page: Page, html: str) -> None:
        Trap.html = html
        page.goto(f"http://{PLAYED[1]}:{server.server_port}/")

    with ThreadingHTTPServer(("127.0.0.1", 0), Trap) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield lure
        server.shutdown()


def sees(page: Page, hub: Hub) -> list[int]:
    """Return the stores that a browser gets into now."""
    doors = {number: f"{hub.url}/stores/{number}/" for number in (1003, 1004)}
    return [number for number, door in doors.items() if page.context.request.get(door, max_redirects=0).status == 200]


def snapshot() -> list[object]:
    kept = (Membership.objects.order_by("pk"), Session.objects.order_by("pk"), User.objects.order_by("pk"))
    return [list(rows.values()) for rows in kept]


def test_an_address_in_a_store_s_profile_takes_over_nobody_s_account(
    open_browser: Open, hub: Hub, victim: Page, merchant: Merchant, stranger: Merchant
) -> None:
    """Mallory gives the victim's address as her store's contact."""
    address = merchant.store.owner.email
    stranger.sandbox.stores[1004].profile["mailNotifications"]["adminNotificationEmails"] = [address]
    mallory = open_browser()
    come_in(mallory, stranger)
    assert User.objects.filter(email=address).count() == 2
    assert (sees(mallory, hub), sees(victim, hub)) == ([1004], [1003])
    mallory.goto(f"{hub.url}/account/")
    mallory.get_by_role("button", name="Mail me a link").click()
    expect(mallory.get_by_role("heading", name="Look at your mail")).to_be_visible()

    # The victim reads that mail: a link for each account, which says what it opens and opens no more.
    for person in links.holders(address):
        store = person.memberships.get().store
        reader = open_browser()
        reader.goto(links.address(person))
        expect(reader.get_by_role("heading", name=str(store))).to_be_visible()
        reader.get_by_role("button", name="Sign in").click()
        expect(reader).not_to_have_url(re.compile("sign-in"))
        assert sees(reader, hub) == [store.store_id]
    assert sees(mallory, hub) == [1004]


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_stranger_s_code_signs_a_victim_in_as_nobody(
    open_browser: Open, hub: Hub, victim: Page, stranger: Merchant, lure: Lure, signed_in: bool
) -> None:
    page = victim if signed_in else open_browser()
    before = sees(page, hub)
    lure(page, f'<a href="{hub.url}{stranger.address()}">A prize</a>')
    page.get_by_role("link", name="A prize").click()

    expect(page.locator("form[action$='/continue/'] button")).to_be_visible()
    assert sees(page, hub) == before

    # The page that asks cannot be pressed by another site's.
    lure(page, f'<form method="post" action="{page.url}continue/"><button>Go</button></form>')
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("heading", name=REFUSED)).to_be_visible()
    assert sees(page, hub) == before


def test_a_hidden_frame_or_picture_neither_burns_a_code_nor_signs_anybody_in(
    browser_program: Browser, hub: Hub, merchant: Merchant, stranger: Merchant, lure: Lure
) -> None:
    page = browser_program.new_context().new_page()  # one of its own: its console complains, as it should
    come_in(page, merchant)
    address = f"{hub.url}{stranger.address()}"
    refused: list[int] = []
    page.on("response", lambda answer: refused.append(answer.status) if answer.url == address else None)
    lure(page, f'<iframe src="{address}"></iframe><img src="{address}">')
    page.wait_for_load_state("networkidle")

    assert set(refused) == {400}
    assert not Installation.objects.filter(store__store_id=1004).exists()
    assert sees(page, hub) == [1003]
    assert hub.follow(address.removeprefix(hub.url)).status_code == 303  # it still works for whom it was given to
    page.context.close()


def test_a_link_mailed_to_the_attacker_signs_nobody_in_without_their_click(
    open_browser: Open, hub: Hub, victim: Page, stranger: Merchant, lure: Lure
) -> None:
    mallory = open_browser()
    come_in(mallory, stranger)
    link = links.address(User.objects.get(pk=stranger.store.owner.pk))
    trap = f'<form method="post" action="{link}"><button>Go</button></form><a href="{link}">A prize</a>'
    lure(victim, trap)
    victim.get_by_role("link", name="A prize").click()
    expect(victim.get_by_role("heading", name="Somebody is signed in here already")).to_be_visible()
    assert sees(victim, hub) == [1003]
    lure(victim, trap)
    victim.get_by_role("button", name="Go").click()
    expect(victim.get_by_role("heading", name=REFUSED)).to_be_visible()

    assert sees(victim, hub) == [1003]
    mallory.goto(link)  # none of that has used it up
    expect(mallory.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(
    "door", ["sign-out/", "account/name/", "account/passkeys/", "stores/1003/people/leave/", "sign-in/passkey/"]
)
def test_no_form_of_another_site_does_anything_as_the_victim(hub: Hub, victim: Page, lure: Lure, door: str) -> None:
    before = snapshot()
    field = '<input name="name" value="Mallory">'
    lure(victim, f'<form method="post" action="{hub.url}/{door}">{field}<button>Go</button></form>')
    victim.get_by_role("button", name="Go").click()

    expect(victim.get_by_role("heading", name=REFUSED)).to_be_visible()
    assert urlsplit(victim.url).path == f"/{door}"
    assert snapshot() == before
    assert sees(victim, hub) == [1003]
