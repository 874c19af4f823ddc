"""Whoever writes to two rows of one installation in a transaction takes them in one order, so that nobody deadlocks."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from installs import tasks
from installs.models import Happening, Installation, Prefill
from tests.cast import long_ago, work
from tests.people import Merchant
from tests.test_prefill import settings_of

pytestmark = pytest.mark.django_db(transaction=True)


def orders(story: Callable[[], object]) -> list[list[str]]:
    """Return, for each transaction of a story that writes to both, whether installation or prefill came first."""
    written: list[list[str]] = [[]]
    with CaptureQueriesContext(connection) as captured:
        story()
    for query in captured:
        sql = query["sql"]
        if sql.startswith("BEGIN"):
            written.append([])
        for name in ("installation", "prefill"):
            if sql.startswith(f'UPDATE "installs_{name}"') and name not in written[-1]:
                written[-1].append(name)
        if sql.startswith("COMMIT"):
            written.append([])
    return [names for names in written if len(names) == 2]


def test_installation_and_prefill_are_locked_in_one_order(merchant: Merchant) -> None:
    def probed() -> None:
        Installation.objects.update(probe_due_at=long_ago())
        tasks.probe(merchant.installation.pk)

    merchant.install()
    filled, reinstalled = orders(work), orders(merchant.install)
    merchant.sandbox.uninstall("demo-app", merchant.store_id)
    suspected, closed = orders(probed), orders(probed)

    assert merchant.installation.state == "uninstalled"
    assert filled == reinstalled == suspected == closed == [["installation", "prefill"]]


def test_a_prefill_that_is_overtaken_while_it_reads_writes_nothing(merchant: Merchant) -> None:
    """It comes to the installation first, and takes that back."""
    merchant.install()
    pk = merchant.installation.pk

    def overtake() -> None:
        Prefill.objects.update(lease_until=long_ago())
        Prefill.claim(pk)
        Installation.objects.update(paused_at=long_ago())
        connection.close()

    merchant.sandbox.on_call("application", overtake)
    work()

    assert merchant.installation.prefill.state == "running"
    assert merchant.installation.paused_at is not None
    assert merchant.installation.subscription_status == ""
    assert settings_of(merchant).store_name == ""
    assert not Happening.objects.exists()
