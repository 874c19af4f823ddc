"""Invitations: mailed, single use, bound to one store and one address, and nobody is found by their address."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.core import mail
from django.db import connection
from django.test import Client

from accounts import invitations, tasks
from accounts.models import Invitation, Letter, Membership, Proof, StoreSettings, User
from installs.actions import erase, prune, uninstall
from tests.cast import long_ago, work
from tests.letters import damaged, post, with_token_of
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

EVE = "eve@people.example"


@pytest.fixture
def host(merchant: Merchant) -> Merchant:
    """The owner of store 1003, who invites."""
    merchant.install()
    work()
    return merchant


def invite(host: Merchant, email: str = EVE) -> str:
    """Invite somebody and return the link in their mail."""
    assert host.post(f"{host.page}people/invite/", {"email": email}).status_code == 303
    return post()[-1]


def whole(user: User) -> Client:
    """Return a browser that a mailed link has signed in."""
    browser = Client()
    browser.force_login(user)
    return browser


def accept(browser: Client, link: str, choice: str = "new", name: str = "") -> int:
    return browser.post(link, {"as": choice, "name": name}).status_code


def roles(host: Merchant) -> list[tuple[str, str]]:
    return sorted(host.store.memberships.values_list("user__email", "role"))


def test_somebody_new_comes_in_with_one_click(host: Merchant, browser: Client) -> None:
    link = invite(host)
    page = browser.get(link).content.decode()
    assert "Paper Trail" in page
    assert "Anna Janssen" in page
    assert accept(browser, link, name="Eve") == 303

    eve = User.objects.get(email=EVE)
    assert (eve.name, eve.memberships.get().role) == ("Eve", "member")
    assert eve.email_proven_at is not None
    assert not eve.has_usable_password()
    assert browser.get(host.page).status_code == 200


def test_the_mail_names_store_and_inviter_has_both_forms_and_no_platform(host: Merchant) -> None:
    link = invite(host)
    message = mail.outbox[-1]
    html = str(message.alternatives[0][0])  # type: ignore[union-attr]

    assert message.to == [EVE]
    for words in (str(message.body), html):
        assert "Paper Trail" in words
        assert "Anna Janssen" in words
        assert link.partition("?")[0] in words
        assert not re.search("ecwid|lightspeed", (words + str(message.subject)).lower())


def test_looking_at_an_invitation_changes_nothing(host: Merchant) -> None:
    """Mail scanners open links."""
    link = invite(host)
    before = roles(host)
    for _ in range(3):
        assert Client().get(link).status_code == 200

    assert roles(host) == before
    assert accept(Client(), link) == 303


def test_the_click_needs_our_own_page(host: Merchant) -> None:
    link = invite(host)
    strict = Client(enforce_csrf_checks=True)
    assert accept(strict, link) == 403
    assert accept(Client(), link, choice="") == 422
    assert accept(Client(), link, choice="mine") == 422  # nobody is signed in

    assert len(roles(host)) == 1


def test_an_invitation_works_once(host: Merchant, browser: Client) -> None:
    link = invite(host)
    accept(browser, link)
    thief = Client()

    assert thief.get(link).status_code == 410
    assert accept(thief, link) == 410
    assert "_auth_user_id" not in thief.session
    assert len(roles(host)) == 2


def test_an_invitation_is_too_old_after_seven_days(host: Merchant, browser: Client) -> None:
    invite(host)
    Invitation.objects.update(expires_at=long_ago())
    link = invitations.address(Invitation.objects.get()).removeprefix("http://testserver")

    assert browser.get(link).status_code == 410
    assert accept(browser, link) == 410
    assert EVE not in host.get(f"{host.page}people/").content.decode()


def test_it_is_good_for_seven_days(host: Merchant) -> None:
    invite(host)
    left = Invitation.objects.get().expires_at - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7, seconds=5)


def test_a_damaged_link_opens_nothing(host: Merchant, browser: Client) -> None:
    link = invite(host)
    for bad in damaged(link):
        assert browser.get(bad).status_code == 410, bad
        assert accept(browser, bad) == 410, bad

    assert len(roles(host)) == 1
    assert Invitation.objects.exists()


def test_the_token_of_another_invitation_opens_nothing(host: Merchant, stranger: Merchant) -> None:
    """Mallory invites herself into her own store and tries the token on another one's invitation."""
    stranger.install()
    link, other, same_store = invite(host), invite(stranger, "mallory@people.example"), invite(host, "x@people.example")
    for wrong in (with_token_of(link, other), with_token_of(link, same_store)):
        assert accept(Client(), wrong) == 410

    assert len(roles(host)) == 1


def test_a_made_up_invitation_is_the_same_page(host: Merchant, browser: Client) -> None:
    used = invite(host)
    accept(Client(), used)
    nowhere = "/invitations/11111111-2222-3333-4444-555555555555/?token=x"

    assert browser.get(used).content == browser.get(nowhere).content


def test_a_withdrawn_invitation_is_dead_at_once(host: Merchant, browser: Client) -> None:
    link = invite(host)
    host.post(f"{host.page}people/invitations/{Invitation.objects.get().pk}/withdraw/")

    assert accept(browser, link) == 410
    assert not Letter.objects.exists()


def test_an_invitation_withdrawn_before_it_was_mailed_is_never_mailed(host: Merchant) -> None:
    host.post(f"{host.page}people/invite/", {"email": EVE})
    host.post(f"{host.page}people/invitations/{Invitation.objects.get().pk}/withdraw/")

    assert post() == []
    assert mail.outbox == []


def test_another_store_s_owner_cannot_withdraw_it(host: Merchant, stranger: Merchant) -> None:
    stranger.install()
    invite(host)
    stranger.post(f"{stranger.page}people/invitations/{Invitation.objects.get().pk}/withdraw/")

    assert Invitation.objects.exists()


def test_inviting_again_mails_a_new_link_and_kills_the_old(host: Merchant) -> None:
    first = invite(host)
    second = invite(host, EVE.upper())

    assert Invitation.objects.count() == 1
    assert accept(Client(), first) == 410
    assert accept(Client(), second) == 303


def test_a_signed_in_person_is_asked_which_account_and_chooses_theirs(host: Merchant, stranger: Merchant) -> None:
    stranger.install()
    mine = stranger.store.owner
    browser = whole(mine)
    link = invite(host)
    page = browser.get(link).content.decode()
    assert 'value="mine"' in page
    assert 'value="new"' in page
    assert accept(browser, link, "mine") == 303

    assert mine.memberships.count() == 2
    assert not User.objects.filter(email=EVE).exists()
    assert browser.get("/stores/1004/").status_code == browser.get("/stores/1003/").status_code == 200


def test_a_signed_in_person_may_come_as_somebody_new_and_nothing_is_merged(host: Merchant, stranger: Merchant) -> None:
    stranger.install()
    browser = whole(stranger.store.owner)
    accept(browser, invite(host), "new")

    assert browser.get("/stores/1003/").status_code == 200
    assert browser.get("/stores/1004/").status_code == 404
    assert stranger.store.owner.memberships.count() == 1


def test_an_account_with_the_invited_address_is_not_found_by_it(host: Merchant, stranger: Merchant) -> None:
    """Equal addresses prove nothing (design rule 4): a store may give anybody's as its contact."""
    stranger.install()
    User.objects.filter(pk=stranger.store.owner.pk).update(email=EVE)
    accept(Client(), invite(host))

    assert stranger.store.owner.memberships.count() == 1
    assert User.objects.filter(email=EVE).count() == 2


def test_a_session_through_a_store_s_admin_takes_no_other_store_under_its_roof(
    host: Merchant, stranger: Merchant
) -> None:
    """Whoever the first store's admin lets in would see the second store, too."""
    stranger.install()
    link = invite(host)
    page = stranger.get(link).content.decode()
    assert 'value="mine"' not in page
    assert "through the admin of" in page

    assert accept(stranger.browser, link, "mine") == 422
    assert stranger.store.owner.memberships.count() == 1


def test_an_operator_s_session_is_never_what_joins(host: Merchant) -> None:
    boss = User.objects.create_superuser("boss", "boss@hub.example", "a long pass phrase")
    browser = whole(boss)
    link = invite(host)

    assert accept(browser, link, "mine") == 422
    assert not boss.memberships.exists()


def test_somebody_who_belongs_already_loses_no_right(host: Merchant) -> None:
    link = invite(host)
    accept(whole(host.store.owner), link, "mine")

    assert roles(host) == [("orders@papertrail.example", "owner")]
    assert not Invitation.objects.exists()


def test_accepting_proves_the_invited_address_and_no_other(host: Merchant, stranger: Merchant) -> None:
    stranger.install()
    User.objects.filter(pk=stranger.store.owner.pk).update(email="someone-else@people.example")
    accept(whole(stranger.store.owner), invite(host), "mine")
    assert stranger.store.owner.email_proven_at is None


@pytest.mark.parametrize("email", ["", "not an address", "a@b", "x" * 300 + "@example.com"])
def test_what_is_no_address_is_said_so_and_kept_in_the_form(host: Merchant, email: str) -> None:
    answer = host.post(f"{host.page}people/invite/", {"email": email})

    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()
    assert not Invitation.objects.exists()


def test_invitations_are_limited_for_each_store_and_each_address(host: Merchant, stranger: Merchant) -> None:
    stranger.install()
    codes = [host.post(f"{host.page}people/invite/", {"email": EVE}).status_code for _ in range(7)]
    assert codes == [303] * 5 + [429] * 2
    assert stranger.post(f"{stranger.page}people/invite/", {"email": EVE}).status_code == 429
    codes = [host.post(f"{host.page}people/invite/", {"email": f"{at}@x.example"}).status_code for at in range(20)]

    assert codes.count(303) == 13
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
        assert host.browser.post(f"{host.page}people/invite/", {"email": EVE}).status_code in (302, 303)


def test_names_of_stores_and_people_cannot_break_out_of_a_mail(host: Merchant) -> None:
    evil = "Win\r\nBcc: everybody@example.com <a href='https://evil.example'>" + "!" * 150
    StoreSettings.objects.update(store_name=evil)
    User.objects.update(name=evil)
    invite(host)
    message = mail.outbox[-1]

    assert "\n" not in str(message.subject)
    assert message.recipients() == [EVE]
    assert "<a href='https://evil" not in str(message.alternatives[0][0])  # type: ignore[union-attr]
    assert len(str(message.subject)) < 120


def test_a_mail_that_could_not_be_sent_waits_and_comes(host: Merchant, settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    host.post(f"{host.page}people/invite/", {"email": EVE})
    letter = Letter.objects.get()
    tasks.send_letter(letter.pk)
    letter.refresh_from_db()
    assert (letter.state, letter.tries) == ("waiting", 1)
    assert EVE not in letter.error
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    Letter.objects.update(due_at=long_ago())

    assert len(post()) == 1


def test_a_letter_nobody_takes_is_given_up_at_last_and_forgets_its_reader(
    host: Merchant, settings: LazySettings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    letter = Letter.objects.create(kind=Letter.Kind.MOVED, email=EVE, due_at=long_ago(), tries=500)
    tasks.send_letter(letter.pk)

    letter.refresh_from_db()
    assert (letter.state, letter.email) == ("failed", "")


def test_a_killed_worker_s_letter_is_sent_by_the_next(host: Merchant) -> None:
    host.post(f"{host.page}people/invite/", {"email": EVE})
    assert Letter.claim(Letter.objects.get().pk) is not None
    assert post() == []
    Letter.objects.update(lease_until=long_ago())

    assert len(post()) == 1
    assert post() == []


def test_of_two_clicks_at_once_one_gets_in(host: Merchant) -> None:
    link = invite(host)
    start = threading.Barrier(2)

    def click(_: int) -> int:
        start.wait()
        try:
            return accept(Client(), link)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(click, range(2))) == [303, 410]
    assert User.objects.filter(email=EVE).count() == 1


def test_an_erasure_takes_the_invited_address_and_the_link_with_it(host: Merchant) -> None:
    link = invite(host)
    invite(host, "another@people.example")
    uninstall.close(installation=host.installation, at=datetime.now(UTC))
    erase.erase(installation=host.installation, reason="asked")

    assert set(Invitation.objects.values_list("email", flat=True)) == {""}
    assert Client().get(link).status_code == 410


def test_an_export_names_who_is_invited(host: Merchant) -> None:
    invite(host)
    (told,) = host.get(f"{host.page}connection/export/").json()["invitations"]  # type: ignore[attr-defined]
    assert told["email"] == EVE


def test_what_is_over_goes_after_a_week_and_what_is_open_stays(host: Merchant) -> None:
    invite(host)
    invite(host, "another@people.example")
    letters = {"kind": Letter.Kind.MOVED, "due_at": datetime.now(UTC) - timedelta(days=2)}
    Letter.objects.create(**letters, state=Letter.State.DONE)
    waiting = Letter.objects.create(**letters, email=EVE)
    Invitation.objects.filter(email=EVE).update(expires_at=datetime.now(UTC) - timedelta(days=8))
    Proof.objects.create(person=host.store.owner, purpose=Proof.Purpose.JOIN, email=EVE, expires_at=long_ago())
    prune.prune()

    assert [one.email for one in Invitation.objects.all()] == ["another@people.example"]
    assert not Proof.objects.exists()
    assert list(Letter.objects.filter(kind=Letter.Kind.MOVED)) == [waiting]


def test_nothing_in_the_database_opens_an_invitation(host: Merchant) -> None:
    """A link is made when it is mailed, and kept nowhere."""
    link = invite(host)
    token = link.partition("token=")[2]
    rows = [*Invitation.objects.values(), *Letter.objects.values()]

    assert token not in str(rows)
    assert Membership.objects.count() == 1
