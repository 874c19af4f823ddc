"""Operators act on one installation or many: they see what will happen, say why, and can follow what came of it."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.http import HttpResponse
from django.test import Client

from accounts.models import AuditEntry, Letter, Store, StoreSettings, User
from installs import tasks
from installs.actions import deeds, jobs, prune, remind
from installs.models import Erasure, Happening, Installation, Job, JobItem, Leased, Prefill, WebhookEvent
from tests.cast import long_ago, work
from tests.deliveries import deliver
from tests.letters import post
from tests.people import Merchant, let_in
from tests.signed import event
from tests.test_alerts import at_once

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/installs/installation/"
JOBS = "/admin/installs/job/"
ANSWER = {"confirmed": "yes", "reason": "ticket 4711"}


@pytest.fixture
def operator() -> Client:
    client = Client()
    let_in(client, User.objects.create(username="operator", is_staff=True, is_superuser=True))
    return client


@pytest.fixture(autouse=True)
def _installed(merchant: Merchant, stranger: Merchant) -> None:
    for one in (merchant, stranger):
        one.install()
    work()


def choose(client: Client, deed: str, *rows: Installation, query: str = "", **more: Any) -> HttpResponse:
    """Run an action of the list on some rows; `more` answers its page."""
    chosen = {"action": deed, "_selected_action": [str(row.pk) for row in rows]}
    return client.post(f"{LIST}{query}", chosen | more)  # type: ignore[return-value]


def order(client: Client, deed: str, *rows: Installation, **more: Any) -> Job:
    """Have a deed done to some rows and return its job."""
    choose(client, deed, *rows, **ANSWER | {"seen": str(len(rows))} | more)
    return Job.objects.latest("pk")


def words(job: Job) -> dict[int, str]:
    return dict(job.items.values_list("target", "words"))


def crowd(merchant: Merchant, number: int) -> None:
    """Put many installed stores into the database."""
    now = datetime.now(UTC)
    stores = Store.objects.bulk_create(Store(store_id=50_000 + at) for at in range(number))
    StoreSettings.objects.bulk_create(StoreSettings(store=store) for store in stores)
    facts = {"scopes": merchant.installation.scopes, "installed_at": now, "probe_due_at": now + timedelta(days=1)}
    rows = Installation.objects.bulk_create(Installation(app=merchant.app, store=store, **facts) for store in stores)
    Prefill.objects.bulk_create(Prefill(installation=row, due_at=now, state="done") for row in rows)


class TestAsking:
    """Nothing happens before the operator has seen what will, and has said why."""

    def test_the_page_says_how_many_will_and_how_many_won_t_and_why(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        Installation.objects.filter(pk=stranger.installation.pk).update(held_at=datetime.now(UTC))
        shown = choose(operator, "probe", merchant.installation, stranger.installation).content.decode()

        assert re.search(r">1</dt>\s*<dd[^>]*>of 2: it will be done", shown)
        assert re.search(r">1</dt>\s*<dd[^>]*>will be left alone: an operator has paused it", shown)
        assert not Job.objects.exists()

    @pytest.mark.parametrize("missing", [{"reason": ""}, {"reason": " x "}, {"confirmed": None}])
    def test_without_a_reason_or_an_answer_nothing_is_done(
        self, operator: Client, merchant: Merchant, missing: dict[str, Any]
    ) -> None:
        answer = {name: value for name, value in (ANSWER | {"seen": "1"} | missing).items() if value is not None}
        assert choose(operator, "hold", merchant.installation, **answer).status_code == 200
        assert (merchant.installation.held_at, Job.objects.count()) == (None, 0)

    def test_following_a_button_changes_nothing(self, operator: Client, merchant: Merchant) -> None:
        before = Installation.objects.values().get(pk=merchant.installation.pk)
        page = operator.get(f"{LIST}{merchant.installation.pk}/change/").content.decode()
        found = set(re.findall(rf'href="{LIST}{merchant.installation.pk}/([a-z-]+)/"', page)) & set(deeds.DEEDS)
        assert found >= {"probe", "sync", "hold"}
        for name in found:
            assert operator.get(f"{LIST}{merchant.installation.pk}/{name}/").status_code == 200
        assert Installation.objects.values().get(pk=merchant.installation.pk) == before
        assert not Job.objects.exists()

    def test_a_row_s_page_offers_what_would_do_something(self, operator: Client, merchant: Merchant) -> None:
        def offered() -> set[str]:
            page = operator.get(f"{LIST}{merchant.installation.pk}/change/").content.decode()
            return set(re.findall(rf'href="{LIST}{merchant.installation.pk}/([a-z-]+)/"', page))

        assert {"resume", "reconnect", "replay", "erase"}.isdisjoint(offered())
        order(operator, "hold", merchant.installation)
        assert "resume" in offered()
        assert {"hold", "probe"}.isdisjoint(offered())

    def test_more_rows_than_were_seen_are_asked_about_again(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        both = (merchant.installation, stranger.installation)
        shown = choose(operator, "hold", *both, **ANSWER, seen="1").content.decode()
        assert "More rows than you saw" in shown
        assert 'name="seen" value="2"' in shown
        assert not Installation.objects.exclude(held_at=None).exists()

    def test_a_grave_deed_to_many_wants_their_number_typed(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        both = (merchant.installation, stranger.installation)
        Installation.objects.update(scopes=["update_store_profile"])
        for typed in ("", "3"):
            choose(operator, "disconnect", *both, **ANSWER, seen="2", typed=typed)
            assert not Job.objects.exists()
        order(operator, "disconnect", *both, typed="2")
        assert Job.objects.count() == 1

    def test_who_may_only_look_can_neither_ask_nor_answer(self, merchant: Merchant) -> None:
        onlooker = Client()
        user = User.objects.create(username="onlooker", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        let_in(onlooker, user)
        pk = merchant.installation.pk
        for name in ("probe", "hold", "disconnect", "erase"):
            assert onlooker.get(f"{LIST}{pk}/{name}/").status_code == 403
            assert onlooker.post(f"{LIST}{pk}/{name}/", ANSWER | {"seen": "1"}).status_code == 403
            choose(onlooker, name, merchant.installation, **ANSWER, seen="1")
        assert not Job.objects.exists()


class TestDeeds:
    """Each does what it says, to those it says."""

    def test_probe_asks_ecwid_soon(self, operator: Client, merchant: Merchant) -> None:
        order(operator, "probe", merchant.installation)
        Installation.objects.update(probed_at=None)
        tasks.probe(merchant.installation.pk)
        assert merchant.installation.probed_at is not None

    def test_sync_reads_again_and_keeps_the_merchant_s_edits(self, operator: Client, merchant: Merchant) -> None:
        merchant.post("/stores/1003/settings/phone/", {"phone": "+31 20 555 0100"})
        merchant.sandbox.stores[1003].profile["company"]["city"] = "Rotterdam"
        order(operator, "sync", merchant.installation)
        work()
        settings = merchant.store.settings
        assert (settings.city, settings.phone) == ("Rotterdam", "+31 20 555 0100")

    def test_pause_and_resume(self, operator: Client, merchant: Merchant) -> None:
        assert order(operator, "hold", merchant.installation).done == 1
        assert merchant.installation.reason == "held"
        assert order(operator, "resume", merchant.installation).done == 1
        assert merchant.installation.reason == ""

    def test_the_link_to_reconnect_stands_on_the_job_s_page(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        Installation.objects.filter(pk=merchant.installation.pk).update(token_died_at=datetime.now(UTC))
        job = order(operator, "reconnect", merchant.installation, stranger.installation, seen="1")
        assert words(job)[merchant.installation.pk] == "http://testserver/apps/demo-app/connect/"
        assert words(job)[stranger.installation.pk] == "it is connected and lacks no permission"
        assert "http://testserver/apps/demo-app/connect/" in operator.get(f"{JOBS}{job.pk}/change/").content.decode()

    def test_the_link_to_reconnect_is_mailed_to_the_owner_in_the_store_s_language_once_a_day(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        Installation.objects.filter(pk=merchant.installation.pk).update(token_died_at=datetime.now(UTC))
        StoreSettings.objects.filter(store=merchant.store).update(default_language="nl")
        job = order(operator, "mail-reconnect", merchant.installation, stranger.installation, seen="1")
        assert words(job)[merchant.installation.pk] == "mailed to an owner of the store"
        assert words(job)[stranger.installation.pk] == "it is connected and lacks no permission"

        assert post() == ["/apps/demo-app/connect/"]
        (mailed,) = mail.outbox
        assert isinstance(mailed, EmailMultiAlternatives)
        assert mailed.to == [merchant.store.owner.email]
        assert merchant.store.display_name in mailed.subject
        assert "Opnieuw koppelen" in mailed.body
        assert "http://testserver/apps/demo-app/connect/" in str(mailed.alternatives[0])
        assert not re.search("(?i)ecwid|lightspeed", f"{mailed.subject} {mailed.body} {mailed.alternatives[0]}")
        again = choose(operator, "mail-reconnect", merchant.installation).content.decode()
        assert "its owner was mailed the link within a day" in again
        assert remind.remind(installation=merchant.installation) is None
        Happening.objects.update(last_at=datetime.now(UTC) - timedelta(hours=25))
        assert order(operator, "mail-reconnect", merchant.installation).done == 1

    def test_two_operators_at_once_have_it_mailed_once(self, merchant: Merchant) -> None:
        row = merchant.installation
        at_once(lambda: remind.remind(installation=row))
        assert Letter.objects.filter(kind="reconnect").count() == 1

    def test_a_mail_to_reconnect_is_on_record_without_the_address(self, operator: Client, merchant: Merchant) -> None:
        Installation.objects.update(token_died_at=datetime.now(UTC))
        order(operator, "mail-reconnect", merchant.installation)
        entry = AuditEntry.objects.about(merchant.installation).get()
        assert (entry.by_name, entry.reason) == ("operator", "ticket 4711")
        assert entry.what.startswith("Mail the link to reconnect")
        stands = [list(kind._default_manager.values()) for kind in (AuditEntry, Job, JobItem, Happening)]
        assert merchant.store.owner.email not in str(stands)
        page = operator.get(f"{LIST}{merchant.installation.pk}/change/").content.decode()
        assert "Link to reconnect: mailed" in page

    def test_nobody_to_write_to_is_said(self, operator: Client, merchant: Merchant) -> None:
        Installation.objects.update(token_died_at=datetime.now(UTC))
        User.objects.filter(pk=merchant.store.owner.pk).update(email="")
        page = choose(operator, "mail-reconnect", merchant.installation).content.decode()
        assert "no owner of its store has an e-mail address" in page

    def test_disconnect_removes_the_app_at_ecwid(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        apps = merchant.sandbox.world.apps
        apps["demo-app"] = replace(apps["demo-app"], scopes=(*merchant.app.wanted_scopes, "update_store_profile"))
        merchant.install()
        job = order(operator, "disconnect", merchant.installation, stranger.installation, seen="1")
        assert job.state == "waiting"
        tasks.job(job.pk)

        job.refresh_from_db()
        assert (job.state, job.done, job.left) == ("done", 1, 1)
        assert merchant.installation.state == "uninstalled"
        assert stranger.installation.state == "installed"
        assert "the merchant has to" in words(job)[stranger.installation.pk]
        assert merchant.sandbox.live_tokens("demo-app", 1003) == []

    def test_erase_leaves_a_receipt_and_no_connected_store_is_touched(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        merchant.sandbox.uninstall("demo-app", 1003)
        deliver(event("application.uninstalled"))
        tasks.drain()
        job = order(operator, "erase", merchant.installation, stranger.installation, seen="1")
        assert (job.done, job.left) == (1, 1)
        assert merchant.store.settings.store_name == ""
        assert stranger.store.settings.store_name != ""
        assert "ticket 4711" in Erasure.objects.get().reason

    def test_failed_events_are_put_back(self, operator: Client, merchant: Merchant, stranger: Merchant) -> None:
        for store in (1003, 1004):
            deliver(event("order.created", store_id=store))
        tasks.drain()
        WebhookEvent.objects.filter(store_id=1003).update(state="failed")
        job = order(operator, "replay", merchant.installation, stranger.installation, seen="1")
        assert words(job)[merchant.installation.pk] == "events put back: 1"
        assert [row.store_id for row in WebhookEvent.objects.due()] == [1003]

    def test_what_changed_since_the_page_was_seen_is_left_alone(self, operator: Client, merchant: Merchant) -> None:
        job = deeds.order(
            deed=deeds.DEEDS["probe"],
            rows=Installation.objects.all(),
            reason="test",
            by=User.objects.get(is_staff=True),
        )
        Installation.objects.filter(pk=merchant.installation.pk).update(uninstalled_at=datetime.now(UTC))
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.done, job.left) == (1, 1)
        assert words(job)[merchant.installation.pk] == "it is uninstalled"


def test_an_erasure_takes_the_reasons_of_the_store_s_own_jobs_along(operator: Client, merchant: Merchant) -> None:
    alone = order(operator, "hold", merchant.installation, reason="Mrs Smith of the shop asked")
    together = deeds.order(
        deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="an outage", by=_somebody()
    )
    merchant.sandbox.uninstall("demo-app", 1003)
    deliver(event("application.uninstalled"))
    tasks.drain()
    order(operator, "erase", merchant.installation)
    for job in (alone, together):
        job.refresh_from_db()
    assert (alone.reason, together.reason) == ("", "an outage")


class TestRecord:
    """Who had what done, why, to which rows, and what came of it."""

    def test_it_stands_in_the_histories_with_its_reason(self, operator: Client, merchant: Merchant) -> None:
        job = order(operator, "hold", merchant.installation)
        for path in (f"{LIST}{merchant.installation.pk}/history/", f"{JOBS}{job.pk}/history/"):
            shown = operator.get(path, follow=True).content.decode()
            assert "ticket 4711" in shown
            assert "operator" in shown

    def test_one_row_s_deed_ends_on_its_page_and_says_what_came_of_it(
        self, operator: Client, merchant: Merchant
    ) -> None:
        page = f"{LIST}{merchant.installation.pk}/"
        answer = operator.post(f"{page}hold/", ANSWER | {"seen": "1"}, follow=True)
        assert answer.redirect_chain[-1][0] == f"{page}change/"
        assert "Pause: paused." in answer.content.decode()

    def test_the_report_has_a_line_for_every_row(
        self, operator: Client, merchant: Merchant, stranger: Merchant
    ) -> None:
        Installation.objects.filter(pk=stranger.installation.pk).update(held_at=datetime.now(UTC))
        job = order(operator, "probe", merchant.installation, stranger.installation, seen="1")
        answer = operator.get(f"{JOBS}{job.pk}/report.csv")
        lines = list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))
        assert [(line["row"], line["outcome"]) for line in lines] == [
            ("demo-app on store 1003", "done"), ("demo-app on store 1004", "left"),
        ]  # fmt: skip

    def test_the_list_of_jobs_and_a_job_s_filters_open(self, operator: Client, merchant: Merchant) -> None:
        job = order(operator, "hold", merchant.installation)
        assert "ticket 4711" in operator.get(JOBS).content.decode()
        for query in ("", "?outcome=done", "?outcome=nonsense", "?p=99"):
            assert operator.get(f"{JOBS}{job.pk}/change/{query}").status_code == 200
        assert operator.post(f"{JOBS}{job.pk}/delete/", {"post": "yes"}).status_code == 403


class TestMany:
    """A filter's worth of rows is a job: chosen at once, done in steps, stopped and killed without harm."""

    def test_all_that_a_filter_leaves_become_a_job_s_rows(self, operator: Client, merchant: Merchant) -> None:
        crowd(merchant, 300)
        Installation.objects.filter(store__store_id__gte=50_200).update(held_at=datetime.now(UTC))
        query = "?reason=fine"
        first = merchant.installation
        shown = choose(operator, "hold", first, query=query, select_across="1").content.decode()
        assert "of 202: it will be done" in shown
        choose(operator, "hold", first, query=query, select_across="1", **ANSWER, seen="202")
        job = Job.objects.get()
        assert (job.total, job.state, job.seen) == (202, "waiting", 0)
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.done) == ("done", 202)
        assert Installation.objects.exclude(held_at=None).count() == 302

    def test_a_killed_worker_s_job_goes_on_where_it_was(self, merchant: Merchant, operator: Client) -> None:
        crowd(merchant, 20)
        job = deeds.order(deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="test", by=_somebody())
        dead = Job.claim(job.pk)
        assert dead is not None
        done = dict(job.items.order_by("pk").values_list("pk", "words")[:8])
        assert jobs.note(dead, JobItem.objects.filter(job=job), dict.fromkeys(done, ("done", "paused")))
        assert jobs.work(job_id=job.pk) is False  # its lease still runs
        Job.objects.update(lease_until=long_ago())
        tasks.job(job.pk)

        job.refresh_from_db()
        assert (job.state, job.total, job.done) == ("done", 22, 22)
        assert not jobs.note(dead, JobItem.objects.filter(job=job), {next(iter(done)): ("failed", "too late")})
        job.refresh_from_db()
        assert job.failed == 0

    def test_a_stopped_job_does_no_more(self, operator: Client, merchant: Merchant) -> None:
        job = deeds.order(deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="test", by=_somebody())
        assert operator.get(f"{JOBS}{job.pk}/stop/").status_code == 405
        operator.post(f"{JOBS}{job.pk}/stop/")
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.error, job.seen) == ("failed", "stopped by an operator", 0)
        assert not Installation.objects.exclude(held_at=None).exists()

    def test_a_job_that_nothing_helps_is_given_up(self, merchant: Merchant, operator: Client) -> None:
        job = deeds.order(deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="test", by=_somebody())
        for _ in range(6):
            assert Job.claim(job.pk) is not None
            Job.objects.update(lease_until=long_ago())
        tasks.job(job.pk)
        job.refresh_from_db()
        assert (job.state, job.seen) == (Leased.State.FAILED, 0)

    def test_an_old_job_goes_with_its_rows_and_an_open_one_stays(self, operator: Client, merchant: Merchant) -> None:
        for age in (timedelta(days=181), timedelta(days=1), None):
            job = deeds.order(deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="x", by=_somebody())
            Job.objects.filter(pk=job.pk).update(ended_at=datetime.now(UTC) - age if age else None)
        prune.prune()
        assert (Job.objects.count(), JobItem.objects.count()) == (2, 4)

    def test_the_page_looks_again_only_while_it_goes_on(self, operator: Client, merchant: Merchant) -> None:
        job = deeds.order(deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="test", by=_somebody())
        assert "every 2s" in operator.get(f"{JOBS}{job.pk}/change/").content.decode()
        tasks.job(job.pk)
        assert "every 2s" not in operator.get(f"{JOBS}{job.pk}/change/").content.decode()


def _somebody() -> User:
    return User.objects.get(is_staff=True)
