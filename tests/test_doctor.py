"""The doctor: each finding is true, and says what to do."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import User
from installs import doctor, features, tasks
from installs.models import AlertReceiver, AppRegistration, Installation, PrivacyRequest, Pulse, WebhookEvent
from tests import people
from tests.deliveries import deliver
from tests.ecwid.loopback import Answer, Site, certificate, closed_port
from tests.people import Merchant, let_in
from tests.signed import CLIENT_SECRET, event

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/admin/installs/pulse/"


@pytest.fixture(autouse=True)
def _nobody_works(settings: LazySettings) -> None:
    settings.DOCTOR_PATIENCE = 0.05


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def finding(subject: str) -> doctor.Finding:
    """Return what the doctor finds about one subject."""
    return next(one for found in doctor.examine().values() for one in found if one.subject == subject)


def outside(subject: str) -> doctor.Finding:
    """Return what the look from outside finds about one subject."""
    return next(one for one in doctor.look_from_outside() if one.subject == subject)


@pytest.fixture
def settled(merchant: Merchant) -> Merchant:
    """Somebody who has had the app for two days."""
    merchant.install()
    Installation.objects.update(installed_at=ago(days=2))
    return merchant


class TestApps:
    """Apps and their webhooks."""

    def test_it_says_when_an_app_was_last_heard(self, settled: Merchant) -> None:
        deliver(event("order.created"))
        heard = finding("webhooks demo-app")
        assert heard.level == "ok"
        assert f"{WebhookEvent.objects.get().received_at:%F %T}" in heard.text

    def test_it_names_the_address_that_a_silent_app_needs(self, settled: Merchant) -> None:
        heard = finding("webhooks demo-app")
        assert (heard.level, "none received yet" in heard.text) == ("warning", True)
        assert settled.app.address("webhook") in heard.advice

    def test_a_host_whose_clock_is_ahead_hides_no_refused_client_secret(self, merchant: Merchant) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
            merchant.install()
        merchant.app.client_secret = "Zz" * 16
        merchant.app.save()
        merchant.install()

        found = finding("app demo-app")
        assert (found.level, found.text) == ("error", "Ecwid refused its client secret")

    def test_it_takes_refusals_for_a_wrong_secret(self, settled: Merchant) -> None:
        deliver(event("order.created"), secret="w" * 32)
        heard = finding("webhooks demo-app")
        assert (heard.level, "client secret" in heard.advice) == ("error", True)


class TestWork:
    """Work that waits, and deadlines."""

    def test_dead_letters_are_counted_with_the_way_to_replay_them(self, settled: Merchant) -> None:
        deliver(event("order.created"))
        WebhookEvent.objects.update(state="failed")
        found = finding("events")
        assert (found.level, found.text) == ("warning", "failed for good: 1")
        assert "replay_events --dead" in found.advice

    @pytest.mark.parametrize(("minutes", "level"), [(9, "ok"), (11, "error")])
    def test_events_that_wait_for_ten_minutes_have_no_worker(
        self, settled: Merchant, minutes: float, level: str
    ) -> None:
        deliver(event("order.created"))
        WebhookEvent.objects.update(due_at=ago(minutes=minutes))
        assert finding("events").level == level

    def test_an_event_that_waits_for_its_next_try_is_not_stuck(self, settled: Merchant) -> None:
        deliver(event("order.created"))
        WebhookEvent.objects.update(received_at=ago(hours=20), due_at=ago(hours=-1), tries=7)
        assert finding("events").level == "ok"

    @pytest.mark.parametrize(
        ("left", "level"), [({"days": 8}, "ok"), ({"days": 6}, "warning"), ({"minutes": -1}, "error")]
    )
    def test_a_request_near_its_deadline_is_named(self, settled: Merchant, left: dict[str, float], level: str) -> None:
        deliver(event("profile.personalDataRemovalRequest"))
        tasks.drain()
        PrivacyRequest.objects.update(due_at=datetime.now(UTC) + timedelta(**left))
        assert finding("privacy requests").level == level

    def test_a_closed_request_has_no_deadline(self, settled: Merchant) -> None:
        deliver(event("profile.personalDataRemovalRequest"))
        tasks.drain()
        PrivacyRequest.objects.update(due_at=ago(days=1), closed_at=ago(days=2))
        assert finding("privacy requests").level == "ok"

    def test_an_overdue_request_makes_the_command_fail(self, settled: Merchant) -> None:
        deliver(event("order.created"))
        deliver(event("profile.personalDataRemovalRequest"))
        tasks.drain()
        PrivacyRequest.objects.update(due_at=ago(days=1))
        output = io.StringIO()
        with pytest.raises(CommandError, match="privacy requests"):
            call_command("doctor", "--json", stdout=output)

        assert {one["subject"] for one in json.loads(output.getvalue())} >= {"events", "webhooks demo-app"}


class TestMachinery:
    """Queue, schedule, disk, alerts: asked, not assumed. A real worker's round trip is in test_workers."""

    def test_no_worker_is_a_warning_and_leaves_nothing_behind(self, app: AppRegistration) -> None:
        heard = finding("worker")
        assert (heard.level, "celery -A ecwidhub worker" in heard.advice) == ("warning", True)
        assert not Pulse.objects.exists()

    @pytest.mark.parametrize(("seconds", "level"), [(50, "ok"), (70, "warning")])
    def test_a_silent_schedule_is_named(self, app: AppRegistration, seconds: float, level: str) -> None:
        assert finding("schedule").text == "has never run"
        tasks.sweep()
        Pulse.objects.update(at=ago(seconds=seconds))
        assert finding("schedule").level == level

    def test_a_full_disk_is_an_error(self, app: AppRegistration, settings: LazySettings) -> None:
        assert finding("disk").level == "ok"
        settings.DISK_FREE_LEAST = 2**60
        assert finding("disk").level == "error"

    @pytest.mark.parametrize(
        ("backend", "level", "words"),
        [
            ("console", "warning", "goes to the console"),
            ("filebased", "warning", "goes into files in {}, and to nobody"),
            ("locmem", "ok", "locmem, from no-reply@testserver"),
        ],
    )
    def test_it_says_where_mail_goes(
        self, settings: LazySettings, tmp_path: Path, backend: str, level: str, words: str
    ) -> None:
        settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = f"django.core.mail.backends.{backend}.EmailBackend", tmp_path
        assert (finding("mail").level, finding("mail").text) == (level, words.format(tmp_path))

    def test_nobody_to_tell_of_alerts_is_a_warning(self, app: AppRegistration) -> None:
        assert finding("alerts").level == "warning"
        AlertReceiver.objects.create(kind="mail", address="operator@hub.example")
        assert finding("alerts").level == "ok"

    def test_a_host_that_we_would_not_answer_to_is_an_error(self, app: AppRegistration, settings: LazySettings) -> None:
        settings.SITE_URL, settings.HTTPS = "https://hub.example", True
        assert finding("address").level == "error"
        settings.ALLOWED_HOSTS = ["hub.example"]
        assert finding("address").level == "ok"

    def test_a_key_that_sealed_a_receivers_secret_is_missed_too(self, settings: LazySettings) -> None:
        AlertReceiver.objects.create(kind="webhook", address="https://hub.example/", secret="s" * 24)
        settings.TOKEN_KEYS = ["another-key-of-more-than-thirty-two-characters"]
        assert finding("keys").level == "error"


class TestScopes:
    """A feature that wants a scope which Ecwid was not asked for cannot work."""

    def test_a_feature_that_lacks_a_scope_is_named(self, app: AppRegistration) -> None:
        assert finding("scopes demo-app").level == "ok"
        feature = features.register("refunds", "Refunds", ("update_orders",))
        try:
            found = finding("scopes demo-app")
        finally:
            features.forget(feature)
        assert (found.level, "update_orders (for Refunds)" in found.text) == ("warning", True)

    def test_a_native_app_needs_its_page(self, app: AppRegistration) -> None:
        AppRegistration.objects.update(kind="native")
        assert "add_to_cp" in finding("scopes demo-app").text


class TestRequest:
    """The text for Ecwid names what this deployment needs and nothing secret."""

    def test_it_names_addresses_scopes_and_events(self, app: AppRegistration) -> None:
        text = doctor.request_text(app)
        for words in (
            "redirectUrl: http://testserver/apps/demo-app/return/",
            "webhookUrl: http://testserver/apps/demo-app/webhook/",
            "- read_orders",
            "- application.subscriptionStatusChanged",
        ):
            assert words in text
        assert "iframeUrl" not in text
        assert CLIENT_SECRET not in text

    def test_a_native_app_asks_for_its_frame(self, app: AppRegistration) -> None:
        AppRegistration.objects.update(kind="native")
        app.refresh_from_db()
        text = doctor.request_text(app)
        assert "iframeUrl: http://testserver/apps/demo-app/native/" in text
        assert "redirectUrl" not in text

    def test_a_custom_app_asks_for_its_webhooks_only(self, app: AppRegistration) -> None:
        app.kind, app.client_secret = "custom", ""
        app.save()
        assert doctor.request_text(app).count("http://") == 1
        assert (finding("app demo-app").level, "verified" in finding("app demo-app").advice) == ("warning", True)

    def test_the_command_prints_it(self, app: AppRegistration) -> None:
        output = io.StringIO()
        call_command("doctor", "--request", "demo-app", stdout=output)
        assert output.getvalue().rstrip("\n") == doctor.request_text(app)


class TestFromOutside:
    """Our own address, asked as Ecwid would."""

    def test_an_address_that_leads_here_is_fine(self, app: AppRegistration, settings: LazySettings) -> None:
        with Site(Answer(200, b"ok\n"), Answer(400)) as site:
            settings.SITE_URL = site.url
            assert outside("from outside").level == "ok"
            assert outside("webhook address demo-app").level == "ok"
        assert {(heard.method, heard.path) for heard in site.heard} == {
            ("GET", "/healthz"), ("POST", "/apps/demo-app/webhook/"), ("POST", "/apps/demo-app/webhook"),
        }  # fmt: skip

    @pytest.mark.parametrize(
        "reply", [Answer(301, headers={"Location": "https://hub.example/"}), Answer(200), Answer(502)]
    )
    def test_a_webhook_address_that_does_not_refuse_a_stranger_is_an_error(
        self, app: AppRegistration, settings: LazySettings, reply: Answer
    ) -> None:
        with Site(reply) as site:
            settings.SITE_URL = site.url
            found = outside("webhook address demo-app")
        assert (found.level, found.runbook) == ("error", "webhooks_silent")

    def test_somebody_elses_page_is_not_ours(self, settings: LazySettings) -> None:
        with Site(Answer(200, b"<h1>It works!</h1>")) as site:
            settings.SITE_URL = site.url
            assert outside("from outside").level == "error"

    def test_nobody_there_is_an_error(self, settings: LazySettings) -> None:
        settings.SITE_URL = f"http://127.0.0.1:{closed_port()}"
        assert outside("from outside").level == "error"

    def test_a_certificate_that_nobody_trusts_is_an_error(self, settings: LazySettings, tmp_path: Path) -> None:
        _, context = certificate(tmp_path)
        with Site(Answer(200, b"ok\n"), tls=context) as site:
            settings.SITE_URL = site.url
            found = outside("certificate")
        assert (found.level, "self-signed" in found.text) == ("error", True)

    def test_a_certificate_that_ends_soon_is_a_warning(
        self, settings: LazySettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trusted, context = certificate(tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        with Site(Answer(200, b"ok\n"), tls=context) as site:
            settings.SITE_URL = site.url
            found = outside("certificate")
        assert (found.level, found.text) == ("warning", "ends in 0 days")

    def test_nothing_is_asked_unless_somebody_wants_it(self, app: AppRegistration, settings: LazySettings) -> None:
        with Site(Answer(200)) as site:
            settings.SITE_URL = site.url
            doctor.examine()
        assert site.heard == []


class TestPage:
    """What an operator sees."""

    @pytest.fixture
    def operator(self) -> Client:
        client = Client()
        let_in(client, User.objects.create_superuser("operator", "", "a long pass phrase"))
        return client

    def test_it_shows_findings_advice_and_the_text_for_ecwid(self, operator: Client, app: AppRegistration) -> None:
        page = operator.get(PAGE).content.decode()
        assert "has never run" in page
        assert "/admin/installs/pulse/runbook/#queue_old" in page
        assert "webhookUrl: http://testserver/apps/demo-app/webhook/" in page
        assert CLIENT_SECRET not in page

    def test_only_a_post_looks_from_outside(self, operator: Client, settings: LazySettings) -> None:
        with Site(Answer(200, b"ok\n")) as site:
            settings.SITE_URL = site.url
            operator.get(PAGE)
            assert site.heard == []
            page = operator.post(PAGE).content.decode()
        assert "leads here" in page

    def test_who_may_only_look_has_nobody_asked(self, operator: Client) -> None:
        viewer = people.operator("viewer", "viewer")
        assert "Look from outside" in operator.get(PAGE).content.decode()
        assert "Look from outside" not in viewer.get(PAGE).content.decode()
        assert viewer.post(PAGE).status_code == 403

    def test_the_runbook_has_an_anchor_for_every_rule(self, operator: Client) -> None:
        page = operator.get(f"{PAGE}runbook/").content.decode()
        assert 'id="client_secret_wrong"' in page
        assert 'id="reply_lost"' in page

    def test_whoever_may_not_see_it_does_not(self) -> None:
        client = Client()
        let_in(client, User.objects.create_user("staff", is_staff=True))
        assert client.get(PAGE).status_code == 403
        assert client.post(PAGE).status_code == 403
        assert client.get(f"{PAGE}runbook/").status_code == 403
