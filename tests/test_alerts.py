"""Alerts: what is wrong is told once, to everybody who wants to know, and so is that it is over."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from django.conf import LazySettings
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connection

from installs import runbook, spool, tasks
from installs.actions import alarm, tell, troubles, vitals
from installs.ecwid import oauth
from installs.models import (
    THRESHOLDS,
    Alert,
    AlertDelivery,
    AlertReceiver,
    AlertRule,
    AppRegistration,
    Installation,
    InstallAttempt,
    PrivacyRequest,
    Pulse,
    Rule,
    WebhookEvent,
)
from tests.cast import long_ago, work
from tests.deliveries import deliver
from tests.ecwid.loopback import Answer, Site, closed_port
from tests.people import Merchant
from tests.signed import CLIENT_SECRET, event

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four bytes or more").decode()


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def seen(rule: Rule, limit: int | None = None) -> list[tuple[str, str]]:
    """Return what one rule sees now: subjects and texts."""
    limits = {rule: THRESHOLDS[rule].value if limit is None else limit}
    return [(one.subject, one.text) for one in troubles.seen(limits)]


@pytest.fixture
def operator() -> AlertReceiver:
    return AlertReceiver.objects.create(kind="mail", address="operator@hub.example")


@pytest.fixture
def pager() -> Iterator[Site]:
    """An address of the operators', which takes everything."""
    with Site(Answer(204)) as server:
        yield server


def receiver_at(server: Site, path: str = "/alerts") -> AlertReceiver:
    return AlertReceiver.objects.create(kind="webhook", address=f"{server.url}{path}", secret=SECRET)


def at_once(job: Callable[[], object], times: int = 4) -> None:
    """Do a job several times at the same moment, each with a database connection of its own."""
    start = Barrier(times)

    def one(_: int) -> None:
        start.wait()
        try:
            job()
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(one, range(times)))


def wrong_secret(merchant: Merchant) -> None:
    """Press Install at an app whose client secret was entered wrongly."""
    merchant.app.client_secret = "Zz" * 16
    merchant.app.save()
    merchant.install()


def pass_on() -> None:
    """Do what workers would do now: every delivery that is due."""
    for pk in AlertDelivery.objects.due().values_list("pk", flat=True):
        tasks.deliver(pk)


class TestRules:
    """Each sees what it is for, and nothing else."""

    def test_a_wrong_client_secret_is_seen_until_it_is_entered_again(self, merchant: Merchant) -> None:
        wrong_secret(merchant)
        ((subject, text),) = seen(Rule.SECRET_WRONG)
        assert (subject, "1 exchange" in text) == ("demo-app", True)

        AppRegistration.objects.update(client_secret_set_at=datetime.now(UTC))
        assert seen(Rule.SECRET_WRONG) == []

    def test_a_good_exchange_ends_the_doubt_about_the_secret(self, merchant: Merchant) -> None:
        wrong_secret(merchant)
        merchant.app.client_secret = CLIENT_SECRET
        merchant.app.save()
        merchant.install()
        assert seen(Rule.SECRET_WRONG) == []

    @pytest.mark.parametrize(("failed", "told"), [(4, False), (5, True)])
    def test_exchanges_that_fail_count_from_five_on(self, merchant: Merchant, failed: int, told: bool) -> None:
        for _ in range(failed):
            merchant.sandbox.disturb("token", "server_error")
            merchant.install()
        assert bool(seen(Rule.EXCHANGES_FAIL)) == told

    def test_few_failures_among_many_good_ones_are_no_alarm(self, app: AppRegistration) -> None:
        for outcome, times in (("installed", 95), ("reply_lost", 5)):
            InstallAttempt.objects.bulk_create(
                InstallAttempt(app=app, client_id=app.client_id, outcome=outcome) for _ in range(times)
            )
        assert seen(Rule.EXCHANGES_FAIL) == []
        assert len(seen(Rule.EXCHANGES_FAIL, limit=5)) == 1

    def test_failures_of_long_ago_do_not_count(self, app: AppRegistration) -> None:
        InstallAttempt.objects.bulk_create(
            InstallAttempt(app=app, client_id=app.client_id, outcome="reply_lost", arrived_at=ago(minutes=20))
            for _ in range(9)
        )
        assert seen(Rule.EXCHANGES_FAIL) == []

    def test_an_install_that_never_came_to_us_is_seen_after_ten_minutes(self, app: AppRegistration) -> None:
        deliver(event("application.installed", store_id=1003))
        tasks.drain()
        assert seen(Rule.INSTALL_UNFINISHED) == []

        WebhookEvent.objects.update(received_at=ago(minutes=11))
        ((subject, text),) = seen(Rule.INSTALL_UNFINISHED)
        assert (subject, "1003" in text) == ("demo-app", True)

    def test_silence_and_refusals_are_two_rules(self, merchant: Merchant) -> None:
        merchant.install()
        Installation.objects.update(installed_at=ago(days=2))
        assert [subject for subject, _ in seen(Rule.WEBHOOKS_SILENT)] == ["demo-app"]
        assert seen(Rule.WEBHOOKS_SILENT, limit=72) == []

        for _ in range(3):
            deliver(event("order.created"), secret="w" * 32)
        assert [subject for subject, _ in seen(Rule.WEBHOOKS_REFUSED)] == ["demo-app"]
        assert seen(Rule.WEBHOOKS_REFUSED, limit=4) == []

    def test_the_doctors_own_knock_is_no_refusal(self, app: AppRegistration) -> None:
        for _ in range(3):
            deliver(b"{}", **{"X-Ecwid-Webhook-Signature": "doctor"})
        assert seen(Rule.WEBHOOKS_REFUSED) == []

    def test_dead_letters_and_old_queues_are_seen(self, merchant: Merchant) -> None:
        merchant.install()
        deliver(event("order.created"))
        WebhookEvent.objects.update(due_at=ago(minutes=11))
        assert [subject for subject, _ in seen(Rule.QUEUE_OLD)] == ["events"]

        WebhookEvent.objects.update(state="failed")
        assert seen(Rule.QUEUE_OLD) == []
        assert [text for _, text in seen(Rule.DEAD_LETTERS)] == ["1 events failed for good and wait for an operator."]

    @pytest.mark.parametrize(("gone", "told"), [(4, False), (5, True)])
    def test_many_stores_that_drop_away_within_a_day_are_seen(self, merchant: Merchant, gone: int, told: bool) -> None:
        for store_id in (1003, 1004, 1005, 1006, 1007, 1008):
            Merchant(merchant.sandbox, merchant.app, store_id).install()
        dropped = list(Installation.objects.values_list("pk", flat=True)[:gone])
        Installation.objects.filter(pk__in=dropped).update(token_died_at=ago(hours=1))
        vitals.refresh_health()
        assert bool(seen(Rule.HEALTH_DROP)) == told

    def test_a_grant_that_waits_on_disk_is_seen_after_a_minute(
        self, merchant: Merchant, settings: LazySettings
    ) -> None:
        attempt, _ = InstallAttempt.objects.claim(merchant.app, merchant.arrival("code"))
        settings.SPOOL_DIR.mkdir(parents=True)
        grant = oauth.Grant(1003, "secret_x", "public_x", (), "")
        spool.put(spool.Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=7))
        assert seen(Rule.SPOOL_FULL) == []
        assert len(seen(Rule.SPOOL_FULL, limit=0)) == 1

    def test_a_privacy_deadline_is_seen_a_week_before(self, merchant: Merchant) -> None:
        merchant.install()
        deliver(event("profile.personalDataRemovalRequest"))
        tasks.drain()
        assert seen(Rule.PRIVACY_DUE) == []
        PrivacyRequest.objects.update(due_at=datetime.now(UTC) + timedelta(days=6))
        assert len(seen(Rule.PRIVACY_DUE)) == 1

    def test_a_healthy_house_has_no_trouble(self, merchant: Merchant) -> None:
        merchant.install()
        work()
        vitals.refresh_health()
        assert list(troubles.seen(AlertRule.objects.thresholds())) == []

    def test_the_stores_are_counted_every_five_minutes_and_not_at_every_look(self, merchant: Merchant) -> None:
        vitals.refresh_health()
        merchant.install()
        vitals.refresh_health()
        assert vitals.health() is not None
        assert vitals.health().reasons == {}  # type: ignore[union-attr]
        Pulse.objects.update(at=ago(minutes=6))
        vitals.refresh_health()
        assert vitals.health().reasons == {"demo-app": {"": 1}}  # type: ignore[union-attr]


class TestStanding:
    """One open alert for a rule and a subject; it resolves by itself."""

    def test_what_lasts_is_one_alert_however_often_it_is_seen(
        self, merchant: Merchant, operator: AlertReceiver
    ) -> None:
        wrong_secret(merchant)
        for _ in range(3):
            tasks.watch()
        assert [(one.rule, one.subject) for one in Alert.objects.open()] == [("client_secret_wrong", "demo-app")]
        assert AlertDelivery.objects.count() == 1

    def test_it_is_resolved_once_it_was_not_seen_for_a_while(self, merchant: Merchant, operator: AlertReceiver) -> None:
        wrong_secret(merchant)
        tasks.watch()
        AppRegistration.objects.update(client_secret_set_at=datetime.now(UTC))
        tasks.watch()
        assert Alert.objects.open().count() == 1, "a breath is not the end of it"

        Alert.objects.update(seen_at=ago(minutes=4))
        tasks.watch()
        tasks.watch()
        assert not Alert.objects.open().exists()
        assert sorted(AlertDelivery.objects.values_list("turn", flat=True)) == ["opened", "resolved"]

    def test_what_comes_back_is_a_new_alert(self, merchant: Merchant) -> None:
        wrong_secret(merchant)
        tasks.watch()
        Alert.objects.update(resolved_at=ago(minutes=1))
        tasks.watch()
        assert (Alert.objects.count(), Alert.objects.open().count()) == (2, 1)

    def test_two_watches_at_once_open_one(self, app: AppRegistration, operator: AlertReceiver) -> None:
        trouble = troubles.Trouble(Rule.QUEUE_OLD, "events", "old")
        alarm._open(trouble)
        alarm._open(trouble)
        assert (Alert.objects.count(), AlertDelivery.objects.count()) == (1, 1)

    def test_watches_of_several_schedulers_at_the_same_moment_tell_once(
        self, merchant: Merchant, operator: AlertReceiver
    ) -> None:
        wrong_secret(merchant)
        at_once(tasks.watch)
        assert (Alert.objects.count(), AlertDelivery.objects.count()) == (1, 1)
        Alert.objects.update(seen_at=ago(minutes=4))
        AppRegistration.objects.update(client_secret_set_at=datetime.now(UTC))
        at_once(tasks.watch)
        assert (Alert.objects.open().count(), AlertDelivery.objects.count()) == (0, 2)
        at_once(pass_on)
        assert len(mail.outbox) == 2

    def test_a_rule_that_is_switched_off_sees_nothing(self, merchant: Merchant) -> None:
        wrong_secret(merchant)
        AlertRule.objects.complete().filter(rule=Rule.SECRET_WRONG).update(enabled=False)
        tasks.watch()
        assert not Alert.objects.exists()

    def test_an_operators_threshold_counts(self, merchant: Merchant) -> None:
        wrong_secret(merchant)
        AlertRule.objects.complete().filter(rule=Rule.SECRET_WRONG).update(threshold=2)
        tasks.watch()
        assert not Alert.objects.exists()
        merchant.install()
        tasks.watch()
        assert Alert.objects.count() == 1

    def test_every_rule_has_a_threshold_but_the_test(self) -> None:
        assert set(THRESHOLDS) == set(Rule) - {Rule.TEST}


class TestTelling:
    """The row is the queue; what is posted is signed and goes nowhere else."""

    def test_the_mail_says_what_it_means_and_what_to_do(self, merchant: Merchant, operator: AlertReceiver) -> None:
        wrong_secret(merchant)
        tasks.watch()
        pass_on()

        (message,) = mail.outbox
        assert message.to == ["operator@hub.example"]
        assert message.subject == "[testserver] Opened: Client secret is wrong: demo-app"
        assert runbook.RULES[Rule.SECRET_WRONG].remedy in message.body
        assert "http://testserver/admin/installs/pulse/runbook/#client_secret_wrong" in message.body
        assert "ZzZz" not in message.body
        pass_on()
        assert len(mail.outbox) == 1

    def test_the_webhook_is_signed_as_the_standard_says(self, merchant: Merchant, pager: Site) -> None:
        receiver_at(pager)
        wrong_secret(merchant)
        tasks.watch()
        pass_on()

        (heard,) = pager.heard
        name, at = heard.headers["webhook-id"], heard.headers["webhook-timestamp"]
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = hmac.new(key, f"{name}.{at}.".encode() + heard.body, hashlib.sha256).digest()
        assert heard.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"
        told = json.loads(heard.body)
        assert (told["type"], told["data"]["rule"]) == ("alert.opened", "client_secret_wrong")
        assert (told["data"]["subject"], told["data"]["resolved_at"]) == ("demo-app", "")

    def test_a_retry_has_the_same_id_so_that_its_receiver_can_tell(self, app: AppRegistration) -> None:
        with Site(Answer(500)) as server:
            alarm.test(receiver=receiver_at(server))
            pass_on()
            AlertDelivery.objects.update(due_at=long_ago())
            pass_on()
            names = {heard.headers["webhook-id"] for heard in server.heard}
        assert (len(server.heard), len(names)) == (2, 1)

    @pytest.mark.parametrize(
        ("reply", "reason"),
        [(Answer(500), "answered 500"), (Answer(302, headers={"Location": "http://127.0.0.1:9/"}), "redirect")],
    )
    def test_what_was_not_taken_comes_again_later_each_time(
        self, app: AppRegistration, reply: Answer, reason: str
    ) -> None:
        with Site(reply) as server:
            alarm.test(receiver=receiver_at(server))
            waits = []
            for _ in range(3):
                AlertDelivery.objects.update(due_at=long_ago())
                pass_on()
                row = AlertDelivery.objects.get()
                waits.append((row.due_at - datetime.now(UTC)).total_seconds())
        assert (row.state, reason in row.error) == ("waiting", True)
        assert waits[0] < waits[1] < waits[2]

    def test_nobody_is_told_late_of_what_is_over(self, merchant: Merchant, operator: AlertReceiver) -> None:
        wrong_secret(merchant)
        tasks.watch()
        AlertDelivery.objects.update(tries=3)
        Alert.objects.update(resolved_at=datetime.now(UTC))
        pass_on()
        assert mail.outbox == []
        assert AlertDelivery.objects.get().error == "it was over before it could be told"

    def test_a_receiver_that_was_switched_off_is_left_alone(self, merchant: Merchant, operator: AlertReceiver) -> None:
        wrong_secret(merchant)
        tasks.watch()
        AlertReceiver.objects.update(enabled=False)
        pass_on()
        assert mail.outbox == []

    def test_an_unreachable_receiver_keeps_nobody_else_waiting(
        self, app: AppRegistration, operator: AlertReceiver, merchant: Merchant
    ) -> None:
        AlertReceiver.objects.create(kind="webhook", address=f"http://127.0.0.1:{closed_port()}/", secret=SECRET)
        wrong_secret(merchant)
        tasks.watch()
        pass_on()
        assert len(mail.outbox) == 1
        assert sorted(AlertDelivery.objects.values_list("state", flat=True)) == ["done", "waiting"]

    def test_after_two_days_the_row_says_why_nobody_was_told(self, app: AppRegistration) -> None:
        alarm.test(
            receiver=AlertReceiver.objects.create(
                kind="webhook", address=f"http://127.0.0.1:{closed_port()}/", secret=SECRET
            )
        )
        AlertDelivery.objects.update(tries=len(tell._DELAYS))
        pass_on()
        assert AlertDelivery.objects.get().state == "failed"

    @pytest.mark.parametrize(
        "address",
        ["http://hub.example/", "ftp://hub.example", "https://user:pass@hub.example/", "http://127.0.0.1.evil.example/",
         "http://localhost@evil.example/", "https://", "not an address"],
    )  # fmt: skip
    def test_nothing_is_sent_in_clear_or_with_credentials(self, address: str) -> None:
        with pytest.raises(ValidationError):
            AlertReceiver(kind="webhook", address=address).full_clean()

    @pytest.mark.parametrize(
        "address", ["https://hub.example/alerts?team=1", "http://127.0.0.1:8080/", "http://[::1]/"]
    )
    def test_https_and_this_machine_are_fine(self, address: str) -> None:
        AlertReceiver(kind="webhook", address=address).full_clean()

    def test_the_secret_stands_sealed(self, pager: Site) -> None:
        receiver = receiver_at(pager)
        assert AlertReceiver.objects.get().secret == SECRET
        assert str(vars(AlertReceiver.objects.get(pk=receiver.pk))["secret"]).startswith("v1:")


class TestRunbook:
    """Every name has an entry, and the page in docs is the same."""

    def test_every_outcome_and_every_rule_has_an_entry(self) -> None:
        assert set(runbook.OUTCOMES) == set(InstallAttempt.Outcome)
        assert set(runbook.RULES) == set(Rule)
        assert all(entry.meaning and entry.remedy for entry in (*runbook.OUTCOMES.values(), *runbook.RULES.values()))

    def test_the_page_in_docs_is_the_same(self) -> None:
        page = Path(__file__).resolve().parent.parent / "docs" / "runbook.md"
        assert page.read_text("utf-8") == runbook.as_markdown()
