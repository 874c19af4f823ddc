"""What leaves for Sentry and a trace collector, where somebody wants that: enough to find a fault, no secret."""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from installs.models import AppRegistration
from tests.cast import make_app
from tests.ecwid.loopback import Answer, Heard, Site
from tests.people import Merchant
from tests.processes import ROOT, Hub, until
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

# The client of Redis looks for OpenTelemetry's interfaces by itself; what sends anything is ours to load.
OPTIONAL = ("sentry_sdk", "opentelemetry.exporter", "ecwidhub.sentry", "ecwidhub.traces")


@pytest.fixture
def collector() -> Iterator[Site]:
    """Takes whatever it is sent."""
    with Site(Answer(200, b"{}", headers={"Content-Type": "application/json"})) as site:
        yield site


@pytest.fixture
def hub(ecwid: Sandbox, collector: Site, tmp_path: Path, settings: LazySettings) -> Iterator[Hub]:
    wanted = {
        "SENTRY_DSN": f"{collector.url.replace('//', '//key@')}/1",
        "OTLP_ENDPOINT": f"{collector.url}/v1/traces",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with Hub(tmp_path, ecwid, REDIS_URL="", **wanted) as hub:
        settings.SITE_URL = hub.url
        yield hub


def body(heard: Heard) -> str:
    packed = heard.headers.get("content-encoding") == "gzip"
    return (gzip.decompress(heard.body) if packed else heard.body).decode("utf-8", "replace")


def sent(collector: Site, path: str) -> str:
    return "\n".join(body(heard) for heard in collector.heard if path in heard.path)


def break_down(hub: Hub, merchant: Merchant, settings: LazySettings) -> str:
    """Run into what nobody expected, in the middle of an install; return the code that came."""
    broken = make_app(merchant.sandbox, settings, "broken-app", "Broken")
    AppRegistration.objects.filter(pk=broken.pk).update(client_secret=vars(merchant.app)["client_secret"])
    merchant.app = broken
    address = merchant.address()
    assert hub.follow(address).status_code == 500
    return address.partition("code=")[2].partition("&")[0]


def test_a_failure_reaches_sentry_with_its_story_and_without_its_secrets(
    hub: Hub, merchant: Merchant, collector: Site, settings: LazySettings
) -> None:
    hub.web()
    assert hub.follow(merchant.address()).status_code == 303
    for call in merchant.sandbox.calls:  # the key that stands in SENTRY_DSN is nobody else's business
        assert not {"baggage", "sentry-trace"} & {name.lower() for name in call.headers}
    code = break_down(hub, merchant, settings)
    until(lambda: "SealBroken" in sent(collector, "/envelope/"))
    text = sent(collector, "/envelope/")

    event = next(json.loads(line) for line in text.splitlines() if '"exception"' in line)
    assert event["request"] == {"method": "GET", "url": f"{hub.url}/apps/broken-app/return/"}
    assert event["tags"]["app"] == "broken-app"
    assert event["tags"]["store"] == "1003"
    assert len(event["tags"]["attempt"]) == 11
    frames = event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert any(frame["function"] == "return_url" for frame in frames)
    assert not any("vars" in frame for frame in frames)
    for secret in (code, vars(merchant.app)["client_secret"], settings.SECRET_KEY, settings.TOKEN_KEYS[0], "Referer"):
        assert secret not in text


def test_a_trace_goes_from_the_door_to_the_worker_and_names_routes(
    hub: Hub, merchant: Merchant, collector: Site
) -> None:
    hub.web()
    hub.worker()
    address = merchant.address()
    code = address.partition("code=")[2].partition("&")[0]
    assert hub.follow(address).status_code == 303
    # Each process sends what it has seen in its own time.
    expected = (
        "installs.tasks.prefill",
        "ecwid profile",
        "GET /apps/<app:client_id>/return/",
        "ecwid token",
        "ecwidhub.attempt",
        "demo-app",
    )
    until(lambda: all(words in sent(collector, "/v1/traces") for words in expected))
    text = sent(collector, "/v1/traces")

    for secret in (code, merchant.installation.secret_token, merchant.installation.public_token, "code="):
        assert secret not in text


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    """Load everything that a web process loads, and say which optional libraries came along."""
    script = f"import sys; from ecwidhub import wsgi; print([one for one in {OPTIONAL} if one in sys.modules])"
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)


def test_nobody_who_wants_neither_pays_for_them() -> None:
    assert start().stdout.splitlines()[-1] == "[]"


def test_a_library_that_is_missing_is_named_at_start(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['sentry_sdk'] = None\n")
    done = start(SENTRY_DSN="https://key@sentry.invalid/1", PYTHONPATH=str(tmp_path))
    assert "sentry_sdk is missing. Run: pip install -r requirements-observe.lock" in done.stderr
    assert done.returncode != 0
