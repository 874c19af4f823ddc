"""Silence and refusals are told apart, and neither is taken for the other."""

from datetime import UTC, datetime, timedelta

import pytest

from installs.actions import watch
from installs.models import Installation, RejectedDelivery, WebhookEvent
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


@pytest.fixture
def settled(merchant: Merchant) -> Merchant:
    """Somebody who has had the app for two days."""
    merchant.install()
    Installation.objects.update(installed_at=ago(days=2))
    return merchant


class TestWebhooks:
    """Ecwid blocks an app whose webhooks fail for two weeks; we know within a day."""

    @pytest.mark.parametrize(("hours", "verdict"), [(23, "fine"), (25, "silent")])
    def test_a_day_without_any_is_silence(self, settled: Merchant, hours: float, verdict: str) -> None:
        deliver(event("order.created"))
        WebhookEvent.objects.update(received_at=ago(hours=hours))
        assert watch.hearing(app=settled.app).verdict == verdict

    def test_never_having_heard_of_a_settled_store_is_silence_too(self, settled: Merchant) -> None:
        assert watch.hearing(app=settled.app).verdict == "silent"

    @pytest.mark.parametrize("gone", [True, False])
    def test_an_app_without_a_settled_store_may_be_silent(self, merchant: Merchant, gone: bool) -> None:
        merchant.install()
        if gone:
            Installation.objects.update(installed_at=ago(days=9), uninstalled_at=ago(days=2))
        assert watch.hearing(app=merchant.app).verdict == "fine"

    def test_refusals_and_nothing_else_are_a_wrong_secret(self, settled: Merchant) -> None:
        deliver(event("order.created"), secret="w" * 32)
        heard = watch.hearing(app=settled.app)
        assert (heard.verdict, heard.refused, heard.last) == ("refused", 1, None)

    def test_a_stray_refusal_between_good_ones_is_fine(self, settled: Merchant) -> None:
        deliver(event("order.created"))
        deliver(event("order.created"), secret="w" * 32)
        assert watch.hearing(app=settled.app).verdict == "fine"

    def test_refusals_of_long_ago_do_not_count(self, settled: Merchant) -> None:
        deliver(event("order.created"), secret="w" * 32)
        RejectedDelivery.objects.update(received_at=ago(hours=2))
        assert watch.hearing(app=settled.app).verdict == "silent"
