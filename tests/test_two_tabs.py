"""Two tabs with two stores never mix: every page and every form names its store in its address."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Membership, StoreSettings, User
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

STORES = (1003, 1004)
PAGES = ("", "onboarding/", "settings/phone/", "people/", "connection/", "connection/demo-app/disconnect/")
# What is about the person and not about a store.
PERSONAL = ("/sign-out/", "/account/", "/")


@pytest.fixture
def person(merchant: Merchant, stranger: Merchant) -> User:
    """Somebody who owns both stores."""
    merchant.install()
    stranger.install()
    work()
    owner = merchant.store.owner
    Membership.objects.create(user=owner, store=stranger.store, role=Membership.Role.OWNER)
    return owner


@pytest.fixture
def browser(person: User) -> Client:
    """One browser for both tabs."""
    browser = Client()
    browser.force_login(person)
    return browser


def known(store_id: int, name: str) -> str:
    return str(StoreSettings.objects.values_list(name, flat=True).get(store__store_id=store_id))


def test_a_hundred_writes_in_turns_each_reach_their_own_store(browser: Client, person: User) -> None:
    for number in range(50):
        for store_id in STORES:
            words = {"company_name": f"{store_id} number {number}"}
            assert browser.post(f"/stores/{store_id}/settings/company_name/", words).status_code == 303
        for store_id in STORES:
            assert known(store_id, "company_name") == f"{store_id} number {number}"


def test_a_hundred_writes_at_once_each_reach_their_own_store(person: User) -> None:
    def tab(store_id: int) -> None:
        browser = Client()
        browser.force_login(person)
        for number in range(25):
            for name in ("city", "company_name"):
                browser.post(f"/stores/{store_id}/settings/{name}/", {name: f"{store_id} number {number}"})
        connection.close()

    with ThreadPoolExecutor(2) as tabs:
        list(tabs.map(tab, STORES))

    for store_id in STORES:
        for name in ("city", "company_name"):
            assert known(store_id, name) == f"{store_id} number 24"


@pytest.mark.parametrize("page", PAGES)
def test_every_form_and_link_of_a_page_names_its_store(browser: Client, page: str) -> None:
    for store_id, other in (STORES, STORES[::-1]):
        address = f"/stores/{store_id}/{page}"
        words = browser.get(address).content.decode()
        main = words[words.index("<main") : words.index("</main>")]
        targets = re.findall(r'(?:action|href|hx-get|hx-post)="(/[^"]*)"', main)
        forms = re.findall(r"<form[^>]*>", main)

        assert targets or forms
        assert f"/stores/{other}/" not in main
        ours = (f"/stores/{store_id}/", "/apps/demo-app/connect/")
        assert not [target for target in targets if not target.startswith(ours)]
        # A form without an address goes to the page's own, which names the store.
        assert all(f'action="/stores/{store_id}/' in form or "action=" not in form for form in forms)


def test_the_header_alone_leads_to_other_stores(browser: Client) -> None:
    words = browser.get("/stores/1003/people/").content.decode()
    header = words[: words.index("<main")]

    assert 'href="/stores/1004/"' in header
    assert set(re.findall(r'action="(/[^"]*)"', header)) <= set(PERSONAL)


def test_people_of_two_stores_do_not_mix_either(browser: Client, merchant: Merchant, stranger: Merchant) -> None:
    member = User.objects.create_merchant(name="Member of both")
    for store in (merchant.store, stranger.store):
        Membership.objects.create(user=member, store=store)
    browser.post(f"/stores/1003/people/{member.pk}/remove/")
    browser.post(f"/stores/1004/people/{member.pk}/make-owner/")

    assert list(member.memberships.values_list("store__store_id", "role")) == [(1004, "owner")]
