"""No network inside a transaction, no transaction across a network call (design rule 3)."""

import pytest
from django.db import connection, connections

from accounts.models import Bucket
from installs import tasks
from installs.models import Installation
from tests.cast import long_ago, work
from tests.deliveries import deliver, event
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)


class Onlooker:
    """Looks at the database from outside while Ecwid is being asked."""

    def __init__(self) -> None:
        self.looks = 0
        self.open: list[str] = []

    def look(self) -> None:
        """Note every transaction that is open just now; runs in a thread of the sandbox's."""
        self.looks += 1
        other = connections.create_connection("default")
        try:
            if connection.vendor == "postgresql":
                with other.cursor() as cursor:
                    cursor.execute(
                        "SELECT query FROM pg_stat_activity WHERE datname = current_database()"
                        " AND state LIKE 'idle in transaction%%'"
                    )
                    self.open += [row[0] for row in cursor.fetchall()]
            else:
                # Every transaction of ours begins IMMEDIATE, so an open one would keep this writer out.
                with other.cursor() as cursor:
                    cursor.execute("PRAGMA busy_timeout=0")
                    cursor.execute("INSERT INTO accounts_bucket (key, left, at) VALUES ('onlooker', 1, '2026-01-01')")
                    cursor.execute("DELETE FROM accounts_bucket WHERE key = 'onlooker'")
        finally:
            other.close()


@pytest.mark.parametrize("kind", ["token", "profile", "application"])
def test_installing_and_filling_hold_no_transaction_while_they_ask(merchant: Merchant, kind: str) -> None:
    onlooker = Onlooker()
    merchant.sandbox.on_call(kind, onlooker.look)
    merchant.install()
    work()

    assert onlooker.looks == 1
    assert onlooker.open == []
    assert not Bucket.objects.exists()


@pytest.mark.parametrize("type_", ["application.uninstalled", "application.installed"])
def test_handling_an_event_holds_no_transaction_while_it_asks(merchant: Merchant, type_: str) -> None:
    merchant.install()
    work()
    onlooker = Onlooker()
    merchant.sandbox.on_call("profile", onlooker.look)
    deliver(event(type_))
    tasks.drain()

    assert (onlooker.looks, onlooker.open) == (1, [])


def test_a_probe_holds_no_transaction_while_it_asks(merchant: Merchant) -> None:
    merchant.install()
    work()
    onlooker = Onlooker()
    merchant.sandbox.on_call("profile", onlooker.look)
    Installation.objects.update(probe_due_at=long_ago())
    tasks.probe(merchant.installation.pk)

    assert (onlooker.looks, onlooker.open) == (1, [])
