"""The account fills itself from the store, however Ecwid behaves and whoever is killed meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import StoreSettings
from installs import tasks
from installs.models import Installation, Prefill, WebhookEvent
from tests.cast import long_ago, make_due, work
from tests.deliveries import deliver, event
from tests.people import Merchant
from tests.processes import until
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


def settings_of(merchant: Merchant) -> StoreSettings:
    return StoreSettings.objects.get(store__store_id=merchant.store_id)


def test_every_setting_comes_from_the_store(merchant: Merchant) -> None:
    merchant.install()
    work()

    known = settings_of(merchant)
    assert (known.store_name, known.owner_name) == ("Paper Trail", "Anna Janssen")
    assert known.contact_email == "orders@papertrail.example"
    assert (known.company_name, known.street) == ("Paper Trail BV", "Kerkstraat 1\n2nd floor")
    assert (known.city, known.postal_code, known.state_code, known.country_code) == ("Utrecht", "3511 AA", "UT", "NL")
    assert known.phone == "+31300000000"
    assert (known.currency, known.currency_prefix, known.currency_precision) == ("EUR", "€", 2)
    assert (known.weight_unit, known.dimensions_unit, known.volume_unit) == ("KILOGRAM", "CM", "ML")
    assert (known.date_format, known.time_format, known.timezone) == ("dd.MM.yyyy", "HH:mm", "Europe/Amsterdam")
    assert (known.languages, known.default_language) == (["en", "nl"], "en")
    assert known.logo_url == "https://img.example.com/logo.png"
    assert known.storefront_url == "https://papertrail.company.site/products"
    assert known.website_platform == "instantsite"
    assert (known.closed, known.suspended, known.prices_include_tax, known.white_label) == (False, False, True, False)
    assert "API" in known.plan_features
    assert merchant.installation.subscription_status == "ACTIVE"
    assert known.origins["store_name"]["by"] == "store"
    assert known.filled_at is not None


def test_the_owner_gets_a_name_and_a_contact_e_mail(merchant: Merchant) -> None:
    merchant.install()
    work()

    assert merchant.store.owner.name == "Anna Janssen"
    assert merchant.store.owner.email == "orders@papertrail.example"


def test_the_merchant_s_edits_win_over_every_later_prefill(merchant: Merchant) -> None:
    merchant.install()
    work()
    merchant.post("/stores/1003/settings/store_name/", {"store_name": "My own name"})
    merchant.sandbox.stores[1003].profile["settings"]["storeName"] = "Renamed at the source"
    merchant.post("/stores/1003/sync/")
    work()

    known = settings_of(merchant)
    assert known.store_name == "My own name"
    assert known.origins["store_name"]["by"] == "merchant"
    assert known.origins["store_name"]["store"] == "Renamed at the source"


def test_an_edit_made_while_the_prefill_is_on_its_way_wins(merchant: Merchant) -> None:
    merchant.install()
    merchant.post("/stores/1003/settings/currency/", {"currency": "USD"})
    work()

    assert settings_of(merchant).currency == "USD"
    assert settings_of(merchant).store_name == "Paper Trail"


def test_a_store_that_tells_almost_nothing_still_installs(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.stores[1003].profile.clear()
    sandbox.stores[1003].profile["generalInfo"] = {"storeId": 1003}
    merchant.install()
    work()

    assert merchant.installation.prefill.state == "done"
    assert settings_of(merchant).store_name == ""
    assert merchant.get("/stores/1003/onboarding/").status_code == 200


def test_every_made_up_store_can_be_installed_and_shown(merchant: Merchant) -> None:
    for store_id, store in merchant.sandbox.stores.items():
        if not store.plan_has_api or store.suspended or not store.exists:
            continue
        merchant.store_id = store_id
        merchant.browser.logout()
        merchant.browser.cookies.clear()
        merchant.install()
        work()
        assert merchant.installation.prefill.state == "done", store.label
        assert merchant.get(f"/stores/{store_id}/onboarding/").status_code == 200, store.label
        assert merchant.get(f"/stores/{store_id}/").status_code == 200, store.label


@pytest.mark.parametrize("how", ["server_error", "bad_gateway", "malformed", "empty", "html", "dropped", "reset"])
def test_a_rude_answer_is_tried_again_later(merchant: Merchant, how: str) -> None:
    merchant.install()
    merchant.sandbox.disturb("profile", how)
    work()
    waiting = merchant.installation.prefill
    assert (waiting.state, waiting.tries) == ("waiting", 1)
    assert waiting.due_at > datetime.now(UTC)
    make_due()
    work()

    assert merchant.installation.prefill.state == "done"
    assert settings_of(merchant).store_name == "Paper Trail"


def test_retry_after_is_honoured(merchant: Merchant) -> None:
    merchant.install()
    merchant.sandbox.disturb("profile", "rate_limited", seconds=90)
    work()

    assert merchant.installation.prefill.due_at > datetime.now(UTC) + timedelta(seconds=80)


def test_waits_grow_and_are_not_all_alike(merchant: Merchant) -> None:
    merchant.install()
    waits = []
    for _ in range(6):
        merchant.sandbox.disturb("profile", "server_error")
        make_due()
        work()
        waits.append((merchant.installation.prefill.due_at - datetime.now(UTC)).total_seconds())

    assert waits == sorted(waits)
    assert waits[0] < 5
    assert waits[5] > 1000


def test_it_gives_up_at_last_and_the_merchant_can_try_again(merchant: Merchant) -> None:
    merchant.install()
    Prefill.objects.update(tries=500)
    merchant.sandbox.disturb("profile", "server_error")
    work()
    assert merchant.installation.prefill.state == "failed"
    assert merchant.installation.health == "degraded"
    merchant.post("/stores/1003/sync/")
    work()

    assert merchant.installation.prefill.state == "done"


def test_a_killed_worker_s_prefill_is_taken_up_again(merchant: Merchant) -> None:
    merchant.install()
    pk = merchant.installation.pk
    assert Prefill.claim(pk) is not None
    work()
    assert merchant.installation.prefill.state == "running"
    Prefill.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    work()

    assert merchant.installation.prefill.state == "done"


def test_a_change_that_is_told_while_the_settings_are_read_is_read_after_that(merchant: Merchant) -> None:
    """The answer on its way may be from before the change, and Ecwid tells of a change once."""
    merchant.install()
    merchant.sandbox.disturb("profile", "slow", seconds=600)

    def reading() -> None:
        work()
        connection.close()

    with ThreadPoolExecutor(1) as worker:
        done = worker.submit(reading)
        until(lambda: len(merchant.sandbox.calls_of("profile")) == 1)
        merchant.sandbox.stores[1003].profile["settings"]["storeName"] = "Renamed meanwhile"
        deliver(event("profile.updated"))
        tasks.drain()
        merchant.sandbox.calm()
        done.result()

    assert WebhookEvent.objects.get().outcome == "prefill to follow"
    assert settings_of(merchant).store_name == "Paper Trail"
    work()
    assert settings_of(merchant).store_name == "Renamed meanwhile"
    work()
    assert len(merchant.sandbox.calls_of("profile")) == 2, "and then it is done"


@pytest.mark.parametrize("hours", [1, -1])
def test_a_host_whose_clock_is_wrong_makes_nobody_wait(merchant: Merchant, hours: int) -> None:
    """What is due is the database's to say: for the fill after an install, and for the second look at a token."""
    wrong = datetime.now(UTC) + timedelta(hours=hours)
    with time_machine.travel(wrong):
        merchant.install()
    work()
    assert settings_of(merchant).store_name == "Paper Trail"

    merchant.sandbox.uninstall("demo-app", 1003)
    Installation.objects.update(probe_due_at=long_ago())
    with time_machine.travel(wrong):
        tasks.probe(merchant.installation.pk)
    again = merchant.installation.probe_due_at
    assert again is not None
    assert 50 < (again - datetime.now(UTC)).total_seconds() < 65


def test_one_prefill_is_done_by_one_worker(merchant: Merchant) -> None:
    merchant.install()
    pk = merchant.installation.pk
    first = Prefill.claim(pk)
    second = Prefill.claim(pk)

    assert first is not None
    assert second is None


def test_a_claim_brings_all_that_the_work_needs_to_know(merchant: Merchant) -> None:
    """In two statements, the second time too, when nothing is compiled any more."""
    merchant.install()
    pk, claims = merchant.installation.pk, set()
    for _ in range(2):
        Prefill.objects.update(state="waiting", due_at=long_ago())
        with CaptureQueriesContext(connection) as asked:
            claimed = Prefill.claim(pk)
            assert claimed is not None
            assert claimed.installation.store.store_id == 1003
            assert claimed.installation.app.client_id == "demo-app"
            claims.add(claimed.lease_by)
        assert len(asked) == 2

    assert len(claims) == 2
    assert merchant.installation.prefill.tries == 2


def test_a_worker_that_lost_its_lease_changes_nothing(merchant: Merchant) -> None:
    merchant.install()
    late = Prefill.claim(merchant.installation.pk)
    assert late is not None
    Prefill.objects.update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert Prefill.claim(late.pk) is not None

    assert not late.finish(done_at=datetime.now(UTC))
    assert not late.give_up("too late")
    assert merchant.installation.prefill.state == "running"


def test_a_refused_token_is_not_used_again(merchant: Merchant) -> None:
    merchant.install()
    merchant.sandbox.uninstall("demo-app", 1003)
    work()
    calls = len(merchant.sandbox.calls_of("profile"))
    merchant.post("/stores/1003/sync/")
    make_due()
    work()
    Prefill.objects.update(state="waiting", due_at=long_ago())
    work()

    assert calls == len(merchant.sandbox.calls_of("profile")) == 1
    assert merchant.installation.token_died_at is not None
    assert merchant.installation.health == "broken"
    assert "Connect again" in merchant.get("/stores/1003/").content.decode()


@pytest.mark.parametrize("flag", ["plan_has_api", "suspended"])
def test_a_paused_store_keeps_its_token_and_is_asked_in_hours(merchant: Merchant, flag: str) -> None:
    merchant.install()
    setattr(merchant.sandbox.stores[1003], flag, flag == "suspended")
    work()

    paused = merchant.installation
    assert (paused.prefill.state, paused.prefill.error) == ("waiting", "paused")
    assert paused.prefill.due_at > datetime.now(UTC) + timedelta(hours=1)
    assert paused.token_died_at is None


def test_a_missing_scope_fails_with_its_reason(merchant: Merchant) -> None:
    merchant.install()
    merchant.sandbox.disturb("profile", "insufficient_scope")
    work()

    assert merchant.installation.prefill.state == "failed"
    assert merchant.installation.token_died_at is None


def test_the_subscription_may_be_silent_without_harm(merchant: Merchant) -> None:
    merchant.install()
    merchant.sandbox.disturb("application", "server_error")
    work()

    assert merchant.installation.prefill.state == "done"
    assert merchant.installation.subscription_status == ""


def test_a_reinstall_in_the_middle_overtakes_the_old_prefill(merchant: Merchant) -> None:
    merchant.install()
    old = Prefill.claim(merchant.installation.pk)
    assert old is not None
    merchant.install()

    assert not old.finish(done_at=datetime.now(UTC))
    assert merchant.installation.prefill.generation == 2
    assert merchant.installation.prefill.state == "waiting"
