"""A store's people: owners decide, members look, strangers learn nothing, and no store loses its last owner."""

import logging
import threading

import pytest
from django.db import connection
from django.test import Client

from accounts import members
from accounts.models import Invitation, Membership, Session, Store, StoreSettings, User
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

OWNER, MEMBER = Membership.Role.OWNER, Membership.Role.MEMBER
PEOPLE = "/stores/1003/people/"


class Somebody:
    """A person with a browser in which all of their account is open."""

    def __init__(self, name: str, *stores: Store, role: str = MEMBER) -> None:
        self.user = User.objects.create_merchant(email=f"{name.lower()}@people.example", name=name)
        for store in stores:
            Membership.objects.create(user=self.user, store=store, role=role)
        self.browser = Client()
        self.browser.force_login(self.user)

    def post(self, path: str, **data: str) -> int:
        return self.browser.post(path, data).status_code

    def page(self, path: str = PEOPLE) -> str:
        return self.browser.get(path).content.decode()

    def role_in(self, store: Store) -> str:
        return "".join(store.memberships.filter(user=self.user).values_list("role", flat=True))


@pytest.fixture
def store(merchant: Merchant) -> Store:
    """Store 1003, connected and filled."""
    merchant.install()
    work()
    return merchant.store


@pytest.fixture
def owner(merchant: Merchant, store: Store) -> User:
    return store.owner


@pytest.fixture
def ann(store: Store) -> Somebody:
    """A member of store 1003."""
    return Somebody("Ann", store)


def addresses(somebody: User, invitation: int = 1) -> list[str]:
    """Return every address that changes a store's people."""
    person = [f"{PEOPLE}{somebody.pk}/{what}/" for what in ("remove", "make-owner", "hand-over")]
    return [f"{PEOPLE}invite/", f"{PEOPLE}invitations/{invitation}/withdraw/", *person]


def test_everybody_in_the_store_sees_who_else_is(merchant: Merchant, ann: Somebody) -> None:
    for page in (merchant.get(PEOPLE).content.decode(), ann.page()):
        assert "Anna Janssen" in page
        assert "ann@people.example" in page


def test_a_member_is_told_who_may_and_changes_nothing(ann: Somebody, owner: User) -> None:
    before = list(Membership.objects.order_by("pk").values())
    for address in addresses(owner):
        answer = ann.browser.post(address, {"email": "a@b.example"})
        assert answer.status_code == 403, address
        assert "Only an owner of Paper Trail can do this. Ask Anna Janssen." in answer.content.decode()

    assert list(Membership.objects.order_by("pk").values()) == before
    assert not Invitation.objects.exists()
    assert "Invite somebody" not in ann.page()


def test_a_stranger_finds_nothing_and_changes_nothing(stranger: Merchant, ann: Somebody, owner: User) -> None:
    stranger.install()
    before = list(Membership.objects.order_by("pk").values())
    answers = [stranger.get(PEOPLE), stranger.post(f"{PEOPLE}leave/")]
    answers += [
        stranger.post(address, {"email": "a@b.example"}) for address in (*addresses(owner), *addresses(ann.user))
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert list(Membership.objects.order_by("pk").values()) == before


def test_signed_out_nothing_changes(browser: Client, ann: Somebody) -> None:
    for address in (PEOPLE, f"{PEOPLE}leave/", *addresses(ann.user)):
        answer = browser.get(address) if address == PEOPLE else browser.post(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/sign-in/")


def test_every_change_needs_our_own_page_and_a_click(ann: Somebody, owner: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner)
    for address in (f"{PEOPLE}leave/", *addresses(ann.user)):
        assert strict.post(address, {"email": "a@b.example"}).status_code == 403
        assert strict.get(address).status_code == 405

    assert Membership.objects.filter(store__store_id=1003).count() == 2


def test_an_owner_removes_a_member_who_then_sees_nothing(merchant: Merchant, ann: Somebody) -> None:
    assert merchant.post(f"{PEOPLE}{ann.user.pk}/remove/").status_code == 303

    assert ann.browser.get("/stores/1003/").status_code == 302  # to sign in: the account held nothing else
    ann.user.refresh_from_db()
    assert (ann.user.is_active, ann.user.email, ann.user.name) == (False, "", "")
    assert not Session.objects.filter(user=ann.user).exists()


def test_whoever_holds_another_store_keeps_it(merchant: Merchant, stranger: Merchant, ann: Somebody) -> None:
    stranger.install()
    Membership.objects.create(user=ann.user, store=stranger.store)
    merchant.post(f"{PEOPLE}{ann.user.pk}/remove/")

    assert ann.browser.get("/stores/1003/").status_code == 404
    assert ann.browser.get("/stores/1004/").status_code == 200


def test_a_stranger_s_number_in_the_address_removes_nobody(
    merchant: Merchant, stranger: Merchant, store: Store
) -> None:
    stranger.install()
    theirs = stranger.store.owner
    for what in ("remove", "make-owner", "hand-over"):
        merchant.post(f"{PEOPLE}{theirs.pk}/{what}/")

    assert stranger.get(stranger.page).status_code == 200
    assert [membership.user for membership in store.memberships.all()] == [store.owner]


@pytest.mark.parametrize("number", ["0", "99999999999999999999999999"])
def test_a_number_that_is_nobody_s_breaks_nothing(merchant: Merchant, store: Store, number: str) -> None:
    for what in (f"{number}/remove", f"{number}/make-owner", f"{number}/hand-over", f"invitations/{number}/withdraw"):
        assert merchant.post(f"{PEOPLE}{what}/").status_code in (303, 404)


def test_the_last_owner_cannot_go(merchant: Merchant, ann: Somebody, owner: User, store: Store) -> None:
    for address in (f"{PEOPLE}leave/", f"{PEOPLE}{owner.pk}/remove/"):
        answer = merchant.post(address)
        assert answer.status_code == 422
        assert "its last one" in answer.content.decode()

    assert store.memberships.get(user=owner).role == OWNER


def test_an_owner_whose_account_is_switched_off_does_not_count(merchant: Merchant, ann: Somebody, store: Store) -> None:
    members.make_owner(store=store, user_id=ann.user.pk, by=store.owner)
    User.objects.filter(pk=ann.user.pk).update(is_active=False)

    assert merchant.post(f"{PEOPLE}leave/").status_code == 422


def test_two_owners_leave_and_one_of_them_goes(merchant: Merchant, ann: Somebody, owner: User, store: Store) -> None:
    merchant.post(f"{PEOPLE}{ann.user.pk}/make-owner/")
    assert (ann.role_in(store), store.memberships.get(user=owner).role) == (OWNER, OWNER)
    assert ann.post(f"{PEOPLE}leave/") == 200

    assert merchant.post(f"{PEOPLE}leave/").status_code == 422


def test_two_owners_who_leave_at_once_leave_one(ann: Somebody, owner: User, store: Store) -> None:
    members.make_owner(store=store, user_id=ann.user.pk, by=owner)
    start, refused = threading.Barrier(2), []

    def leave(user: User) -> None:
        start.wait()
        try:
            members.remove(store=store, user_id=user.pk, by=user)
        except members.LastOwner:
            refused.append(user)
        finally:
            connection.close()

    threads = [threading.Thread(target=leave, args=[user]) for user in (ann.user, owner)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 1
    assert store.memberships.filter(role=OWNER).count() == 1


def test_handing_over_swaps_the_roles(merchant: Merchant, ann: Somebody, owner: User, store: Store) -> None:
    assert merchant.post(f"{PEOPLE}{ann.user.pk}/hand-over/").status_code == 303

    assert (ann.role_in(store), store.memberships.get(user=owner).role) == (OWNER, MEMBER)
    assert merchant.post(f"{PEOPLE}{ann.user.pk}/remove/").status_code == 403


def test_handing_over_to_oneself_changes_nothing(merchant: Merchant, owner: User, store: Store) -> None:
    merchant.post(f"{PEOPLE}{owner.pk}/hand-over/")
    assert store.memberships.get(user=owner).role == OWNER


def test_leaving_the_only_store_closes_the_account_and_says_so(ann: Somebody) -> None:
    page = ann.browser.post(f"{PEOPLE}leave/").content.decode()

    assert "You have left" in page
    assert ann.browser.get("/").status_code == 302


def test_an_operator_who_leaves_stays_an_operator(store: Store) -> None:
    boss = User.objects.create_superuser("boss", "boss@hub.example", "a long pass phrase")
    Membership.objects.create(user=boss, store=store)
    members.remove(store=store, user_id=boss.pk, by=boss)

    boss.refresh_from_db()
    assert (boss.is_active, boss.email) == (True, "boss@hub.example")


def test_every_change_is_written_down_without_names(
    merchant: Merchant, ann: Somebody, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    merchant.post(f"{PEOPLE}{ann.user.pk}/make-owner/")
    merchant.post(f"{PEOPLE}{ann.user.pk}/remove/")

    said = [record for record in caplog.records if record.name == "accounts.members"]
    assert [record.getMessage() for record in said] == ["owner_made", "member_removed"]
    assert "people.example" not in "".join(str(vars(record)) for record in said)


class TestManyStores:
    """One person with more stores than a list in the header can hold."""

    @pytest.fixture
    def agency(self) -> Somebody:
        stores = [Store.objects.create(store_id=5000 + at) for at in range(12)]
        for at, store in enumerate(stores):
            StoreSettings.objects.create(store=store, store_name=f"Shop {at:02}", company_name=f"Company {at:02} Ltd")
        return Somebody("Agency", *stores)

    def test_the_header_lists_seven_and_searches_the_rest_without_script(self, agency: Somebody) -> None:
        page = agency.page("/stores/5003/people/")

        assert page.count('<li><a href="/stores/') == 7
        assert '<form class="find" role="search" action="/">' in page

    def test_seven_need_no_search(self, agency: Somebody) -> None:
        agency.user.memberships.filter(store__store_id__gte=5007).delete()
        page = agency.page("/stores/5003/people/")

        assert page.count('<li><a href="/stores/') == 7
        assert "search" not in page
        assert 'type="search"' not in agency.page("/")

    def test_home_lists_all_by_name(self, agency: Somebody) -> None:
        page = agency.page("/")
        places = [page.index(f"Shop {at:02}") for at in range(12)]

        assert places == sorted(places)

    @pytest.mark.parametrize("words", ["Shop 07", "shop 07", "5007", "company 07"])
    def test_a_search_that_finds_one_store_opens_it(self, agency: Somebody, words: str) -> None:
        assert agency.browser.get("/", {"q": words})["Location"] == "/stores/5007/"

    @pytest.mark.parametrize(("words", "count"), [("shop", 12), ("Shop 1", 2), ("zebra", 0), ("%", 0), ("\x00", 12)])
    def test_a_search_shows_what_it_finds(self, agency: Somebody, words: str, count: int) -> None:
        assert agency.browser.get("/", {"q": words}).content.decode().count('class="card" href') == count

    def test_a_search_finds_nobody_else_s_store(self, agency: Somebody, merchant: Merchant, store: Store) -> None:
        assert agency.browser.get("/", {"q": "1003"}).content.decode().count('class="card" href') == 0

    def test_what_is_searched_is_text_and_never_markup(self, agency: Somebody) -> None:
        assert "<script>alert" not in agency.browser.get("/", {"q": "<script>alert(1)</script>"}).content.decode()

    def test_the_number_of_queries_does_not_grow_with_the_stores(
        self, agency: Somebody, django_assert_max_num_queries: object
    ) -> None:
        with django_assert_max_num_queries(6):  # type: ignore[operator]
            agency.page("/")
