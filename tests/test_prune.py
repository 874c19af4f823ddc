"""What is only kept for a while goes when its time is over, and not before."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import Bucket, Session, SignInRequest
from ecwidhub.celery import app as celery
from installs import tasks
from installs.actions import prune
from installs.models import ConnectState, InstallAttempt, PrivacyRequest, RejectedDelivery, WebhookEvent
from tests.cast import make_due
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def handled(*, received: datetime, state: str = "done") -> WebhookEvent:
    """Make one event of the past."""
    body = event("order.created")
    deliver(body)
    tasks.drain()
    rows = WebhookEvent.objects.filter(event_id=body["eventId"])
    rows.update(received_at=received, state=state)
    return rows.get()


class TestEvents:
    """A month; what nobody has handled stays for its operator, without what it said."""

    @pytest.mark.parametrize(("days", "kept"), [(29.9, True), (30.1, False)])
    def test_a_handled_one_goes_after_a_month(self, merchant: Merchant, days: float, kept: bool) -> None:
        merchant.install()
        handled(received=ago(days=days))
        tasks.prune()
        assert WebhookEvent.objects.exists() == kept

    @pytest.mark.parametrize("state", ["waiting", "running"])
    def test_one_that_is_still_to_be_handled_stays_whole(self, merchant: Merchant, state: str) -> None:
        merchant.install()
        before = handled(received=ago(days=400), state=state)
        tasks.prune()
        assert WebhookEvent.objects.get().body == before.body != ""

    @pytest.mark.parametrize(("days", "told"), [(29.9, True), (30.1, False)])
    def test_a_dead_letter_stays_and_loses_its_body(self, merchant: Merchant, days: float, told: bool) -> None:
        merchant.install()
        handled(received=ago(days=days), state="failed")
        tasks.prune()
        assert bool(WebhookEvent.objects.get().body) == told

    def test_a_request_outlives_the_event_that_opened_it(self, merchant: Merchant) -> None:
        merchant.install()
        deliver(event("profile.personalDataRemovalRequest"))
        tasks.drain()
        WebhookEvent.objects.update(received_at=ago(days=31))
        tasks.prune()

        assert not WebhookEvent.objects.exists()
        assert PrivacyRequest.objects.get().event is None

    def test_one_put_back_to_be_handled_is_not_taken_away(self, merchant: Merchant) -> None:
        merchant.install()
        handled(received=ago(days=60))
        WebhookEvent.objects.update(state="waiting")
        make_due()
        tasks.prune()
        assert WebhookEvent.objects.exists()


class TestEverythingElse:
    """Each kind has its own time."""

    @pytest.mark.parametrize(("age", "kept"), [({"days": 6.9}, True), ({"days": 7.1}, False)])
    def test_a_refused_delivery_goes_after_a_week(self, merchant: Merchant, age: dict[str, float], kept: bool) -> None:
        RejectedDelivery.objects.note(merchant.app, b"{}", "", "unsigned")
        RejectedDelivery.objects.update(received_at=ago(**age))
        tasks.prune()
        assert RejectedDelivery.objects.exists() == kept

    @pytest.mark.parametrize(("hours", "kept"), [(23, True), (25, False)])
    def test_a_state_goes_after_a_day(self, merchant: Merchant, hours: float, kept: bool) -> None:
        ConnectState.issue(merchant.app, "a browser")
        ConnectState.objects.update(created_at=ago(hours=hours))
        tasks.prune()
        assert ConnectState.objects.exists() == kept

    @pytest.mark.parametrize(("days", "kept"), [(89, True), (91, False)])
    def test_a_failed_attempt_goes_after_three_months(self, merchant: Merchant, days: float, kept: bool) -> None:
        merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
        InstallAttempt.objects.update(arrived_at=ago(days=days))
        tasks.prune()
        assert InstallAttempt.objects.exists() == kept

    def test_an_attempt_that_made_an_installation_stays(self, merchant: Merchant) -> None:
        merchant.install()
        InstallAttempt.objects.update(arrived_at=ago(days=4000))
        tasks.prune()
        assert InstallAttempt.objects.get().installation == merchant.installation

    def test_a_claim_in_progress_stays_for_the_grant_that_may_wait_in_the_spool(self, merchant: Merchant) -> None:
        InstallAttempt.objects.claim(merchant.app, merchant.arrival("a-code"))
        InstallAttempt.objects.update(arrived_at=ago(days=4000))
        tasks.prune()
        assert InstallAttempt.objects.exists()

    def test_an_expired_session_goes_and_a_living_one_stays(self, merchant: Merchant, stranger: Merchant) -> None:
        merchant.install()
        stranger.install()
        Session.objects.filter(user=merchant.store.owner).update(expire_date=ago(seconds=5))
        tasks.prune()

        assert [session.user for session in Session.objects.all()] == [stranger.store.owner]
        assert stranger.get(stranger.page).status_code == 200

    def test_what_signing_in_by_mail_leaves_behind_goes_after_a_day(self) -> None:
        for hours in (23, 25):
            SignInRequest.objects.create(email="", due_at=ago(hours=hours), asked_at=ago(hours=hours), state="done")
            Bucket.objects.create(key=str(hours), left=1, at=ago(hours=hours))
        tasks.prune()

        assert SignInRequest.objects.count() == Bucket.objects.count() == 1
        assert Bucket.objects.get().key == "23"


def test_more_than_one_batch_goes_in_bounded_steps(merchant: Merchant) -> None:
    many = 2 * prune.BATCH + 1
    RejectedDelivery.objects.bulk_create(RejectedDelivery(app=merchant.app, reason="unsigned") for _ in range(many))
    RejectedDelivery.objects.update(received_at=ago(days=8))

    assert [prune.prune() for _ in range(4)] == [prune.BATCH, prune.BATCH, 1, 0]


def test_the_schedule_prunes_once_a_day() -> None:
    entry = celery.conf.beat_schedule["prune"]
    assert entry["task"] == tasks.prune.name
    assert (entry["schedule"].hour, entry["schedule"].minute) == ({3}, {17})
