"""An operator holds an installation back: our work for it waits, the merchant's goes on, and nothing is lost."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from installs import tasks
from installs.actions import hold
from installs.models import Installation, Prefill, PrivacyRequest, WebhookEvent
from tests.cast import long_ago, make_due, work
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(merchant: Merchant) -> Merchant:
    """A merchant whose details have been read, held back by an operator since."""
    merchant.install()
    work()
    assert hold.hold(installations=Installation.objects.all()) == 1
    return merchant


def test_what_is_due_waits_and_goes_on_afterwards(held: Merchant) -> None:
    held.sandbox.stores[1003].profile["company"]["city"] = "Rotterdam"
    calls = len(held.sandbox.calls)
    Prefill.objects.update(state="waiting", due_at=long_ago())
    Installation.objects.update(probe_due_at=long_ago())
    work()
    tasks.probe(held.installation.pk)
    tasks.prefill(held.installation.pk)
    assert len(held.sandbox.calls) == calls

    assert hold.resume(installations=Installation.objects.all()) == 1
    tasks.probe(held.installation.pk)
    work()
    assert held.store.settings.city == "Rotterdam"
    assert len(held.sandbox.calls) == calls + 3


def test_a_reinstall_at_the_same_moment_does_not_lose_it(merchant: Merchant) -> None:
    merchant.install()
    operators = [hold.hold]

    def just_before(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Let an operator act between the look at the installation and the writing of its next generation."""
        if sql.startswith('UPDATE "installs_installation"') and operators:
            operators.pop()(installations=Installation.objects.all())
        return execute(sql, *rest)

    with connection.execute_wrapper(just_before):
        merchant.install()

    assert not operators
    assert merchant.installation.generation == 2
    assert merchant.installation.held_at is not None


def test_events_wait_without_losing_a_try(held: Merchant) -> None:
    deliver(event("profile.updated"))
    for _ in range(15):
        tasks.drain()
        make_due()
    waiting = WebhookEvent.objects.get()
    assert (waiting.state, waiting.tries) == ("waiting", 0)
    assert "paused" in waiting.error

    WebhookEvent.objects.update(due_at=datetime(2099, 1, 1, tzinfo=UTC))
    hold.resume(installations=Installation.objects.all())
    tasks.drain()
    waiting.refresh_from_db()
    assert (waiting.state, waiting.outcome) == ("done", "prefill due")


def test_an_uninstall_and_a_privacy_request_are_not_held_up(held: Merchant) -> None:
    deliver(event("customer.personalDataRemovalRequest"))
    tasks.drain()
    assert PrivacyRequest.objects.count() == 1

    held.sandbox.uninstall("demo-app", 1003)
    deliver(event("application.uninstalled"))
    tasks.drain()
    assert held.installation.state == "uninstalled"


def test_the_merchant_is_told_and_keeps_their_page(held: Merchant) -> None:
    page = held.get(held.page).content.decode()
    assert "We have paused our work for your store." in page
    assert held.get("/stores/1003/connection/").content.decode().count("paused our work") == 1

    held.post("/stores/1003/settings/phone/", {"phone": "+31 20 555 0100"})
    held.post("/stores/1003/sync/")
    assert held.store.settings.phone == "+31 20 555 0100"
    assert held.installation.prefill.state == "done"


def test_the_first_run_page_does_not_wait_for_what_is_held(merchant: Merchant) -> None:
    merchant.install()
    hold.hold(installations=Installation.objects.all())
    page = merchant.get("/stores/1003/onboarding/").content.decode()
    assert "its details are not being read" in page
    assert "appear here in a few seconds" not in page


def test_a_hold_is_told_apart_from_a_plan_and_outlives_a_reinstall(held: Merchant) -> None:
    assert (held.installation.health, held.installation.reason) == ("degraded", "held")
    assert held.installation.paused_at is None
    held.install()
    assert held.installation.generation == 2
    assert held.installation.reason == "held"


def test_holding_twice_keeps_the_first_time(held: Merchant) -> None:
    since = held.installation.held_at
    assert hold.hold(installations=Installation.objects.all()) == 0
    assert held.installation.held_at == since
