"""What Prometheus is told: every count of every process, how things stand, and nothing to strangers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Never

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from installs import counters, spool, tasks
from installs.actions import recover, vitals
from installs.ecwid import oauth, wire
from installs.models import Installation, InstallAttempt, WebhookEvent
from tests.cast import work
from tests.deliveries import deliver
from tests.metrics import TOKEN, Scrape, scrape
from tests.people import Merchant
from tests.processes import ROOT, Hub, new_browser, until
from tests.sandbox import Sandbox
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)


class TestDoor:
    """Only who brings the token is answered; without a token set there is no such address."""

    @pytest.mark.parametrize("brought", ["", f"Bearer {TOKEN}", "Bearer "])
    def test_without_a_token_set_nothing_is_here(self, brought: str) -> None:
        assert Client().get("/metrics", headers={"Authorization": brought}).status_code == 404

    @pytest.mark.parametrize("brought", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ä"])
    def test_a_wrong_token_is_refused(self, settings: LazySettings, brought: str) -> None:
        settings.METRICS_TOKEN = TOKEN
        answer = Client().get("/metrics", headers={"Authorization": brought})
        assert (answer.status_code, b"ecwidhub_" in answer.content) == (401, False)

    def test_the_right_one_is_answered_in_prometheus_words(self, settings: LazySettings) -> None:
        settings.METRICS_TOKEN = TOKEN
        answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer["Content-Type"].startswith("text/plain; version=")
        assert Client().post("/metrics").status_code == 405


class TestCounts:
    """What happens is counted where it happens."""

    def test_an_install_is_counted_by_its_outcome(self, merchant: Merchant, settings: LazySettings) -> None:
        before = scrape(settings)
        merchant.install()
        merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
        merchant.follow("/apps/no-such-app/return/?code=made-up&store_id=1003")
        after = scrape(settings)

        for labels in (("demo-app", "installed"), ("demo-app", "code_rejected"), ("", "unknown_app")):
            named = {"app": labels[0], "outcome": labels[1]}
            assert after.get("ecwidhub_installs_total", **named) - before.get("ecwidhub_installs_total", **named) == 1

    def test_a_refresh_is_no_second_install(self, merchant: Merchant, settings: LazySettings) -> None:
        before = scrape(settings).get("ecwidhub_installs_total", app="demo-app", outcome="installed")
        address = merchant.address()
        merchant.follow(address)
        merchant.follow(address)
        assert scrape(settings).get("ecwidhub_installs_total", app="demo-app", outcome="installed") == before + 1

    def test_an_install_that_a_sweep_finishes_too_is_one(self, merchant: Merchant, settings: LazySettings) -> None:
        before = scrape(settings).get("ecwidhub_installs_total", app="demo-app", outcome="installed")
        merchant.install()
        attempt = InstallAttempt.objects.get()
        grant = oauth.Grant(1003, "secret_x", "public_x", (), "")
        spool.put(spool.Receipt(attempt.uid, grant, datetime.now(UTC), exchange_ms=7))
        recover.import_spool()
        assert scrape(settings).get("ecwidhub_installs_total", app="demo-app", outcome="installed") == before + 1

    def test_calls_are_counted_by_endpoint_and_result_and_timed(
        self, merchant: Merchant, settings: LazySettings
    ) -> None:
        before = scrape(settings)
        merchant.install()
        work()
        merchant.sandbox.disturb("token", "dropped")
        merchant.install()
        after = scrape(settings)

        def grown(name: str, **labels: str) -> float:
            return after.get(name, **labels) - before.get(name, **labels)

        assert grown("ecwidhub_ecwid_calls_total", endpoint="token", result="2xx") == 1
        assert grown("ecwidhub_ecwid_calls_total", endpoint="token", result="lost") == 1
        assert grown("ecwidhub_ecwid_calls_total", endpoint="profile", result="2xx") == 1
        assert grown("ecwidhub_ecwid_call_seconds_count", endpoint="token") == 2
        assert grown("ecwidhub_prefill_seconds_count", app="demo-app") == 1
        assert grown("ecwidhub_prefills_total", app="demo-app", result="done") == 1

    def test_webhooks_are_counted_by_verdict_and_events_by_result(
        self, merchant: Merchant, settings: LazySettings
    ) -> None:
        merchant.install()
        before = scrape(settings)
        body = event("order.created")
        for _ in range(2):
            deliver(body)
        deliver(event("order.created"), secret="w" * 32)
        deliver(b"{}")
        deliver(event("application.installed", store_id=4242))
        tasks.drain()
        after = scrape(settings)

        for verdict, count in (("accepted", 2), ("repeated", 1), ("forged", 1), ("unreadable", 1)):
            labels = {"app": "demo-app", "verdict": verdict}
            grown = after.get("ecwidhub_webhooks_total", **labels) - before.get("ecwidhub_webhooks_total", **labels)
            assert (verdict, grown) == (verdict, count)
        for result, count in (("done", 1), ("retry", 1)):
            labels = {"app": "demo-app", "result": result}
            assert after.get("ecwidhub_events_total", **labels) - before.get("ecwidhub_events_total", **labels) == count

    @pytest.mark.parametrize(
        ("path", "endpoint"),
        [
            ("/oauth/token/1003", "token"),
            ("/oauth/token", "token"),
            ("/v3/1003/profile?x=/token", "profile"),
            ("/v3/1003/storage/secret-key", "storage"),
            ("/v3/1003/anything-a-product-calls/77", "other"),
        ],
    )
    def test_no_label_grows_with_what_is_called(self, settings: LazySettings, path: str, endpoint: str) -> None:
        settings.ECWID_OAUTH_URL, settings.ECWID_API_URL = "http://ecwid.invalid/oauth", "http://ecwid.invalid/v3"
        before = scrape(settings).get("ecwidhub_ecwid_calls_total", endpoint=endpoint, result="2xx")
        counters.called(wire.Request("GET", f"http://ecwid.invalid{path}"), "204", 0.1)
        counters.called(wire.Request("GET", f"http://somebody-else.invalid{path}"), "204", 0.1)
        assert scrape(settings).get("ecwidhub_ecwid_calls_total", endpoint=endpoint, result="2xx") == before + 1

    def test_apps_that_are_readied_again_count_once(self, merchant: Merchant, settings: LazySettings) -> None:
        """Django readies every app anew when the list of installed apps changes."""
        apps.get_app_config("installs").ready()
        before = scrape(settings).get("ecwidhub_ecwid_calls_total", endpoint="token", result="2xx")
        merchant.install()
        assert scrape(settings).get("ecwidhub_ecwid_calls_total", endpoint="token", result="2xx") == before + 1

    def test_a_count_that_fails_stops_nobody(self) -> None:
        class Full:
            def labels(self, *_: str) -> Never:
                raise OSError(28, "No space left on device")

        full: Any = Full()
        counters._count(full, "app")
        counters._observe(full, 1.0, "app")

    def test_a_count_costs_microseconds(self) -> None:
        """The least of several times, of this thread's CPU: what else the machine does is none of ours."""
        counters.webhook("demo-app", "accepted")
        each = min(_cost_of_a_count() for _ in range(5))
        assert each < 0.0001, f"{each * 1e6:.1f} µs; 5 µs on a quiet machine"


class TestGauges:
    """How things stand, asked of the database in a bounded time."""

    def test_queues_and_stores_and_silence_are_told(self, merchant: Merchant, settings: LazySettings) -> None:
        merchant.install()
        work()
        deliver(event("order.created"))
        WebhookEvent.objects.update(due_at=datetime.now(UTC) - timedelta(minutes=2))
        vitals.refresh_health()
        tasks.watch()
        told = scrape(settings)

        assert told.get("ecwidhub_database_up") == 1
        assert told.get("ecwidhub_queue_depth", queue="events") == 1
        assert 119 < told.get("ecwidhub_queue_age_seconds", queue="events") < 150
        assert told.get("ecwidhub_installations", app="demo-app", health="ok", reason="fine") == 1
        assert told.get("ecwidhub_webhook_age_seconds", app="demo-app") < 60
        assert told.get("ecwidhub_beat_age_seconds", task="watch") < 60
        assert told.get("ecwidhub_alerts_open", rule="queue_old") == 0

    def test_an_app_that_hears_nothing_is_told_as_long_as_it_has_stores(
        self, merchant: Merchant, settings: LazySettings
    ) -> None:
        merchant.install()
        now = datetime.now(UTC)
        Installation.objects.update(installed_at=now - timedelta(days=40))  # what came before then is pruned
        assert scrape(settings).get("ecwidhub_webhook_age_seconds", app="demo-app") > 39 * 86_400
        Installation.objects.update(uninstalled_at=now)
        assert "ecwidhub_webhook_age_seconds" not in scrape(settings).names

    def test_the_queries_do_not_grow_with_the_rows(self, merchant: Merchant, settings: LazySettings) -> None:
        merchant.install()

        def queries() -> int:
            with CaptureQueriesContext(connection) as captured:
                scrape(settings)
            return len(captured)

        few = queries()
        for store_id in (1004, 1005, 1006):
            Merchant(merchant.sandbox, merchant.app, store_id).install()
        for _ in range(5):
            deliver(event("order.created"))
        assert queries() <= few + 2, "an age is asked for where something waits, and nothing more"

    def test_several_scrapes_ask_the_database_once(self, settings: LazySettings) -> None:
        scrape(settings)
        with CaptureQueriesContext(connection) as captured:
            Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert len(captured) == 0

    def test_without_a_database_the_counts_are_still_told(self, merchant: Merchant, settings: LazySettings) -> None:
        merchant.install()

        def down(*_: object) -> Never:
            raise OperationalError("the server closed the connection")

        with connection.execute_wrapper(down):
            told = scrape(settings)
        assert told.get("ecwidhub_database_up") == 0
        assert told.get("ecwidhub_installs_total", app="demo-app", outcome="installed") >= 1
        assert "ecwidhub_queue_depth" not in told.names


PLACE = """
import sys
import django
django.setup()
from installs import counters
counters.install("demo-app", "installed")
print(counters._place._number, flush=True)
sys.stdin.read()
"""


class TestProcesses:
    """Each process counts in a place of its own; a place is used again when its process is gone."""

    @pytest.fixture
    def counting(self, tmp_path: Path) -> Iterator[Any]:
        running: list[subprocess.Popen[str]] = []

        def start() -> str:
            process = subprocess.Popen(
                [sys.executable, "-c", PLACE], cwd=ROOT, stdin=-1, stdout=-1, text=True, env=environment(tmp_path)
            )
            running.append(process)
            assert process.stdout
            return process.stdout.readline().strip()

        start.running = running  # type: ignore[attr-defined]
        yield start
        for process in running:
            process.kill()
            process.communicate()

    def test_the_disk_keeps_room_for_what_is_counted(self, counting: Any, tmp_path: Path) -> None:
        """Writing to mapped memory that a full disk has no room for would kill the process."""
        counting()
        files = list((tmp_path / "metrics").glob("*.db"))
        assert len(files) == 2
        assert all(file.stat().st_blocks * 512 >= file.stat().st_size == 256 * 1024 for file in files)

    def test_places_are_taken_and_given_back(self, counting: Any) -> None:
        assert [counting(), counting()] == ["0", "1"]
        counting.running[0].kill()
        counting.running[0].communicate()
        assert counting() == "0"

    @pytest.fixture
    def hub(self, ecwid: Sandbox, tmp_path: Path, settings: LazySettings) -> Iterator[Hub]:
        with Hub(tmp_path, ecwid, REDIS_URL="", METRICS_TOKEN=TOKEN) as hub:
            settings.SITE_URL = hub.url
            yield hub

    def test_web_and_worker_are_added_up_and_a_story_goes_through_both(self, hub: Hub, merchant: Merchant) -> None:
        hub.web(workers=2)
        worker = hub.worker()
        # The sweep at its start would ring for the prefill, too, and knows of no request.
        worker.wait_for(lambda: "tasks.sweep" in worker.words and " succeeded" in worker.words)
        assert hub.follow(merchant.address()).status_code == 303
        until(lambda: '"prefilled"' in hub.words)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with_token = [_told(hub, headers) for _ in range(4)]
        lines = hub.words.splitlines()

        for told in with_token:
            assert told.get("ecwidhub_installs_total", app="demo-app", outcome="installed") == 1
            assert told.get("ecwidhub_prefills_total", app="demo-app", result="done") == 1
            assert told.get("ecwidhub_ecwid_calls_total", endpoint="profile", result="2xx") == 1
        installed, prefilled = (next(line for line in lines if f'"event": "{word}"' in line) for word in WORDS)
        request = installed.partition('"request": "')[2][:16]
        assert len(request) == 16
        assert f'"request": "{request}"' in prefilled
        assert '"task": "prefill"' in prefilled


WORDS = ("installed", "prefilled")


def _cost_of_a_count(times: int = 400) -> float:
    """Return the seconds of CPU time that one count takes."""
    started = time.thread_time()
    for _ in range(times):
        counters.webhook("demo-app", "accepted")
    return (time.thread_time() - started) / times


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {"VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "ecwidhub.settings"}


def _told(hub: Hub, headers: dict[str, str]) -> Scrape:
    with new_browser() as prometheus:
        return Scrape(prometheus.get(f"{hub.url}/metrics", headers=headers, timeout=20).text)


def test_an_installation_counts_for_one_reason(merchant: Merchant) -> None:
    merchant.install()
    work()
    Installation.objects.update(paused_at=datetime.now(UTC))
    vitals.refresh_health()
    health = vitals.health()
    assert health is not None
    assert health.reasons == {"demo-app": {merchant.installation.reason: 1}}
