"""After the first minute: uninstall, reinstall, late and lost events. What Ecwid says now is the truth."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings

from accounts.models import Session, StoreSettings, User
from installs import actions, events, pace, tasks
from installs.ecwid import api, errors
from installs.ecwid import pace as pacing
from installs.models import Erasure, Installation, WebhookEvent
from tests.cast import long_ago, make_app, make_due, work
from tests.deliveries import deliver, event
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)


def hear(event_type: str, store_id: int = 1003, **changes: object) -> WebhookEvent:
    """Receive one event and handle what is due."""
    body = event(event_type, store_id, **changes)
    assert deliver(body).status_code == 200
    tasks.drain()
    return WebhookEvent.objects.get(event_id=body["eventId"])


def ask(_event: WebhookEvent, installation: Installation) -> None:
    """What a product does with the news: it asks Ecwid and lets refusals rise."""
    api.get(installation.credentials(), "/profile")


def refused(_event: WebhookEvent, _installation: Installation) -> None:
    raise errors.TokenDead


def a_while_goes_by(merchant: Merchant) -> None:
    """Do what probes and the queue would do by and by."""
    Installation.objects.filter(probe_due_at__isnull=False).update(probe_due_at=long_ago())
    tasks.probe(merchant.installation.pk)
    make_due()
    work()
    tasks.drain()


def outcome(row: WebhookEvent) -> str:
    row.refresh_from_db()
    return row.outcome


class TestUninstall:
    """Believed when the token is dead, and not before."""

    def test_a_true_uninstall_closes_the_installation(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        merchant.sandbox.uninstall("demo-app", 1003)
        heard = hear("application.uninstalled")

        closed = merchant.installation
        assert outcome(heard) == "uninstalled"
        assert closed.state == "uninstalled"
        assert (closed.secret_token, closed.public_token) == ("", "")
        assert closed.health == "broken"
        assert closed.erase_due_at is not None
        assert StoreSettings.objects.get().store_name == "Paper Trail"

    def test_a_forged_or_mistaken_one_changes_nothing_and_raises_an_alarm(
        self, merchant: Merchant, caplog: pytest.LogCaptureFixture
    ) -> None:
        merchant.install()
        work()
        before = Installation.objects.values().get() | {"probed_at": None, "probe_due_at": None}
        heard = hear("application.uninstalled")

        assert outcome(heard) == "contradicted"
        assert Installation.objects.values().get() | {"probed_at": None, "probe_due_at": None} == before
        assert merchant.get(merchant.page).status_code == 200
        assert "uninstall_contradicted" in [record.getMessage() for record in caplog.records]

    def test_a_late_one_after_a_reinstall_is_stale(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.uninstall("demo-app", 1003)
        left_at = int(datetime.now(UTC).timestamp()) - 60
        merchant.install()
        heard = hear("application.uninstalled", eventCreated=left_at)

        assert outcome(heard) == "stale"
        assert merchant.installation.state == "installed"
        assert merchant.installation.generation == 2

    @pytest.mark.parametrize("how", ["rate_limited", "server_error", "dropped"])
    def test_while_ecwid_cannot_tell_nothing_is_decided(self, merchant: Merchant, how: str) -> None:
        merchant.install()
        work()
        merchant.sandbox.uninstall("demo-app", 1003)
        merchant.sandbox.disturb("profile", how)
        heard = hear("application.uninstalled")
        heard.refresh_from_db()
        assert (heard.state, merchant.installation.state) == ("waiting", "installed")
        make_due()
        tasks.drain()

        if how != "rate_limited":
            assert outcome(heard) == "uninstalled"
        assert merchant.installation.state == ("installed" if how == "rate_limited" else "uninstalled")

    def test_a_blocked_token_that_answers_403_is_not_taken_for_dead(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.disturb("profile", "rate_limited", seconds=60)
        work()
        merchant.sandbox.disturb("profile", "forbidden", times=5)
        heard = hear("application.uninstalled")

        heard.refresh_from_db()
        assert heard.state == "waiting"
        assert merchant.installation.token_died_at is None

    def test_a_suspended_store_is_not_an_uninstalled_one(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.stores[1003].suspended = True
        hear("application.uninstalled")

        assert merchant.installation.state == "installed"
        assert (merchant.installation.health, merchant.installation.reason) == ("degraded", "paused")

    def test_people_with_no_other_store_are_signed_out(self, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        stranger.install()
        merchant.sandbox.uninstall("demo-app", 1003)
        hear("application.uninstalled")

        assert merchant.get(merchant.page).status_code == 302
        assert stranger.get(stranger.page).status_code == 200
        assert Session.objects.filter(user=merchant.store.owner).count() == 0

    def test_an_uninstall_nobody_told_us_of_is_noticed_and_counts_the_same(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        calls = len(merchant.sandbox.calls)
        merchant.sandbox.uninstall("demo-app", 1003)
        for _ in range(4):
            Installation.objects.filter(probe_due_at__isnull=False).update(probe_due_at=long_ago())
            for pk in Installation.objects.values_list("pk", flat=True):
                tasks.probe(pk)

        assert merchant.installation.state == "uninstalled"
        assert merchant.installation.secret_token == ""
        assert len(merchant.sandbox.calls) - calls == 2

    def test_between_suspicion_and_certainty_nothing_else_calls(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.uninstall("demo-app", 1003)
        work()
        calls = len(merchant.sandbox.calls)
        merchant.post("/stores/1003/sync/")
        hear("profile.updated")
        hear("application.subscriptionStatusChanged")
        make_due()
        work()

        assert (merchant.installation.health, merchant.installation.reason) == ("broken", "disconnected")
        assert len(merchant.sandbox.calls) == calls

    @pytest.mark.parametrize("news", ["application.subscriptionStatusChanged", "order.created", "profile.updated"])
    def test_a_dead_token_is_called_twice_at_most_whatever_is_heard_first(self, merchant: Merchant, news: str) -> None:
        """The news of the uninstall was lost: a handler is the first to be refused, ours or a product's."""
        merchant.install()
        work()
        merchant.sandbox.uninstall("demo-app", 1003)
        calls = len(merchant.sandbox.calls)
        with events.registered(ask, "order.created", "profile.updated", app="demo-app"):
            heard = [hear(news), hear(news)]
            assert (merchant.installation.health, merchant.installation.reason) == ("broken", "disconnected")
            for _ in range(12):
                a_while_goes_by(merchant)

        assert [outcome(one) for one in heard] == ["disconnected"] * 2
        assert merchant.installation.state == "uninstalled"
        assert len(merchant.sandbox.calls) - calls == 2

    def test_news_waits_for_the_end_of_a_wrong_suspicion(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        merchant.sandbox.disturb("application", "forbidden")
        heard = [hear("application.subscriptionStatusChanged"), hear("application.subscriptionStatusChanged")]
        assert merchant.installation.reason == "disconnected"
        for _ in range(3):
            a_while_goes_by(merchant)

        assert [outcome(one) for one in heard] == ["active", "active"]
        assert merchant.installation.health == "ok"

    def test_a_token_that_only_one_call_refuses_is_not_suspected_for_ever(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        with events.registered(refused, "order.created", app="demo-app"):
            heard = hear("order.created")
            for _ in range(30):
                a_while_goes_by(merchant)

        heard.refresh_from_db()
        assert (heard.state, heard.tries, merchant.installation.health) == ("failed", 11, "ok")

    def test_a_blocked_token_is_not_suspected_by_a_handler(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        pace.shared().cool(pacing.key_of(merchant.installation.secret_token), 5.0)
        with events.registered(refused, "order.created", app="demo-app"):
            heard = hear("order.created")

        heard.refresh_from_db()
        assert (heard.state, heard.tries, merchant.installation.token_died_at) == ("waiting", 1, None)

    def test_a_product_is_not_asked_about_a_store_that_has_gone(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        merchant.sandbox.uninstall("demo-app", 1003)
        hear("application.uninstalled")
        calls = len(merchant.sandbox.calls)
        with events.registered(ask, "order.created", app="demo-app"):
            heard = hear("order.created")

        assert outcome(heard) == "disconnected"
        assert len(merchant.sandbox.calls) == calls

    @pytest.mark.parametrize("news", ["application.subscriptionStatusChanged", "order.created"])
    def test_news_of_a_suspended_store_waits_for_hours_and_loses_no_try(self, merchant: Merchant, news: str) -> None:
        merchant.install()
        work()
        merchant.sandbox.stores[1003].suspended = True
        with events.registered(ask, "order.created", app="demo-app"):
            heard = hear(news)
            assert (merchant.installation.health, merchant.installation.reason) == ("degraded", "paused")
            for _ in range(12):
                heard.refresh_from_db()
                assert (heard.state, heard.tries, heard.error) == ("waiting", 0, "paused")
                assert heard.due_at > datetime.now(UTC) + timedelta(hours=2)
                make_due()
                tasks.drain()
            merchant.sandbox.stores[1003].suspended = False
            a_while_goes_by(merchant)

        assert outcome(heard) == ("handled" if news == "order.created" else "active")
        assert merchant.installation.health == "ok"

    def test_a_wrong_suspicion_is_taken_back_and_the_work_resumed(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.disturb("profile", "forbidden")
        work()
        assert merchant.installation.health == "broken"
        Installation.objects.update(probe_due_at=long_ago())
        tasks.probe(merchant.installation.pk)
        work()

        assert merchant.installation.health == "ok"
        assert merchant.installation.prefill.state == "done"


class TestGenerations:
    """What was begun for an older install changes nothing in the one that stands (design rule 7)."""

    @pytest.fixture
    def older(self, merchant: Merchant) -> Installation:
        """The first generation, as a worker still holds it when the merchant has installed again."""
        merchant.install()
        older = merchant.installation
        merchant.sandbox.uninstall("demo-app", 1003)
        merchant.install()
        return older

    def rows(self) -> dict[str, object]:
        return dict(Installation.objects.values().get())

    @pytest.mark.parametrize("verdict", list(api.Probe))
    def test_an_older_probe(self, older: Installation, verdict: api.Probe) -> None:
        before = self.rows()
        actions.probe.follow(older, verdict)
        older.token_died_at = datetime.now(UTC)
        actions.probe.follow(older, verdict)

        assert self.rows() == before
        assert Session.objects.exists()

    def test_an_older_uninstall(self, older: Installation) -> None:
        before = self.rows()

        assert not actions.uninstall.close(installation=older, at=datetime.now(UTC))
        assert self.rows() == before


class TestReinstall:
    """The account is found again, with what changed meanwhile."""

    def test_the_merchant_finds_the_account_and_hears_what_changed(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        merchant.post("/stores/1003/settings/phone/", {"phone": "+31 20 555 0100"})
        merchant.sandbox.uninstall("demo-app", 1003)
        hear("application.uninstalled")
        merchant.sandbox.stores[1003].profile["company"]["city"] = "Rotterdam"
        merchant.install()
        work()

        back = merchant.installation
        settings = StoreSettings.objects.get()
        assert (back.state, back.generation, back.health) == ("installed", 2, "ok")
        assert (settings.city, settings.phone) == ("Rotterdam", "+31 20 555 0100")
        assert back.prefill.changed_since == ["city"]
        assert back.erase_due_at is None
        assert User.objects.count() == 1

    def test_after_the_erasure_the_account_fills_anew(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        merchant.sandbox.uninstall("demo-app", 1003)
        hear("application.uninstalled")
        Installation.objects.update(erase_due_at=long_ago())
        tasks.erase(merchant.installation.pk)
        assert StoreSettings.objects.get().store_name == ""
        merchant.install()
        work()

        assert StoreSettings.objects.get().store_name == "Paper Trail"
        assert merchant.installation.erased_at is None


class TestErasure:
    """Kept until the date the operator set for the app, then gone, with a receipt."""

    def close(self, merchant: Merchant) -> Installation:
        merchant.install()
        work()
        merchant.sandbox.uninstall(merchant.app.client_id, merchant.store_id)
        tasks.drain()
        Installation.objects.filter(app=merchant.app, store=merchant.store).update(
            token_died_at=long_ago(), probe_due_at=long_ago()
        )
        tasks.probe(merchant.installation.pk)
        return merchant.installation

    def test_the_date_is_the_app_s_retention(self, merchant: Merchant) -> None:
        merchant.app.retention_days = 7
        merchant.app.save()
        closed = self.close(merchant)

        assert closed.uninstalled_at is not None
        assert closed.erase_due_at == closed.uninstalled_at + timedelta(days=7)

    def test_nothing_goes_before_its_date(self, merchant: Merchant) -> None:
        closed = self.close(merchant)
        tasks.sweep()
        tasks.erase(closed.pk)

        assert StoreSettings.objects.get().contact_email == "orders@papertrail.example"
        assert not Erasure.objects.exists()

    def test_personal_data_goes_and_other_stores_stay(self, merchant: Merchant, stranger: Merchant) -> None:
        stranger.install()
        work()
        others = StoreSettings.objects.filter(store=stranger.store).values().get()
        closed = self.close(merchant)
        Installation.objects.filter(pk=closed.pk).update(erase_due_at=long_ago())
        tasks.erase(closed.pk)

        settings = StoreSettings.objects.get(store=merchant.store)
        assert (settings.contact_email, settings.phone, settings.street, settings.origins) == ("", "", "", {})
        assert settings.currency == "EUR"
        assert (merchant.store.owner.name, merchant.store.owner.email) == ("", "")
        assert StoreSettings.objects.filter(store=stranger.store).values().get() == others
        receipt = Erasure.objects.get()
        assert receipt.store_id == 1003
        assert receipt.counts["settings"] > 5

    def test_another_app_on_the_store_keeps_the_settings(self, merchant: Merchant, settings: LazySettings) -> None:
        closed = self.close(merchant)
        merchant.app = make_app(merchant.sandbox, settings, "demo-two", "Label Maker")
        merchant.install()
        work()
        Installation.objects.filter(pk=closed.pk).update(erase_due_at=long_ago())
        tasks.erase(closed.pk)

        assert StoreSettings.objects.get().contact_email == "orders@papertrail.example"
        assert not Erasure.objects.exists()


class TestWhatElseEcwidTells:
    """Each event asks Ecwid and then changes rows."""

    def test_a_changed_profile_reaches_the_settings(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        merchant.sandbox.stores[1003].profile["settings"]["storeName"] = "Paper & Pen"
        hear("profile.updated")
        work()

        assert StoreSettings.objects.get().store_name == "Paper & Pen"

    def test_many_changes_make_one_prefill(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        before = len(merchant.sandbox.calls_of("profile"))
        for _ in range(5):
            deliver(event("profile.updated"))
        tasks.drain()
        work()

        assert len(merchant.sandbox.calls_of("profile")) == before + 1

    @pytest.mark.parametrize("status", ["ACTIVE", "TRIAL", "SUSPENDED"])
    def test_the_subscription_is_read_not_believed(self, merchant: Merchant, status: str) -> None:
        merchant.install()
        work()
        merchant.sandbox.subscription("demo-app", 1003, status)
        hear("application.subscriptionStatusChanged", data={"newSubscriptionStatus": "NONSENSE"})

        assert merchant.installation.subscription_status == status
        assert merchant.installation.health == ("degraded" if status == "SUSPENDED" else "ok")

    def test_a_status_that_is_longer_than_any_we_know_is_cut(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.subscription("demo-app", 1003, "x" * 45)
        work()
        assert (merchant.installation.prefill.state, merchant.installation.subscription_status) == ("done", "X" * 20)
        assert outcome(hear("application.subscriptionStatusChanged")) == "x" * 20

    @pytest.mark.parametrize("said", ["looked at and found to say nothing new", "a\x00" * 40], ids=["long", "odd"])
    def test_what_a_product_says_at_length_is_cut(self, merchant: Merchant, said: str) -> None:
        merchant.install()
        with events.registered(lambda *_: said, "order.created", app="demo-app"):
            heard = hear("order.created")

        assert outcome(heard) == said.replace("\x00", "")[:30]
        assert heard.state == "done"

    def test_an_event_of_an_unknown_store_is_kept_and_does_nothing(self, merchant: Merchant) -> None:
        assert outcome(hear("order.created", 4242)) == "unknown store"
        assert merchant.sandbox.calls == []

    def test_installed_before_the_merchant_arrives_waits_for_them(self, merchant: Merchant) -> None:
        heard = hear("application.installed")
        heard.refresh_from_db()
        assert heard.state == "waiting"
        merchant.install()
        make_due()
        tasks.drain()

        assert outcome(heard) == "token alive"

    def test_an_unknown_type_is_stored_and_counted(self, merchant: Merchant) -> None:
        merchant.install()
        assert outcome(hear("size_chart.created")) == "no handler"


def test_every_order_of_events_ends_where_ecwid_is(merchant: Merchant, settings: LazySettings) -> None:
    """Install, uninstall and reinstall happen in their order; the news of them comes in every other."""
    news = ("application.installed", "application.uninstalled", "application.installed", "application.uninstalled")
    for number, (order, installed_at_last) in enumerate(
        itertools.product(sorted(set(itertools.permutations(news[:3]))), (True, False))
    ):
        merchant.app = make_app(merchant.sandbox, settings, f"app-{number}", "An app")
        path = f"/apps/app-{number}/webhook/"
        merchant.install()
        deliver(event(order[0]), path=path)
        tasks.drain()
        merchant.sandbox.uninstall(merchant.app.client_id, 1003)
        deliver(event(order[1]), path=path)
        if installed_at_last:
            merchant.install()
        deliver(event(order[2]), path=path)
        for _ in range(3):
            make_due()
            tasks.drain()

        truth = bool(merchant.sandbox.live_tokens(merchant.app.client_id, 1003))
        heard_of_the_end = "application.uninstalled" in order[1:] or truth
        if heard_of_the_end:
            assert (merchant.installation.state == "installed") == truth, (order, installed_at_last)
        if truth:
            assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens(merchant.app.client_id, 1003)
