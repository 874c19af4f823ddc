"""`make demo-data`: a made-up history that is whole, always the same, and never put beside real installations."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.models import Sum
from django.test import Client

from accounts.models import Membership, Store
from installs.models import Happening, Installation, InstallAttempt, Leased, Prefill, Tally, WebhookEvent
from scripts.demo import __main__ as demo
from scripts.demo import history, plot, stores, words
from tests.people import Merchant
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 400


def make(*options: str) -> None:
    demo.main([str(COUNT), *options])


def test_every_installation_is_whole(sandbox: Sandbox) -> None:
    make()
    connection.check_constraints()

    rows = list(Installation.objects.for_lists())
    assert len(rows) == COUNT
    assert all(row.secret_token.startswith("secret_") for row in rows if row.state == "installed")
    assert {row.reason for row in rows} >= {"", "uninstalled", "permissions", "paused"}
    assert not Store.objects.exclude(memberships__role=Membership.Role.OWNER).exists()
    assert InstallAttempt.objects.filter(outcome="installed").count() >= COUNT
    assert WebhookEvent.objects.exists()


def test_its_numbers_add_up(sandbox: Sandbox) -> None:
    make()
    sums = Tally.objects.aggregate(**{name: Sum(name) for name in ("installs", "uninstalls", "events")})

    assert sums["installs"] - sums["uninstalls"] == Installation.objects.installed().count()
    assert sums["uninstalls"] == Happening.objects.filter(kind="uninstalled").count()
    assert sums["events"] == WebhookEvent.objects.count()


def test_none_of_it_is_ever_work_for_a_worker(sandbox: Sandbox) -> None:
    make()

    assert not Installation.objects.exclude(probe_due_at=None, erase_due_at=None).exists()
    assert not Prefill.objects.due().exists()
    assert not WebhookEvent.objects.filter(state=Leased.State.WAITING).exists()


def test_the_same_seed_tells_the_same_story_and_another_another(sandbox: Sandbox) -> None:
    def told(*options: str) -> list[object]:
        for model in (Tally, WebhookEvent, InstallAttempt, Installation, Store):
            model.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM accounts_user")
        make(*options)
        return list(Installation.objects.order_by("pk").values_list("scopes", "subscription_status", "generation"))

    assert told() == told()
    assert told("--seed", "2") != told()


def test_more_can_be_added(sandbox: Sandbox) -> None:
    make()
    make()
    assert Installation.objects.count() == 2 * COUNT
    assert Store.objects.create(store_id=1003).pk > Store.objects.order_by("pk").first().pk  # type: ignore[union-attr]


def test_what_is_made_in_batches_is_one_history(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot, "CHUNK", COUNT // 3)
    make()
    connection.check_constraints()

    assert Installation.objects.count() == COUNT
    assert not Store.objects.filter(installations=None).exists()
    assert not Installation.objects.filter(prefill=None).exists()


class Interrupted(history.Installs):
    """Makes one batch and no more."""

    def made(self, number: int) -> Iterator[list[bytes]]:
        yield next(super().made(number))
        raise KeyboardInterrupt


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite keeps its indexes")
def test_every_index_and_constraint_is_there_again(sandbox: Sandbox) -> None:
    before = kept()
    make()
    connection.check_constraints()
    assert kept() == before


def test_whoever_interrupts_it_finds_the_database_as_it_was() -> None:
    before, story = kept(), plot.Plot(dict(enumerate(words.APPS)), seed=1)
    with pytest.raises(KeyboardInterrupt):
        demo.fill([stores.Stores(story), Interrupted(story, events=0)], 2 * plot.CHUNK)

    assert not Store.objects.exists()
    assert kept() == before


def kept() -> dict[str, object]:
    """Return the names of what all tables keep up, and what each is."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        return {table: connection.introspection.get_constraints(cursor, table) for table in tables}


def test_real_installations_are_never_joined_unasked(merchant: Merchant) -> None:
    merchant.install()

    with pytest.raises(demo.Unwanted, match="real installations"):
        make()
    assert Installation.objects.count() == 1
    make("--anyway")
    assert Installation.objects.count() == COUNT + 1


def test_the_real_ecwid_is_never_next_to_made_up_tokens(sandbox: Sandbox, settings: LazySettings) -> None:
    settings.ECWID_API_URL = "https://app.ecwid.com/api/v3"

    with pytest.raises(demo.Unwanted, match=r"app\.ecwid\.com"):
        make()


def test_a_made_up_merchant_sees_the_store(sandbox: Sandbox, browser: Client) -> None:
    make()
    store = Store.objects.all()[0]
    browser.force_login(store.owner)

    assert browser.get(f"/stores/{store.store_id}/").status_code == 200
