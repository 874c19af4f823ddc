"""The connection page: how each app stands in a store, what becomes of the data, and the way out."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Membership, Session, Store, User
from installs import features, tasks
from installs.actions import disconnect
from installs.models import AppRegistration, Installation, Prefill
from tests.cast import long_ago, make_app, work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/stores/1003/connection/"
LEAVE = f"{PAGE}demo-app/disconnect/"
REMOVAL = "update_store_profile"
MARCH = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def connected(merchant: Merchant) -> Merchant:
    """The owner of store 1003, whose app may remove itself."""
    AppRegistration.objects.update(wanted_scopes=[*merchant.app.wanted_scopes, REMOVAL])
    known = merchant.sandbox.world.apps
    known["demo-app"] = replace(known["demo-app"], scopes=(*known["demo-app"].scopes, REMOVAL))
    merchant.install()
    work()
    return merchant


def words(merchant: Merchant, path: str = PAGE) -> str:
    return merchant.get(path).content.decode()


def change(merchant: Merchant, **facts: object) -> None:
    Installation.objects.filter(pk=merchant.installation.pk).update(**facts)


class TestWhatItSays:
    """One line on how it is, one button, and what the app may do."""

    def test_a_healthy_app_has_nothing_to_press(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        page = words(merchant)

        assert "Connected and working" in page
        assert "Connect again" not in page
        assert "Try again" not in page
        assert "Ask support" not in page

    @pytest.mark.parametrize(
        ("facts", "line", "button"),
        [
            ({"token_died_at": MARCH}, "no longer lets it in, since 2 March 2026", "Connect again"),
            ({"paused_at": MARCH}, "does not let apps in at the moment, since 2 March", "Try again"),
            ({"subscription_status": "SUSPENDED"}, "subscription is on hold", ""),
            ({"scopes": ["read_store_profile"]}, "some permissions are missing", "Connect again"),
        ],
    )  # fmt: skip
    def test_trouble_has_a_line_of_its_own_and_the_one_button_that_helps(
        self, merchant: Merchant, facts: dict[str, object], line: str, button: str
    ) -> None:
        merchant.install()
        work()
        change(merchant, **facts)
        page = words(merchant)

        assert line in page
        assert [one for one in ("Connect again", "Try again") if f">{one}" in page.replace("</svg>", ">")] == [
            *filter(None, [button])
        ]

    def test_details_that_could_not_be_read_can_be_asked_for_again_and_support_gets_a_code(
        self, merchant: Merchant
    ) -> None:
        merchant.install()
        Prefill.objects.update(tries=500)
        merchant.sandbox.disturb("profile", "server_error")
        work()
        page = words(merchant)
        assert "could not be read the last time" in page
        assert merchant.installation.attempts.get().support_code in page
        merchant.post("/stores/1003/sync/")
        work()

        assert "Connected and working" in words(merchant)

    def test_permissions_are_in_plain_words_with_a_reason_each(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        page = words(merchant)

        for text in (
            "See your store&#x27;s settings",
            "To fill in your store’s details",
            "Part of what Parcel Pilot does",
        ):
            assert text in page
        assert "read_orders" not in page

    @pytest.fixture
    def labels(self) -> Iterator[features.Feature]:
        feature = features.register("labels", "Print labels", scopes=("read_orders", "update_orders"), app="demo-app")
        yield feature
        features.forget(feature)

    def test_a_missing_permission_names_the_feature_that_needs_it(
        self, merchant: Merchant, labels: features.Feature
    ) -> None:
        merchant.install()
        work()
        page = words(merchant)
        missing = page[page.index("Still needs your permission") : page.index("It may</h3>")]

        assert "Change and delete orders" in missing
        assert "Print labels" in missing
        assert "Print labels" in page[page.index("It may</h3>") :]

    @pytest.mark.parametrize(
        ("status", "text"),
        [("TRIAL", "Trial period"), ("ACTIVE", "Active"), ("", "Not known yet"), ("ODD_ONE", "Odd_One")],
    )
    def test_the_subscription_is_in_words(self, merchant: Merchant, status: str, text: str) -> None:
        merchant.install()
        work()
        change(merchant, subscription_status=status)

        assert f"<dt>Subscription</dt><dd>{text}" in words(merchant)

    def test_it_says_how_long_data_is_kept_and_when_it_was(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        AppRegistration.objects.update(retention_days=17)
        assert "kept for 17 days" in words(merchant)
        gone = {"uninstalled_at": MARCH, "secret_token": "", "public_token": ""}
        change(merchant, **gone, erase_due_at=datetime(2026, 4, 1, tzinfo=UTC))
        page = words(merchant)
        assert "It was removed from your store" in page
        assert "kept until <strong>1 April 2026</strong>" in page
        assert page.count("Connect again") == 1
        assert "Disconnect" not in page
        change(merchant, erase_due_at=None, erased_at=datetime(2026, 4, 1, tzinfo=UTC))

        assert "was erased on 1 April 2026" in words(merchant)

    def test_each_app_has_its_own(self, merchant: Merchant, settings: LazySettings) -> None:
        merchant.install()
        merchant.app = make_app(merchant.sandbox, settings, "demo-two", "Label Maker")
        merchant.install()
        work()
        page = words(merchant)

        assert page.index("Label Maker") < page.index("Parcel Pilot")
        assert "/connection/demo-two/disconnect/" in page

    def test_the_store_page_leads_here(self, merchant: Merchant) -> None:
        merchant.install()
        assert f'href="{PAGE}"' in words(merchant, "/stores/1003/")

    def test_no_secret_stands_on_it(self, connected: Merchant) -> None:
        secrets = (connected.installation.secret_token, connected.installation.public_token)
        for path in (PAGE, LEAVE, f"{PAGE}export/"):
            assert not [one for one in secrets if one in words(connected, path)]


class TestWhoMay:
    """Members look, owners act, strangers learn nothing."""

    @pytest.fixture
    def member(self, connected: Merchant) -> Client:
        browser = Client()
        person = User.objects.create_merchant(name="Member")
        Membership.objects.create(user=person, store=connected.store)
        browser.force_login(person)
        return browser

    def test_a_member_looks_and_cannot_export_or_disconnect(self, connected: Merchant, member: Client) -> None:
        page = member.get(PAGE).content.decode()
        assert "disconnect/" not in page
        assert "export/" not in page
        answers = [member.get(f"{PAGE}export/"), member.get(LEAVE), member.post(LEAVE)]

        assert {answer.status_code for answer in answers} == {403}
        assert "Only an owner of Paper Trail" in answers[0].content.decode()
        assert connected.installation.state == "installed"

    def test_a_stranger_finds_nothing(self, connected: Merchant, stranger: Merchant) -> None:
        stranger.install()
        answers = [stranger.get(PAGE), stranger.get(f"{PAGE}export/"), stranger.get(LEAVE), stranger.post(LEAVE)]

        assert {answer.status_code for answer in answers} == {404}
        assert connected.installation.state == "installed"

    def test_signed_out_leads_to_sign_in(self, connected: Merchant, browser: Client) -> None:
        for path in (PAGE, f"{PAGE}export/", LEAVE):
            assert browser.get(path).status_code == 302

    def test_disconnecting_needs_our_own_page(self, connected: Merchant) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(connected.store.owner)

        assert strict.post(LEAVE).status_code == 403
        assert connected.installation.state == "installed"

    @pytest.mark.parametrize("client_id", ["no-such-app", "demo-app%00", "..", "%2e%2e"])
    def test_an_app_that_is_not_on_the_store_is_a_404(self, connected: Merchant, client_id: str) -> None:
        assert connected.post(f"{PAGE}{client_id}/disconnect/").status_code == 404


def test_the_export_holds_what_is_kept_and_nobody_else_s(connected: Merchant, stranger: Merchant) -> None:
    stranger.install()
    work()
    answer = connected.get(f"{PAGE}export/")
    told = json.loads(answer.content)

    assert answer["Content-Disposition"] == 'attachment; filename="store-1003.json"'
    assert answer["Cache-Control"] == "no-store"
    assert told["store_id"] == 1003
    assert told["settings"]["company_name"] == "Paper Trail BV"
    assert told["people"][0]["email"] == "orders@papertrail.example"
    assert "Waldlicht" not in answer.content.decode()


class TestDisconnect:
    """The app is removed at the store, and our side is closed once that is certain. Nothing is done by halves."""

    def test_looking_explains_and_changes_nothing(self, connected: Merchant) -> None:
        calls = len(connected.sandbox.calls)
        page = words(connected, LEAVE)

        assert "kept for 30 days" in page
        assert len(connected.sandbox.calls) == calls

    def test_a_click_removes_it_there_and_closes_it_here(self, connected: Merchant) -> None:
        page = connected.post(LEAVE)
        closed = connected.installation

        assert page.status_code == 200
        assert "is removed from" in page.content.decode()
        assert connected.sandbox.live_tokens("demo-app", 1003) == []
        assert (closed.state, closed.secret_token, closed.public_token) == ("uninstalled", "", "")
        assert closed.erase_due_at is not None
        assert closed.erase_due_at - datetime.now(UTC) > timedelta(days=29)
        assert not Session.objects.filter(user=connected.store.owner).exists()

    def test_it_costs_two_calls_and_the_dead_token_is_used_once(self, connected: Merchant) -> None:
        before = len(connected.sandbox.calls)
        connected.post(LEAVE)

        assert [call.method for call in connected.sandbox.calls[before:]] == ["DELETE", "GET"]

    def test_whoever_holds_another_connected_store_stays_and_sees_that_it_is_removed(
        self, connected: Merchant, stranger: Merchant
    ) -> None:
        stranger.install()
        owner = connected.store.owner
        Membership.objects.create(user=owner, store=stranger.store)
        connected.browser = Client()
        connected.browser.force_login(owner)
        connected.post(LEAVE)

        assert "It was removed from your store" in words(connected)

    def test_without_the_permission_it_tells_where_to_click_and_calls_nobody(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        calls = len(merchant.sandbox.calls)
        page = merchant.post(LEAVE)

        assert page.status_code == 409
        for text in (page.content.decode(), words(merchant, LEAVE)):
            assert "My apps" in text
        assert len(merchant.sandbox.calls) == calls
        assert merchant.installation.state == "installed"

    @pytest.mark.parametrize(
        ("how", "status", "text"),
        [
            ("rate_limited", 503, "does not answer just now"),
            ("insufficient_scope", 409, "in your store’s admin"),
            ("forbidden", 503, "does not answer just now"),
            ("redirect", 503, "does not answer just now"),
        ],
    )
    def test_a_refusal_changes_nothing_and_says_what_to_do(
        self, connected: Merchant, how: str, status: int, text: str
    ) -> None:
        connected.sandbox.disturb("application", how)
        answer = connected.post(LEAVE)

        assert (answer.status_code, text in answer.content.decode()) == (status, True)
        assert connected.installation.health == "ok"
        assert connected.sandbox.live_tokens("demo-app", 1003) == [connected.installation.secret_token]
        assert connected.get(PAGE).status_code == 200

    @pytest.mark.parametrize("how", ["server_error", "bad_gateway", "dropped", "reset", "html", "empty", "malformed"])
    def test_a_lost_answer_after_the_removal_still_ends_in_a_removal(self, connected: Merchant, how: str) -> None:
        connected.sandbox.disturb("application", how)
        connected.post(LEAVE)

        assert connected.installation.state == "uninstalled"

    @pytest.mark.parametrize("flag", ["suspended", "plan_has_api"])
    def test_a_store_that_does_not_serve_apps_tells_where_to_click(self, connected: Merchant, flag: str) -> None:
        setattr(connected.sandbox.stores[1003], flag, flag == "suspended")
        answer = connected.post(LEAVE)

        assert answer.status_code == 409
        assert "My apps" in answer.content.decode()
        assert connected.installation.state == "installed"

    def test_nobody_there_changes_nothing(self, connected: Merchant, settings: LazySettings) -> None:
        settings.ECWID_API_URL = "http://127.0.0.1:9/api/v3"
        assert connected.post(LEAVE).status_code == 503
        assert (connected.installation.state, connected.installation.token_died_at) == ("installed", None)

    @pytest.mark.parametrize("how", ["server_error", "dropped", "rate_limited"])
    def test_a_removal_that_cannot_be_confirmed_is_said_so_and_looked_at_again_soon(
        self, connected: Merchant, how: str
    ) -> None:
        connected.sandbox.disturb("profile", how)
        answer = connected.post(LEAVE)
        assert answer.status_code == 202
        assert connected.installation.state == "installed"
        due = connected.installation.probe_due_at
        assert due is not None
        assert due - datetime.now(UTC) < timedelta(minutes=2)
        if how == "rate_limited":
            return
        for _ in range(2):  # one refusal is a suspicion, two are certain
            change(connected, probe_due_at=long_ago())
            tasks.probe(connected.installation.pk)

        assert connected.installation.state == "uninstalled"

    def test_removed_in_the_admin_meanwhile_counts_the_same(self, connected: Merchant) -> None:
        connected.sandbox.uninstall("demo-app", 1003)
        assert connected.post(LEAVE).status_code == 200
        assert connected.installation.state == "uninstalled"

    def test_a_token_known_to_be_dead_is_not_used_again(self, connected: Merchant) -> None:
        change(connected, token_died_at=long_ago())
        calls = len(connected.sandbox.calls)

        assert disconnect.disconnect(installation=connected.installation) is disconnect.Outcome.BY_HAND
        assert len(connected.sandbox.calls) == calls

    def test_pressed_twice_the_second_changes_nothing(self, connected: Merchant) -> None:
        stale = connected.installation
        connected.post(LEAVE)
        first = Installation.objects.values().get()

        assert disconnect.disconnect(installation=stale) is disconnect.Outcome.REMOVED
        assert Installation.objects.values().get() == first

    def test_a_reconnection_meanwhile_is_left_alone(self, connected: Merchant) -> None:
        stale = connected.installation
        connected.install()
        calls = len(connected.sandbox.calls)

        assert disconnect.disconnect(installation=stale) is disconnect.Outcome.UNCONFIRMED
        assert connected.installation.state == "installed"
        assert connected.installation.generation == 2
        assert len(connected.sandbox.calls) - calls == 2

    def test_another_app_on_the_store_goes_on(self, connected: Merchant, settings: LazySettings) -> None:
        first = connected.app
        connected.app = make_app(connected.sandbox, settings, "demo-two", "Label Maker")
        connected.install()
        connected.post(LEAVE)
        connected.app = first

        assert connected.installation.state == "uninstalled"
        assert Installation.objects.get(app__client_id="demo-two").state == "installed"
        assert connected.get(PAGE).status_code == 200


class TestComingBack:
    """What changed in the store while no app was connected is told once."""

    @pytest.fixture
    def back(self, connected: Merchant) -> Merchant:
        connected.post("/stores/1003/onboarding/finish/")
        connected.post(LEAVE)
        company = connected.sandbox.stores[1003].profile["company"]
        company["city"], company["phone"] = "Rotterdam", "+31100000000"
        connected.browser = Client()
        connected.install()
        work()
        return connected

    def test_the_store_page_says_it_once(self, back: Merchant) -> None:
        first, second = words(back, "/stores/1003/"), words(back, "/stores/1003/")

        assert "Changed in your store since you last looked" in first
        assert "<p>City, Phone</p>" in first
        assert "since you last looked" not in second

    def test_a_page_that_fills_itself_says_it_when_it_has_something_new(self, back: Merchant) -> None:
        htmx = {"HX-Request": "true"}
        nothing = back.get("/stores/1003/", data={"was": "2.done.1"}, headers=htmx)
        assert nothing.status_code == 204
        fragment = back.get("/stores/1003/", data={"was": "2.filling.0"}, headers=htmx).content.decode()

        assert "<p>City, Phone</p>" in fragment
        assert 'id="changed" hx-swap-oob="true"' in fragment

    def test_a_first_install_has_nothing_to_say(self, connected: Merchant) -> None:
        assert "since you last looked" not in words(connected, "/stores/1003/")
        assert Store.objects.get().store_id == 1003
