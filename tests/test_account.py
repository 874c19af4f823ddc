"""A person's account: what a session may see of it, a new contact e-mail, and two accounts that become one."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client

from accounts import browsers, joining, links, moving, tokens
from accounts.models import Letter, Membership, Proof, Session, User
from installs.actions import erase, uninstall
from tests.cast import long_ago, work
from tests.letters import damaged, post, with_token_of
from tests.people import Merchant, operator

pytestmark = pytest.mark.django_db(transaction=True)

NEW = "new@people.example"
A, B = "orders@papertrail.example", "post@waldlicht.example"


@pytest.fixture
def anna(merchant: Merchant) -> User:
    """The owner of store 1003, who came in through its admin."""
    merchant.install()
    work()
    return merchant.store.owner


@pytest.fixture
def joerg(stranger: Merchant) -> User:
    """The owner of store 1004."""
    stranger.install()
    work()
    return stranger.store.owner


def whole(user: User) -> Client:
    """Return a browser in which a mailed link has opened all of the account."""
    browser = Client()
    (link,) = [links.address(user).removeprefix("http://testserver")]
    assert browser.post(link).status_code == 302
    user.refresh_from_db()
    return browser


def ask(browser: Client, what: str, email: str) -> list[str]:
    """Ask for a link, "email" or "join"; return what is mailed."""
    prefix = {"email": "new", "join": "other"}[what]
    assert browser.post(f"/account/{what}/", {f"{prefix}-email": email}).status_code == 303
    return post()


def snapshot() -> list[object]:
    people = User.objects.order_by("pk").values_list("pk", "email", "is_active")
    return [list(people), list(Membership.objects.order_by("pk").values())]


class TestWhatASessionSees:
    """A store's admin opens that store; only a link mailed to the account's own address opens the account."""

    def test_through_one_admin_the_other_stores_stay_shut(
        self, merchant: Merchant, anna: User, stranger: Merchant, joerg: User
    ) -> None:
        Membership.objects.create(user=anna, store=stranger.store)

        assert merchant.get("/stores/1003/").status_code == 200
        for path in ("", "onboarding/", "people/", "connection/", "connection/export/", "settings/phone/"):
            assert merchant.get(f"/stores/1004/{path}").status_code == 404
        assert merchant.get("/")["Location"] == "/stores/1003/"
        assert "Waldlicht" not in merchant.get("/account/").content.decode()
        assert whole(anna).get("/stores/1004/").status_code == 200

    def test_a_victim_made_owner_of_a_trap_is_not_entered_through_it(
        self, merchant: Merchant, anna: User, stranger: Merchant, joerg: User
    ) -> None:
        """Mallory owns store 1004, makes Anna its owner, leaves, and opens the app from her admin once more."""
        Membership.objects.create(user=anna, store=stranger.store, role="owner")
        stranger.post("/stores/1004/people/leave/")
        stranger.browser = Client()
        stranger.install()

        assert stranger.get("/stores/1004/").status_code == 200
        assert stranger.get("/stores/1003/").status_code == 404
        page = stranger.get("/account/").content.decode()
        assert A not in page
        for action, data in (
            ("name/", {"name": "Mallory"}),
            ("email/", {"new-email": NEW}),
            ("join/", {"other-email": NEW}),
            ("sign-out-everywhere/", {}),
        ):
            assert stranger.post(f"/account/{action}", data).status_code == 403, action
        assert post() == []
        anna.refresh_from_db()
        assert (anna.name, anna.email) == ("Anna Janssen", A)

    def test_the_link_that_opens_the_account_goes_to_its_address_and_is_not_told_here(
        self, merchant: Merchant, anna: User, stranger: Merchant, joerg: User
    ) -> None:
        Membership.objects.create(user=anna, store=stranger.store)
        answer = merchant.post("/account/link/")
        assert A not in answer.content.decode()
        (link,) = post()
        assert mail.outbox[-1].to == [A]
        assert merchant.post(link)["Location"] == "/account/"

        assert merchant.get("/stores/1004/").status_code == 200
        assert merchant.get("/stores/1003/").status_code == 200

    def test_a_session_that_sees_all_is_not_narrowed_by_opening_the_app(self, merchant: Merchant, anna: User) -> None:
        merchant.browser = whole(anna)
        merchant.install()

        assert Session.objects.get(user=anna, pk=merchant.browser.session.session_key).store is None

    def test_removing_the_app_ends_what_its_store_s_admin_opened(
        self, merchant: Merchant, anna: User, stranger: Merchant, joerg: User
    ) -> None:
        Membership.objects.create(user=anna, store=stranger.store)
        browser = whole(anna)
        uninstall.close(installation=merchant.installation, at=datetime.now(UTC))

        assert merchant.get("/stores/1003/").status_code == 302
        assert browser.get("/stores/1004/").status_code == 200

    def test_the_session_list_says_which_browser_came_how(self, merchant: Merchant, anna: User) -> None:
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        merchant.browser = Client(headers={"User-Agent": agent})
        merchant.install()
        page = merchant.get("/account/").content.decode()

        assert "Firefox on Linux" in page
        assert page.count("this one") == 1
        assert "through the admin of <bdi>Paper Trail</bdi>" in page

    @pytest.mark.parametrize(
        ("agent", "words"),
        [
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 "
             "Safari/537.36 Edg/150.0.0.0", "Edge on Windows"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
             "Safari/605.1.15", "Safari on a Mac"),
            ("Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 "
             "Chrome/130.0.0.0 Mobile Safari/537.36", "Samsung Internet on Android"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "CriOS/130.0 Mobile/15E148 Safari/604.1", "Chrome on an iPhone"),
            ("curl/8.0", "A browser"),
            ("", "A browser"),
        ],
    )  # fmt: skip
    def test_browsers_are_called_what_their_people_call_them(self, agent: str, words: str) -> None:
        assert browsers.name(agent) == words

    def test_a_name_is_text_and_never_markup(self, merchant: Merchant, anna: User) -> None:
        merchant.post("/account/name/", {"name": "<script>alert(1)</script>"})
        for path in ("/account/", "/stores/1003/people/"):
            assert "<script>alert" not in merchant.get(path).content.decode()


class TestMoving:
    """A new contact e-mail proves itself first, and the old one is told."""

    def test_nothing_changes_until_the_new_address_has_proven_itself(self, anna: User) -> None:
        browser = whole(anna)
        (link,) = ask(browser, "email", NEW)
        assert mail.outbox[-1].to == [NEW]
        assert browser.get(link).status_code == 200
        anna.refresh_from_db()
        assert anna.email == A
        assert browser.post(link).status_code == 303
        post()

        anna.refresh_from_db()
        assert anna.email == NEW
        assert mail.outbox[-1].to == [A]
        assert NEW not in str(mail.outbox[-1].body)

    def test_other_sessions_and_links_to_the_old_address_end(self, merchant: Merchant, anna: User) -> None:
        browser, elsewhere = whole(anna), whole(anna)
        old_link = links.address(anna).removeprefix("http://testserver")
        (link,) = ask(browser, "email", NEW)
        browser.post(link)

        assert browser.get("/account/").status_code == 200
        assert elsewhere.get("/account/").status_code == merchant.get("/account/").status_code == 302
        assert Client().post(old_link).status_code == 410

    def test_the_link_works_once_within_an_hour_and_undamaged(self, anna: User) -> None:
        browser = whole(anna)
        (link,) = ask(browser, "email", NEW)
        for bad in damaged(link):
            assert browser.get(bad).status_code == browser.post(bad).status_code == 410, bad
        Proof.objects.update(expires_at=long_ago())
        late = moving.address(Proof.objects.get()).removeprefix("http://testserver")
        assert browser.post(late).status_code == 410
        (link,) = ask(browser, "email", NEW)
        browser.post(link)

        assert browser.post(link).status_code == 410
        anna.refresh_from_db()
        assert anna.email == NEW

    def test_only_whoever_asked_may_confirm(self, anna: User, joerg: User) -> None:
        (link,) = ask(whole(anna), "email", NEW)
        before = snapshot()
        for browser in (Client(), whole(joerg)):
            assert browser.get(link).status_code == browser.post(link).status_code == 410

        assert snapshot() == before

    def test_asking_for_another_address_voids_the_first_link_and_its_letter(self, anna: User) -> None:
        """Else a letter still waiting for my own mailbox could carry the proof of somebody else's."""
        browser = whole(anna)
        browser.post("/account/email/", {"new-email": "mine@people.example"})
        browser.post("/account/email/", {"new-email": NEW})
        (link,) = post()

        assert [message.to for message in mail.outbox] == [[NEW]]
        assert browser.post(link).status_code == 303

    def test_a_proven_address_is_not_moved_from_a_store_s_admin(self, merchant: Merchant, anna: User) -> None:
        whole(anna)
        assert merchant.post("/account/email/", {"new-email": NEW}).status_code == 403

    def test_until_an_address_is_proven_the_only_store_s_admin_may(self, merchant: Merchant, anna: User) -> None:
        (link,) = ask(merchant.browser, "email", NEW)
        assert merchant.post(link).status_code == 303
        anna.refresh_from_db()

        assert (anna.email, anna.email_proven_at is not None) == (NEW, True)
        assert merchant.post("/account/email/", {"new-email": A}).status_code == 403

    @pytest.mark.parametrize("stays", [False, True], ids=["erased now", "erased when the proof was left behind"])
    def test_a_proof_does_not_outlive_its_address(self, merchant: Merchant, anna: User, stays: bool) -> None:
        """After an erasure the store tells an address that nobody has proven."""
        whole(anna)
        proven_at = User.objects.get(pk=anna.pk).email_proven_at
        merchant.sandbox.uninstall("demo-app", 1003)
        uninstall.close(installation=merchant.installation, at=datetime.now(UTC))
        erase.erase(installation=merchant.installation, reason="asked")
        assert User.objects.get(pk=anna.pk).email_proven_at is None
        if stays:
            User.objects.update(email_proven_at=proven_at)
        merchant.install()
        work()

        page = merchant.get("/account/").content.decode()
        assert A in page
        assert "Confirmed" not in page
        (link,) = ask(merchant.browser, "email", NEW)
        assert merchant.post(link).status_code == 303

    @pytest.mark.parametrize(("email", "name", "proven"), [(A, "Anna", True), (NEW, "", False), ("", "", False)])
    def test_an_address_that_an_operator_writes_is_not_proven(
        self, anna: User, email: str, name: str, proven: bool
    ) -> None:
        whole(anna)
        browser = operator()
        inlines = {f"memberships-{what}_FORMS": str(count) for what, count in (("TOTAL", 1), ("INITIAL", 1))}
        row = {"memberships-0-id": str(anna.memberships.get().pk), "memberships-0-user": str(anna.pk)}
        typed = {"username": anna.username, "name": name, "email": email, "is_active": "on"}
        saved = browser.post(f"/admin/accounts/user/{anna.pk}/change/", typed | inlines | row)
        assert saved.status_code == 302, saved.content.decode()
        anna.refresh_from_db()
        assert (anna.email, anna.name, anna.email_proven_at is not None) == (email, name, proven)

    def test_a_link_asked_for_before_the_account_grew_is_void_after(
        self, merchant: Merchant, anna: User, stranger: Merchant, joerg: User
    ) -> None:
        (link,) = ask(merchant.browser, "email", NEW)
        Membership.objects.create(user=anna, store=stranger.store)

        assert merchant.post(link).status_code == 410

    def test_links_are_limited_for_each_person_and_each_address(self, anna: User, joerg: User) -> None:
        browser, other = whole(anna), whole(joerg)
        codes = [browser.post("/account/email/", {"new-email": NEW}).status_code for _ in range(6)]

        assert codes == [303] * 5 + [429]
        assert other.post("/account/email/", {"new-email": NEW}).status_code == 429
        with time_machine.travel(datetime.now(UTC) + timedelta(days=1, minutes=5)):
            assert whole(joerg).post("/account/email/", {"new-email": NEW}).status_code == 303

    @pytest.mark.parametrize("email", ["", "nonsense", "a@b"])
    def test_what_is_no_address_is_said_so(self, anna: User, email: str) -> None:
        answer = whole(anna).post("/account/email/", {"new-email": email})
        assert answer.status_code == 422
        assert "aria-invalid" in answer.content.decode()


class TestJoining:
    """Two accounts that one person owns become one, after both were proven."""

    def test_the_other_account_s_stores_move_and_it_is_closed(self, anna: User, joerg: User) -> None:
        browser, other = whole(anna), whole(joerg)
        (link,) = ask(browser, "join", B.upper())
        page = browser.get(link).content.decode()
        assert mail.outbox[-1].to == [B]
        assert "Paper Trail" in page
        assert "Waldlicht" in page
        assert browser.post(link).status_code == 303

        assert browser.get("/stores/1003/").status_code == browser.get("/stores/1004/").status_code == 200
        assert other.get("/stores/1004/").status_code == 302
        joerg.refresh_from_db()
        assert (joerg.is_active, joerg.email, joerg.name) == (False, "", "")
        assert set(anna.memberships.values_list("role", flat=True)) == {"owner"}

    def test_both_addresses_are_told(self, anna: User, joerg: User) -> None:
        browser = whole(anna)
        (link,) = ask(browser, "join", B)
        browser.post(link)
        post()

        told = mail.outbox[-2:]
        assert sorted(message.to[0] for message in told) == sorted([A, B])
        assert all("Waldlicht" in str(message.body) for message in told)
        assert not Letter.objects.exclude(email="").exists()

    def test_equal_addresses_are_not_joined_by_themselves_and_told_once(self, anna: User, joerg: User) -> None:
        User.objects.filter(pk=joerg.pk).update(email=A)
        browser = whole(anna)
        assert User.objects.filter(is_active=True).count() == 2
        (link,) = ask(browser, "join", A)
        browser.post(link)
        before = len(mail.outbox)
        post()

        assert len(mail.outbox) - before == 1
        assert anna.memberships.count() == 2

    def test_where_both_belong_the_greater_right_stays(self, anna: User, joerg: User, stranger: Merchant) -> None:
        Membership.objects.create(user=anna, store=stranger.store)
        browser = whole(anna)
        (link,) = ask(browser, "join", B)
        browser.post(link)

        assert stranger.store.memberships.get().user == anna
        assert stranger.store.memberships.get().role == "owner"

    def test_the_answer_is_the_same_whether_anybody_has_the_address(self, anna: User, joerg: User) -> None:
        browser = whole(anna)
        answers = [browser.post("/account/join/", {"other-email": email}) for email in (B, "nobody@nowhere.example")]
        assert {(answer.status_code, answer["Location"]) for answer in answers} == {(303, "/account/?done=join")}

        assert post() == []
        assert mail.outbox == []  # the second question replaced the first, and nobody has that address

    def test_the_link_works_once_within_an_hour_and_undamaged(self, anna: User, joerg: User) -> None:
        browser = whole(anna)
        (link,) = ask(browser, "join", B)
        before = snapshot()
        for bad in [*damaged(link), link.replace(f"/{joerg.pk}/", f"/{anna.pk}/"), link.replace("/join/", "/email/")]:
            assert browser.post(bad).status_code in (404, 410), bad
        Proof.objects.update(expires_at=long_ago())
        late = joining.address(Proof.objects.get(), joerg).removeprefix("http://testserver")
        assert browser.post(late).status_code == 410
        assert snapshot() == before
        (link,) = ask(browser, "join", B)
        browser.post(link)

        assert browser.get(link).status_code == browser.post(link).status_code == 410

    def test_the_token_of_another_kind_of_link_joins_nothing(self, anna: User, joerg: User) -> None:
        browser = whole(anna)
        (address_link,) = ask(browser, "email", B)
        (join_link,) = ask(browser, "join", B)
        before = snapshot()

        assert browser.post(with_token_of(join_link, address_link)).status_code == 410
        assert browser.post(with_token_of(address_link, join_link)).status_code == 410
        assert snapshot() == before

    def test_only_the_account_that_asked_may_use_it(self, anna: User, joerg: User, merchant: Merchant) -> None:
        """Not a browser that is signed out, not the other account, not the same person through a store's admin."""
        (link,) = ask(whole(anna), "join", B)
        before = snapshot()
        for browser in (Client(), whole(joerg), merchant.browser):
            assert browser.get(link).status_code == browser.post(link).status_code == 410

        assert snapshot() == before

    def test_a_link_is_void_once_the_other_account_has_another_address(self, anna: User, joerg: User) -> None:
        browser = whole(anna)
        (link,) = ask(browser, "join", B)
        User.objects.filter(pk=joerg.pk).update(email="moved@people.example")

        assert browser.post(link).status_code == 410
        assert joerg.memberships.count() == 1

    def test_joining_needs_the_whole_account(self, merchant: Merchant, anna: User, joerg: User) -> None:
        assert merchant.post("/account/join/", {"other-email": B}).status_code == 403
        assert not Proof.objects.exists()

    def test_an_operator_is_never_joined(self, anna: User) -> None:
        boss = User.objects.create_superuser("boss", "boss@hub.example", "a long pass phrase")
        operator = Client()
        operator.force_login(boss)

        assert operator.post("/account/join/", {"other-email": A}).status_code == 403
        assert ask(whole(anna), "join", "boss@hub.example") == []

    def test_the_click_needs_our_own_page(self, anna: User, joerg: User) -> None:
        (link,) = ask(whole(anna), "join", B)
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(anna)

        assert strict.post(link).status_code == 403
        assert joerg.memberships.count() == 1


def test_a_signature_is_good_for_its_own_purpose_and_facts_only() -> None:
    token = tokens.sign("join", 1, "a@b.example")
    assert tokens.is_signed(token, "join", 1, "a@b.example")

    for purpose, *facts in (("address", 1, "a@b.example"), ("join", 2, "a@b.example"), ("join", "1\na@b.example", "")):
        assert not tokens.is_signed(token, str(purpose), *facts)


class TestTheTakeover:
    """Mallory says that the victim's address is her store's contact. It opens nothing of the victim's."""

    @pytest.fixture
    def mallory(self, stranger: Merchant, anna: User) -> Merchant:
        stranger.sandbox.stores[1004].profile["mailNotifications"]["adminNotificationEmails"] = [A]
        stranger.install()
        work()
        assert stranger.store.owner.email == A
        return stranger

    def test_she_gets_nothing_of_the_victim_s(self, mallory: Merchant) -> None:
        for path in ("/stores/1003/", "/stores/1003/people/", "/stores/1003/connection/export/"):
            assert mallory.get(path).status_code == 404
        assert mallory.get("/")["Location"] == "/stores/1004/"
        mallory.browser.logout()
        mallory.post("/sign-in/", {"email": A})
        post()

        assert [message.to for message in mail.outbox] == [[A]]

    def test_the_victim_s_links_open_each_account_by_itself(self, mallory: Merchant, anna: User) -> None:
        Client().post("/sign-in/", {"email": A})
        seen = []
        for link in post():
            browser = Client()
            browser.post(link)
            seen.append([browser.get(f"/stores/{number}/").status_code for number in (1003, 1004)])

        assert sorted(seen) == [[200, 404], [404, 200]]
        assert anna.memberships.count() == 1

    def test_even_what_the_victim_adds_to_that_account_stays_out_of_her_sight(
        self, mallory: Merchant, anna: User, merchant: Merchant
    ) -> None:
        trap = mallory.store.owner
        browser = whole(trap)
        links_mailed = ask(browser, "join", A)
        browser.post(links_mailed[0])
        mallory.browser = Client()
        mallory.install()

        assert browser.get("/stores/1003/").status_code == 200
        assert mallory.get("/stores/1003/").status_code == 404
        assert mallory.post("/account/email/", {"new-email": NEW}).status_code == 403


def test_pages_and_mails_of_people_name_no_platform(merchant: Merchant, anna: User, joerg: User) -> None:
    """Resellers relabel the admin (design rule 12)."""
    browser = whole(anna)
    merchant.post("/stores/1003/people/invite/", {"email": NEW})
    (invitation,) = post()
    (move,) = ask(browser, "email", NEW)
    (join,) = ask(browser, "join", B)
    paths = ["/account/", "/stores/1003/people/", "/stores/1003/connection/", invitation, move, join,
             "/stores/1003/connection/demo-app/disconnect/", f"{join}x"]  # fmt: skip
    words = [browser.get(path).content.decode() for path in paths] + [str(one.message()) for one in mail.outbox]

    assert not [text for text in words if "ecwid" in text.lower() or "lightspeed" in text.lower()]


def test_the_pages_that_hold_a_link_s_token_pass_it_on_to_nobody(merchant: Merchant, anna: User, joerg: User) -> None:
    browser = whole(anna)
    merchant.post("/stores/1003/people/invite/", {"email": NEW})
    for link in (*post(), *ask(browser, "email", NEW), *ask(browser, "join", B)):
        for visitor in (browser, Client()):
            answer = visitor.get(link)
            assert answer["Referrer-Policy"] == "strict-origin"
            assert answer["Cache-Control"] == "no-store"
            assert "Location" not in answer.headers


def test_a_session_that_is_written_again_keeps_the_time_it_began(anna: User) -> None:
    browser = whole(anna)
    began = Session.objects.get(pk=browser.session.session_key).created_at
    session = browser.session
    session["something"] = "else"
    session.save()

    assert Session.objects.get(pk=session.session_key).created_at == began


def test_signing_in_again_as_the_same_person_takes_a_fresh_key(merchant: Merchant, anna: User) -> None:
    before = merchant.browser.session.session_key
    merchant.post(links.address(anna).removeprefix("http://testserver"))

    assert merchant.browser.session.session_key != before
    assert not Session.objects.filter(pk=before).exists()
