"""Passkeys: the quick second visit. Each way to damage an answer, its challenge or its owner signs nobody in."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail, signing
from django.test import Client

from accounts import links, members
from accounts.models import Bucket, Membership, Passkey, Session, User
from installs import actions
from tests.authenticator import PRESENT, VERIFIED, Device, decoded, encoded
from tests.cast import work
from tests.letters import post
from tests.people import Merchant

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(merchant: Merchant) -> User:
    """The owner of store 1003."""
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
    browser = Client(HTTP_USER_AGENT="Mozilla/5.0 (Macintosh) Safari/605")
    fresh = User.objects.get(pk=user.pk)  # a link is bound to the last sign-in
    assert browser.post(links.address(fresh).removeprefix("http://testserver")).status_code == 302
    return browser


def options(browser: Client, door: str) -> dict[str, Any]:
    answer = browser.post(f"{door}options/")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def make(browser: Client, device: Device, **changes: Any) -> bool:
    """Add the device's passkey to the account that is signed in; tell whether it was taken."""
    answer = device.create(options(browser, "/account/passkeys/"), **changes)
    return keep(browser, answer)


def keep(browser: Client, answer: object) -> bool:
    told = answer if isinstance(answer, str) else json.dumps(answer)
    sent = browser.post("/account/passkeys/", {"answer": told})
    assert sent.status_code == 303
    return sent["Location"] == "/account/?done=passkey#passkeys"


def enter(browser: Client, device: Device, then: str = "", **changes: Any) -> bool:
    """Sign in with the device's passkey; tell whether that worked."""
    return send(browser, device.get(options(browser, "/sign-in/passkey/"), **changes), then)


def send(browser: Client, answer: object, then: str = "") -> bool:
    told = answer if isinstance(answer, str) else json.dumps(answer)
    sent = browser.post(f"/sign-in/passkey/{then}", {"answer": told})
    assert sent.status_code in (303, 403)
    assert ("_auth_user_id" in browser.session) == (sent.status_code == 303)
    return sent.status_code == 303


@pytest.fixture
def device(anna: User) -> Device:
    """Anna's phone, with a passkey for her account."""
    device = Device()
    assert make(whole(anna), device)
    return device


class TestTheQuickWay:
    """Add one once; later a click signs in to the whole account."""

    def test_it_signs_in_without_an_address_or_a_mail(self, anna: User, device: Device, browser: Client) -> None:
        sent = len(mail.outbox)
        assert enter(browser, device)

        assert browser.get("/stores/1003/").status_code == 200
        assert "You came in through" not in browser.get("/account/").content.decode()
        assert len(mail.outbox) == sent
        assert Session.objects.get(pk=browser.session.session_key).store is None
        assert Passkey.objects.get().used_at is not None

    def test_it_leads_on_to_where_the_merchant_wanted_to_go_and_to_no_other_site(
        self, device: Device, browser: Client
    ) -> None:
        told = options(browser, "/sign-in/passkey/")
        answer = browser.post("/sign-in/passkey/?next=/account/", {"answer": json.dumps(device.get(told))})
        assert answer["Location"] == "/account/"
        other = Client()
        answer = other.post(
            "/sign-in/passkey/?next=//evil.example/",
            {"answer": json.dumps(device.get(options(other, "/sign-in/passkey/")))},
        )
        assert answer["Location"] == "/"

    def test_the_page_still_offers_the_link_and_says_the_way_on(self, browser: Client) -> None:
        page = browser.get("/sign-in/?next=/account/").content.decode()

        assert "Mail me a link" in page
        assert 'action="/sign-in/passkey/?next=%2Faccount%2F"' in page

    def test_its_name_is_the_browser_s_until_it_gets_another(self, anna: User, device: Device) -> None:
        passkey = Passkey.objects.get()
        assert passkey.name == "Safari on a Mac"
        browser = whole(anna)
        browser.post(f"/account/passkeys/{passkey.pk}/name/", {"name": " <b>Phone</b> "})
        page = browser.get("/account/").content.decode()

        assert "&lt;b&gt;Phone&lt;/b&gt;" in page
        browser.post(f"/account/passkeys/{passkey.pk}/name/", {"name": " "})
        assert Passkey.objects.get().name == "<b>Phone</b>"

    def test_the_account_s_address_is_told_of_a_new_one(self, anna: User, device: Device) -> None:
        post()
        assert mail.outbox[-1].to == [anna.email]
        assert "passkey was added" in mail.outbox[-1].subject
        assert "Safari on a Mac" in mail.outbox[-1].body
        assert "cwid" not in mail.outbox[-1].body

    def test_a_removed_one_signs_nobody_in(self, anna: User, device: Device, browser: Client) -> None:
        answer = whole(anna).post(f"/account/passkeys/{Passkey.objects.get().pk}/remove/")
        assert answer.status_code == 303
        assert not enter(browser, device)

    def test_a_device_makes_one_for_each_account(self, anna: User, device: Device) -> None:
        told = options(whole(anna), "/account/passkeys/")
        assert [known["id"] for known in told["excludeCredentials"]] == [encoded(device.credential_id)]

    def test_the_handle_that_devices_keep_says_nothing_about_anybody(self, anna: User) -> None:
        told = options(whole(anna), "/account/passkeys/")
        assert decoded(told["user"]["id"]) == anna.username.encode()
        assert told["rp"] == {"name": "testserver", "id": "testserver"}
        assert told["authenticatorSelection"]["userVerification"] == "required"

    def test_ten_are_enough(self, anna: User) -> None:
        browser = whole(anna)
        assert [make(browser, Device()) for _ in range(11)] == [True] * 10 + [False]


def without(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != name}


def damages(answer: dict[str, Any], bits: int = 12) -> list[object]:
    """Return an answer damaged in every place: left out, emptied, of another shape, and with one bit changed."""
    broken: list[object] = ["", "x", "[]", "null", "{}", "[" * 5000, "é", "\x00", "1" * 30_000]
    broken += [without(answer, name) for name in answer]
    names = ("", "A", "AAAA", "a\x00", 7, None)
    broken += [answer | {name: other} for name in ("id", "rawId", "type") for other in names]
    for name, value in answer["response"].items():
        raw = decoded(value)
        places = range(0, len(raw), max(1, len(raw) // bits)) if bits else ()
        turned = [encoded(raw + b"x")] if bits else []
        turned += [encoded(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]) for at in places]
        others: list[object] = ["", "!", "A", "é", 7, None, [], {}, encoded(raw[:-1]), *turned]
        broken += [answer | {"response": answer["response"] | {name: other}} for other in others]
        broken.append(answer | {"response": without(answer["response"], name)})
    return broken


def each_damaged(make: Callable[[], dict[str, Any]], bits: int = 12) -> Iterator[object]:
    """Yield answers with one damage each and a challenge of their own, so that nothing but the damage is at fault."""
    at = 0
    while at < len(broken := damages(make(), bits)):
        yield broken[at]
        at += 1


def question(browser: Client, door: str) -> dict[str, Any]:
    """Ask for a challenge as if for the first time today."""
    Bucket.objects.all().delete()
    return options(browser, door)


class TestSigningInDamaged:
    """Every damage is the same page, and nobody is signed in."""

    def test_an_answer_damaged_anywhere(self, device: Device, browser: Client) -> None:
        for damaged in each_damaged(lambda: device.get(question(browser, "/sign-in/passkey/"))):
            assert not send(browser, damaged), damaged
        assert Passkey.objects.get().used_at is None

    def test_an_answer_to_another_site_s_question(self, device: Device, browser: Client) -> None:
        for origin in ["https://testserver", "http://testserver:81", "http://evil.example", "null", ""]:
            assert not enter(browser, device, origin=origin)
        device.site = "evil.example"
        assert not enter(browser, device)

    @pytest.mark.parametrize("flags", [0, PRESENT, VERIFIED])
    def test_a_device_that_did_not_make_sure_who_holds_it(self, device: Device, browser: Client, flags: int) -> None:
        device.flags = flags
        assert not enter(browser, device)

    def test_an_answer_to_a_question_about_a_new_passkey(self, device: Device, browser: Client) -> None:
        assert not enter(browser, device, type="webauthn.create")

    def test_an_answer_is_good_once(self, device: Device, browser: Client) -> None:
        answer = device.get(options(browser, "/sign-in/passkey/"))
        seal = browser.cookies["passkey"].value
        assert send(browser, answer)
        thief = Client()
        thief.cookies["passkey"] = seal

        assert not send(thief, answer)

    def test_a_challenge_is_good_once_even_when_its_answer_was_refused(self, device: Device, browser: Client) -> None:
        told = options(browser, "/sign-in/passkey/")
        seal = browser.cookies["passkey"].value
        assert not send(browser, "{}")
        browser.cookies["passkey"] = seal

        assert not send(browser, device.get(told))

    def test_a_challenge_is_too_old_after_five_minutes(self, device: Device, browser: Client) -> None:
        answer = device.get(options(browser, "/sign-in/passkey/"))
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
            assert not send(browser, answer)

    def test_a_challenge_given_to_another_browser(self, device: Device, browser: Client) -> None:
        """Login CSRF: somebody's own answer, sent from a victim's browser."""
        mallory = Client()
        answer = device.get(options(mallory, "/sign-in/passkey/"))

        assert not send(browser, answer)
        options(browser, "/sign-in/passkey/")
        assert not send(browser, answer)

    def test_a_challenge_nobody_sealed(self, device: Device, browser: Client) -> None:
        told = {"challenge": encoded(b"x" * 64)}
        seals = [signing.dumps(["sign-in", told["challenge"]]), signing.dumps(["sign-in"]), "x", "", "é:é:é"]
        for seal in seals:
            browser.cookies["passkey"] = seal
            assert not send(browser, device.get(told))

    def test_a_challenge_for_a_new_passkey(self, anna: User, device: Device) -> None:
        browser = whole(anna)
        told = options(browser, "/account/passkeys/")
        browser.post("/sign-out/")
        assert not send(browser, device.get(told))

    def test_a_passkey_nobody_has_added(self, anna: User, browser: Client) -> None:
        device = Device()
        device.handle = anna.username.encode()
        assert not enter(browser, device)

    def test_a_passkey_that_names_another_person(self, device: Device, joerg: User, browser: Client) -> None:
        device.handle = joerg.username.encode()
        assert not enter(browser, device)

    def test_another_s_passkey_signed_with_one_s_own_key(self, device: Device, joerg: User, browser: Client) -> None:
        own = Device()
        assert make(whole(joerg), own)
        own.credential_id, own.handle = device.credential_id, device.handle
        assert not enter(browser, own)

    def test_a_copy_that_has_fallen_behind(self, device: Device, browser: Client) -> None:
        device.count = 7
        assert enter(browser, device)
        for count in (7, 6, 0):
            device.count = count
            assert not enter(Client(), device)
        device.count = 8
        assert enter(Client(), device)

    def test_an_account_that_is_closed(self, anna: User, device: Device, browser: Client) -> None:
        User.objects.filter(pk=anna.pk).update(is_active=False)
        assert not enter(browser, device)
        members.close(anna)
        assert not Passkey.objects.exists()

    def test_an_operator_never_comes_in_this_way(self, anna: User, device: Device, browser: Client) -> None:
        User.objects.filter(pk=anna.pk).update(is_staff=True)
        assert not enter(browser, device)

    def test_the_click_needs_our_own_page(self, device: Device) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert strict.post("/sign-in/passkey/options/").status_code == 403
        assert strict.post("/sign-in/passkey/").status_code == 403

    def test_answers_and_questions_are_limited_for_each_client(self, device: Device) -> None:
        tries = [enter(Client(), device) for _ in range(21)]
        assert tries == [True] * 20 + [False]
        questions = [Client().post("/sign-in/passkey/options/").status_code for _ in range(40)]
        assert questions[:39] == [200] * 39
        assert questions[39] == 429

    def test_a_refusal_tells_nothing(self, device: Device, browser: Client) -> None:
        def page(answer: dict[str, Any]) -> str:
            shown = browser.post("/sign-in/passkey/", {"answer": json.dumps(answer)}).content.decode()
            return shown.replace(token(shown), "")

        def token(shown: str) -> str:
            return shown.split('csrfmiddlewaretoken" value="')[1].split('"')[0]

        device.flags = PRESENT
        known = page(device.get(options(browser, "/sign-in/passkey/")))
        unknown = page(Device().get(options(browser, "/sign-in/passkey/")))
        assert known == unknown
        assert "link" in known


class TestAddingDamaged:
    """Only the account's own browser adds one, in a session that is about the whole account."""

    def test_an_answer_damaged_in_shape(self, anna: User) -> None:
        """Nothing signs a new passkey yet, so a changed bit may be another key of the same owner; a shape may not."""
        browser = whole(anna)
        for damaged in each_damaged(lambda: Device().create(question(browser, "/account/passkeys/")), bits=0):
            assert not keep(browser, damaged), damaged
        assert not Passkey.objects.exists()

    def test_no_changed_bit_breaks_the_page(self, anna: User) -> None:
        browser = whole(anna)
        for damaged in each_damaged(lambda: Device().create(question(browser, "/account/passkeys/"))):
            keep(browser, damaged)
            Passkey.objects.all().delete()

    def test_an_answer_for_another_site(self, anna: User) -> None:
        browser = whole(anna)
        assert not make(browser, Device(), origin="http://evil.example")
        assert not make(browser, Device(site="evil.example"))
        device = Device()
        device.flags = PRESENT
        assert not make(browser, device)

    def test_a_question_asked_of_another_person(self, anna: User, joerg: User) -> None:
        hers, his = whole(anna), whole(joerg)
        answer = Device().create(options(hers, "/account/passkeys/"))
        his.cookies["passkey"] = hers.cookies["passkey"].value

        assert not keep(his, answer)

    def test_a_question_of_the_sign_in_page(self, anna: User) -> None:
        browser = whole(anna)
        told = options(browser, "/sign-in/passkey/") | {"user": {"id": encoded(anna.username.encode())}}
        assert not keep(browser, Device().create(told))

    def test_an_answer_is_good_once(self, anna: User) -> None:
        browser = whole(anna)
        answer = Device().create(options(browser, "/account/passkeys/"))
        seal = browser.cookies["passkey"].value
        assert keep(browser, answer)
        Passkey.objects.all().delete()
        browser.cookies["passkey"] = seal

        assert not keep(browser, answer)

    def test_nobody_takes_over_a_passkey_that_is_somebody_s(self, device: Device, anna: User, joerg: User) -> None:
        assert not make(whole(joerg), device)
        assert Passkey.objects.get().person == anna

    def test_a_session_that_a_store_s_admin_opened_sees_and_adds_none(self, merchant: Merchant, device: Device) -> None:
        merchant.install()
        assert merchant.is_signed_in

        assert "Passkeys" not in merchant.get("/account/").content.decode()
        assert merchant.post("/account/passkeys/options/").status_code == 403
        assert merchant.post("/account/passkeys/").status_code == 403
        passkey = Passkey.objects.get().pk
        assert merchant.post(f"/account/passkeys/{passkey}/remove/").status_code == 403
        assert Passkey.objects.count() == 1

    def test_another_person_s_is_a_404(self, device: Device, joerg: User) -> None:
        browser, passkey = whole(joerg), Passkey.objects.get()
        assert browser.post(f"/account/passkeys/{passkey.pk}/remove/").status_code == 404
        assert browser.post(f"/account/passkeys/{passkey.pk}/name/", {"name": "Mine"}).status_code == 404
        assert Passkey.objects.get().name == passkey.name

    def test_signed_out_leads_to_sign_in(self, browser: Client, device: Device) -> None:
        for door in ("", "options/", "1/name/", "1/remove/"):
            assert browser.post(f"/account/passkeys/{door}")["Location"].startswith("/sign-in/")


class TestPersonal:
    """What we hold of a passkey is handed out with the person's data and goes with it."""

    def test_an_export_names_it_and_holds_no_key(self, merchant: Merchant, device: Device) -> None:
        told = json.dumps(actions.privacy.export(installation=merchant.installation))
        assert "Safari on a Mac" in told
        key = bytes(Passkey.objects.get().public_key)
        assert base64.b64encode(key).decode() not in told
        assert encoded(device.credential_id) not in told

    def test_an_erasure_takes_it_along_and_counts_it(self, merchant: Merchant, device: Device) -> None:
        actions.uninstall.close(installation=merchant.installation, at=datetime.now(UTC))
        planned = actions.erase.erase(installation=merchant.installation, reason="asked", dry_run=True)
        assert Passkey.objects.count() == planned.counts["passkeys"] == 1
        receipt = actions.erase.erase(installation=merchant.installation, reason="asked")

        assert receipt.counts["passkeys"] == 1
        assert not Passkey.objects.exists()

    def test_whoever_belongs_to_another_connected_store_keeps_it(
        self, merchant: Merchant, stranger: Merchant, anna: User, joerg: User, device: Device
    ) -> None:
        Membership.objects.create(user=anna, store=stranger.store)
        actions.uninstall.close(installation=merchant.installation, at=datetime.now(UTC))
        actions.erase.erase(installation=merchant.installation, reason="asked")
        assert Passkey.objects.count() == 1
