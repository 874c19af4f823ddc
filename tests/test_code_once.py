"""A code is exchanged at most once, ever (design rule 1), and a lost reply is not retried (rule 2)."""

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.models import Store
from installs import tasks
from installs.models import Installation, InstallAttempt
from tests.deliveries import deliver, event
from tests.people import Merchant
from tests.processes import until

pytestmark = pytest.mark.django_db(transaction=True)

Outcome = InstallAttempt.Outcome


def test_a_refresh_shows_the_first_result_without_a_second_exchange(merchant: Merchant) -> None:
    address = merchant.address()
    first = merchant.follow(address)
    again = merchant.follow(address)

    assert again.status_code == 303
    assert again["Location"] == first["Location"]
    assert len(merchant.sandbox.calls_of("token")) == 1
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)


def test_the_same_browser_may_come_back_after_its_session_ended(merchant: Merchant) -> None:
    address = merchant.address()
    merchant.follow(address)
    del merchant.browser.cookies["session"]
    again = merchant.follow(address, from_admin=False)

    assert again["Location"] == "/stores/1003/onboarding/"
    assert len(merchant.sandbox.calls_of("token")) == 1


def test_another_browser_with_a_used_code_gets_no_session(merchant: Merchant, browser: Client) -> None:
    address = merchant.address()
    merchant.follow(address)
    at_once = browser.get(address)
    InstallAttempt.objects.update(finished_at=datetime.now(UTC) - timedelta(seconds=3))
    later = browser.get(address, headers={"Referer": f"{merchant.sandbox.origin}/"})

    assert at_once.status_code == later.status_code == 410
    assert not browser.session.get("_auth_user_id")
    assert len(merchant.sandbox.calls_of("token")) == 1


def test_a_click_that_was_on_its_way_is_asked_not_turned_away(merchant: Merchant, browser: Client) -> None:
    address = merchant.address()
    merchant.follow(address)
    answer = browser.get(address, headers={"Referer": f"{merchant.sandbox.origin}/"})

    assert answer["Location"] == f"/installs/{InstallAttempt.objects.get().uid}/"
    assert not browser.session.get("_auth_user_id")
    assert "Continue as" in browser.get(answer["Location"]).content.decode()


def test_signing_out_closes_the_way_back_too(merchant: Merchant) -> None:
    address = merchant.address()
    merchant.follow(address)
    merchant.post("/sign-out/")

    assert merchant.follow(address, from_admin=False).status_code == 410
    assert not merchant.is_signed_in


def test_twenty_parallel_visits_make_one_exchange_and_one_account(merchant: Merchant) -> None:
    merchant.sandbox.disturb("token", "slow", seconds=0.3)
    address = merchant.address()

    def visit(_: int) -> HttpResponse:
        try:
            return Client().get(address, headers={"Referer": f"{merchant.sandbox.origin}/"})  # type: ignore[return-value]
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as browsers:
        answers = list(browsers.map(visit, range(20)))

    assert [answer.status_code for answer in answers] == [303] * 20
    doors = {"/stores/1003/onboarding/", f"/installs/{InstallAttempt.objects.get().uid}/"}
    assert {answer["Location"] for answer in answers} <= doors
    assert len(merchant.sandbox.calls_of("token")) == 1
    assert Store.objects.count() == 1
    assert merchant.installation.generation == 1
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)


@pytest.mark.parametrize(
    "how", ["dropped", "reset", "server_error", "bad_gateway", "malformed", "empty", "html", "redirect"]
)
def test_an_unclear_answer_is_never_asked_again(merchant: Merchant, how: str) -> None:
    merchant.sandbox.disturb("token", how)
    address = merchant.address()
    first = merchant.follow(address)
    again = merchant.follow(address)

    assert first.status_code == again.status_code
    assert first.status_code in (502, 504)
    assert "/apps/demo-app/connect/" in again.content.decode()
    assert InstallAttempt.objects.get().support_code in again.content.decode()
    assert len(merchant.sandbox.calls_of("token")) == 1
    assert not Store.objects.exists()


def test_of_two_installs_of_one_store_at_once_the_later_token_stays(merchant: Merchant) -> None:
    """The first answer comes last, with a token that the second install has replaced."""
    merchant.sandbox.disturb("token", "slow", seconds=600)

    def visit(address: str) -> int:
        try:
            return Client().get(address, headers={"Referer": f"{merchant.sandbox.origin}/"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as slow:
        first = slow.submit(visit, merchant.address())
        until(lambda: bool(merchant.sandbox.calls_of("token")))
        second = visit(merchant.address())
        merchant.sandbox.calm()

    assert (first.result(), second) == (303, 303)
    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert InstallAttempt.objects.filter(outcome=Outcome.SUPERSEDED).count() == 1


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("minutes", [10, -10])
def test_a_host_whose_clock_is_wrong_costs_no_later_install(merchant: Merchant, minutes: int, told: bool) -> None:
    """Which install is the later one is the database's to say, whether we heard of the uninstall between or not."""
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        merchant.install()
    merchant.sandbox.uninstall("demo-app", 1003)
    if told:
        deliver(event("application.uninstalled"))
        tasks.drain()
        assert merchant.installation.state == "uninstalled"
    merchant.install()

    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert (merchant.installation.state, merchant.installation.generation) == ("installed", 2)
    assert not InstallAttempt.objects.exclude(outcome=Outcome.INSTALLED).exists()
    assert abs(merchant.installation.installed_at - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("column", ["uninstalled_at", "token_died_at"])
def test_a_token_that_cannot_be_used_stands_in_no_install_s_way(merchant: Merchant, column: str) -> None:
    """As an installation may be found that a host with a wrong clock made before an upgrade."""
    merchant.install()
    merchant.sandbox.uninstall("demo-app", 1003)
    ahead = datetime.now(UTC) + timedelta(minutes=10)
    Installation.objects.update(**{"installed_at": ahead, column: datetime.now(UTC)})
    merchant.install()

    assert [merchant.installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert merchant.installation.callable


def test_nothing_sent_gives_the_code_back(merchant: Merchant, settings: LazySettings) -> None:
    address = merchant.address()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    settings.ECWID_OAUTH_URL = f"http://127.0.0.1:{port}/api/oauth"
    refused = merchant.follow(address)
    settings.ECWID_OAUTH_URL = merchant.sandbox.oauth_url
    accepted = merchant.follow(address)

    assert refused.status_code == 503
    assert "the same link still works" in refused.content.decode()
    assert accepted.status_code == 303
    outcomes = InstallAttempt.objects.order_by("pk").values_list("outcome", flat=True)
    assert list(outcomes) == [Outcome.UNREACHABLE, Outcome.INSTALLED]


def test_an_interrupted_exchange_is_closed_and_its_code_never_sent(merchant: Merchant) -> None:
    """What a worker killed between claim and grant leaves behind."""
    address = merchant.address()
    code = address.split("code=")[1].split("&")[0]
    arrival = merchant.arrival(code)
    attempt, won = InstallAttempt.objects.claim(merchant.app, arrival)
    assert won
    InstallAttempt.objects.update(arrived_at="2026-01-01T00:00:00Z")
    tasks.sweep()
    answer = merchant.follow(address)

    attempt.refresh_from_db()
    assert attempt.outcome == Outcome.WORKER_LOST
    assert answer.status_code == 409
    assert merchant.sandbox.calls_of("token") == []
