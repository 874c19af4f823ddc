"""One installation's page tells what happened, in order, with everything that an operator needs to explain it."""

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import audit
from accounts.models import StoreSettings
from installs import tasks
from installs.actions import timeline
from installs.models import Erasure, Happening, InstallAttempt
from tests import people
from tests.cast import work
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(role: str) -> Client:
    return people.operator(role, f"a-{role}")


def page(client: Client, merchant: Merchant) -> str:
    answer = client.get(f"/admin/installs/installation/{merchant.installation.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def titles(merchant: Merchant) -> list[str]:
    entries = timeline.entries(merchant.installation, with_operators=True)
    return [entry.title for entry in reversed(entries)]


def test_a_life_is_told_in_order(merchant: Merchant) -> None:
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    merchant.install()
    work()
    deliver(event("order.created"))
    merchant.sandbox.uninstall("demo-app", 1003)
    deliver(event("application.uninstalled"))
    tasks.drain()
    audit.record(by=None, what="probe", target=merchant.installation, reason="ticket 7")

    told = titles(merchant)
    assert told.index("Code rejected or expired") < told.index("Installed") < told.index("Settings read: done")
    assert told.index("Settings read: done") < told.index("order.created") < told.index("Uninstalled")
    assert told[-1] == "Probe"


def test_what_failed_for_this_store_is_there_and_what_concerns_others_is_not(
    merchant: Merchant, stranger: Merchant
) -> None:
    merchant.install()
    stranger.follow("/apps/demo-app/return/?code=made-up&store_id=1004")
    deliver(event("order.created", 1004))
    Erasure.objects.create(store_id=1004, client_id="demo-app", reason="retention")

    assert titles(merchant) == ["Installed"]


def test_what_a_delivery_said_is_shown_without_credentials(merchant: Merchant) -> None:
    merchant.install()
    deliver(event("order.created", data={"orderId": "XJ12", "accessToken": "secret_do_not_tell"}))
    shown = page(sign_in("viewer"), merchant)

    assert "XJ12" in shown
    assert "do_not_tell" not in shown


def test_settings_say_where_they_are_from(merchant: Merchant) -> None:
    merchant.install()
    work()
    settings = StoreSettings.objects.get()
    settings.edit("phone", "+31 20 555 0123", datetime.now(UTC))
    settings.save()
    shown = page(sign_in("viewer"), merchant)

    assert "the merchant, " in shown
    assert "the store says " in shown
    assert "the store, " in shown
    assert "<b>no</b>" in shown
    assert not re.search("<b>(True|False|.#x27;)", shown)


def test_health_is_explained_and_people_are_named(merchant: Merchant) -> None:
    merchant.store_id = 1012  # on the free plan
    merchant.install()
    work()
    shown = page(sign_in("viewer"), merchant)

    assert "degraded: paused" in shown
    assert "the plan has no API" in shown
    assert str(merchant.store.owner) in shown


def test_a_long_life_ends_somewhere(merchant: Merchant) -> None:
    merchant.install()
    installation = merchant.installation
    for _ in range(60):
        Happening.objects.create(installation=installation, generation=1, kind="probe", outcome="alive")
    assert len(timeline.entries(installation, with_operators=True)) == timeline.MOST


def test_the_number_of_queries_does_not_grow_with_what_happened(merchant: Merchant) -> None:
    client = sign_in("viewer")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, merchant)
        return len(captured)

    merchant.install()
    work()
    queries()
    few = queries()
    for _ in range(5):
        merchant.install()
        deliver(event("order.created"))
    work()

    assert queries() == few


class TestSupportCode:
    """From the code that a merchant reads out to the cause."""

    def code(self, merchant: Merchant) -> str:
        merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
        return InstallAttempt.objects.get().support_code

    @pytest.mark.parametrize("typed", ["{}", " {} "])
    def test_the_search_of_visits_goes_straight_to_it(self, merchant: Merchant, typed: str) -> None:
        words = typed.format(self.code(merchant)).lower()
        answer = sign_in("viewer").get("/admin/installs/installattempt/", {"q": words}, follow=True)

        assert answer.redirect_chain[-1][0].endswith(f"/{InstallAttempt.objects.get().pk}/change/")
        told = answer.content.decode()
        assert "Code rejected or expired" in told
        assert "What that means" in told
        assert "What to do" in told

    def test_every_visit_of_its_store_is_one_click_further(self, merchant: Merchant) -> None:
        self.code(merchant)
        merchant.install()
        answer = sign_in("viewer").get("/admin/installs/installattempt/?q=1003")

        assert len(answer.context["cl"].result_list) == 2
