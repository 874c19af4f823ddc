"""Each day's numbers agree with what happened, and outlive the rows they were counted from."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Store
from installs import tasks
from installs.actions import prune, tally
from installs.models import Happening, Installation, InstallAttempt, Tally, WebhookEvent
from tests.cast import long_ago, work
from tests.deliveries import deliver, event
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

FUNNEL = ("visits", "exchanged", "signed_in", "prefilled", "onboarded")


def today() -> Tally:
    tasks.tally()
    return Tally.objects.get(day=datetime.now(UTC).date())


def funnel(row: Tally) -> tuple[int, ...]:
    return tuple(getattr(row, name) for name in FUNNEL)


def uninstall(merchant: Merchant) -> None:
    merchant.sandbox.uninstall("demo-app", merchant.store_id)
    deliver(event("application.uninstalled", merchant.store_id))
    tasks.drain()


def send_back(days: int) -> None:
    """Let everything have happened so many days earlier."""
    past = datetime.now(UTC) - timedelta(days=days)
    InstallAttempt.objects.update(arrived_at=past)
    Happening.objects.update(at=past, last_at=past)
    WebhookEvent.objects.update(received_at=past)


class TestFunnel:
    """How far the visits of a day came, and why the others did not."""

    def test_each_step_counts_those_who_came_that_far(self, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        stranger.install(from_admin=False)
        merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
        work()
        merchant.post("/stores/1003/onboarding/finish/")

        row = today()
        assert funnel(row) == (3, 2, 1, 1, 1)
        assert row.outcomes == {"code_rejected": 1}

    def test_a_first_run_page_finished_a_day_later_counts_for_the_day_of_the_visit(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        send_back(days=1)
        tasks.tally()
        yesterday = Tally.objects.filter(day=datetime.now(UTC).date() - timedelta(days=1))
        assert funnel(yesterday.get()) == (1, 1, 1, 1, 0)
        Store.objects.update(onboarded_at=datetime.now(UTC))
        Tally.objects.update(counted_at=long_ago() - timedelta(hours=2))
        tasks.tally()

        assert funnel(yesterday.get()) == (1, 1, 1, 1, 1)

    def test_settings_that_could_not_be_read_say_why(self, merchant: Merchant) -> None:
        merchant.store_id = 1012  # on the free plan
        merchant.install()
        work()

        assert today().unread == {"paused": 1}


class TestComingAndGoing:
    """Installs and uninstalls add up to what stands."""

    def test_net_is_what_stands(self, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        uninstall(merchant)
        merchant.install()
        stranger.install()

        row = today()
        assert (row.installs, row.uninstalls) == (3, 1)
        assert row.installs - row.uninstalls == Installation.objects.installed().count()

    def test_connecting_a_connected_store_anew_wins_nothing(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.install()

        assert merchant.installation.generation == 2
        assert today().installs == 1


class TestKeeping:
    """Counting again changes nothing, whatever has gone meanwhile."""

    def test_counting_twice_is_counting_once(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        before = today()
        after = today()

        assert funnel(before) == funnel(after)
        assert (before.pk, before.installs, before.events) == (after.pk, after.installs, after.events)

    def test_numbers_outlive_what_is_pruned(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
        deliver(event("order.created"))
        deliver(event("order.created"), secret="w" * 32)
        tasks.drain()
        send_back(days=100)
        tasks.tally()
        day = datetime.now(UTC).date() - timedelta(days=100)
        known = Tally.objects.filter(day=day).values("visits", "events", "outcomes").get()
        while prune.prune():
            pass
        assert not WebhookEvent.objects.exists()
        tally.recount(day, day)

        assert known == {"visits": 2, "events": 1, "outcomes": {"code_rejected": 1}}
        assert Tally.objects.filter(day=day).values("visits", "events", "outcomes").get() == known
        assert today().rejected == {"signature": 1}

    def test_lost_rows_are_counted_anew(self, merchant: Merchant) -> None:
        merchant.install()
        send_back(days=40)
        tasks.tally()
        known = set(Tally.objects.values_list("day", "visits", "installs"))
        Tally.objects.all().delete()
        tasks.tally()

        assert set(Tally.objects.values_list("day", "visits", "installs")) == known

    def test_days_that_nobody_counted_are_caught_up(self, merchant: Merchant) -> None:
        merchant.install()
        send_back(days=10)
        Tally.objects.create(app=merchant.app, day=datetime.now(UTC).date() - timedelta(days=20), counted_at=long_ago())
        tasks.tally()

        assert Tally.objects.get(day=datetime.now(UTC).date() - timedelta(days=10)).visits == 1


def test_health_is_counted_as_each_row_tells_it(merchant: Merchant, stranger: Merchant) -> None:
    merchant.install()
    stranger.install()
    work()
    uninstall(stranger)

    assert today().health == {"": 1, "uninstalled": 1}


def test_the_number_of_queries_grows_with_neither_rows_nor_apps(merchant: Merchant, stranger: Merchant) -> None:
    merchant.install()
    tasks.tally()
    with CaptureQueriesContext(connection) as few:
        tasks.tally()
    stranger.install()
    work()
    with CaptureQueriesContext(connection) as more:
        tasks.tally()

    assert len(more) == len(few)


class TestHappenings:
    """What happened to a token and to the settings is written down; the same again counts up."""

    def test_a_token_that_answers_every_day_is_one_row(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        for _ in range(3):
            Installation.objects.update(probe_due_at=long_ago())
            tasks.probe(merchant.installation.pk)

        read, probed = merchant.installation.happenings.order_by("pk")
        assert (read.kind, read.outcome, read.times) == ("prefill", "done", 1)
        assert (probed.kind, probed.outcome, probed.times) == ("probe", "alive", 3)
        assert probed.took_ms is not None

    def test_each_turn_of_events_is_a_row_of_its_own(self, merchant: Merchant) -> None:
        merchant.install()
        merchant.sandbox.disturb("profile", "server_error")
        work()
        uninstall(merchant)

        kinds = list(merchant.installation.happenings.order_by("pk").values_list("kind", "outcome"))
        assert kinds == [("prefill", "Unreachable"), ("uninstalled", "")]

    def test_they_go_in_time_but_uninstalls_stay(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        uninstall(merchant)
        send_back(days=91)
        tasks.prune()

        assert [row.kind for row in Happening.objects.all()] == ["uninstalled"]
