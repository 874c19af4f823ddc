"""Handling recorded events: batches, leases, waits, dead letters, and products' own handlers."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from installs import events, tasks
from installs.actions import handle
from installs.models import Installation, WebhookEvent
from tests.cast import long_ago, make_due
from tests.deliveries import deliver, event
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)


class Product:
    """An app on top, which counts what it is told and fails when asked to."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.announced: list[str] = []
        self.failing = False
        self.time_is_up_at = 0  # the call, counted from 1, in whose midst the worker is told to stop

    def refresh(self, event: WebhookEvent, _installation: Installation) -> None:
        self.seen.append(event.event_id)
        if len(self.seen) == self.time_is_up_at:
            raise SoftTimeLimitExceeded
        if self.failing:
            raise LookupError("the product has a bug")

    def announce(self, event: WebhookEvent, **_: object) -> None:
        self.announced.append(event.event_id)


@pytest.fixture
def product(merchant: Merchant) -> Iterator[Product]:
    """A product that handles one type of its own for every app, and one for the demo app only."""
    merchant.install()
    made = Product()
    with (
        events.registered(made.refresh, "product.test_thing"),
        events.registered(made.refresh, "app.only", app="demo-app"),
    ):
        events.handled.connect(made.announce)
        yield made
        events.handled.disconnect(made.announce)


def only() -> WebhookEvent:
    return WebhookEvent.objects.get()


def test_a_product_s_handler_is_called_and_the_signal_sent_once(product: Product) -> None:
    body = event("product.testThing")
    for _ in range(3):
        deliver(body)
    tasks.drain()
    tasks.drain()

    assert product.seen == product.announced == [body["eventId"]]
    assert (only().state, only().outcome, only().tries) == ("done", "handled", 1)
    assert only().handled_at is not None


def test_a_handler_of_one_app_hears_of_that_app_only(product: Product) -> None:
    deliver(event("app.only"))
    tasks.drain()
    assert len(product.seen) == 1


def test_a_failing_handler_keeps_its_reason_and_comes_again(product: Product) -> None:
    product.failing = True
    deliver(event("product.test_thing"))
    tasks.drain()

    failed = only()
    assert (failed.state, failed.tries) == ("waiting", 1)
    assert "LookupError: the product has a bug" in failed.error
    assert "in refresh" in failed.traceback
    assert failed.due_at > datetime.now(UTC)
    product.failing = False
    make_due()
    tasks.drain()
    assert (only().state, only().traceback) == ("done", "")


def test_one_failing_event_costs_the_others_nothing(product: Product, merchant: Merchant) -> None:
    product.failing = True
    deliver(event("product.test_thing"))
    deliver(event("size_chart.created"))
    tasks.drain()

    assert sorted(WebhookEvent.objects.values_list("state", flat=True)) == ["done", "waiting"]


def test_in_the_end_it_is_a_dead_letter_that_a_redelivery_revives(product: Product) -> None:
    product.failing = True
    body = event("product.test_thing")
    deliver(body)
    for _ in range(11):
        make_due()
        tasks.drain()
    assert only().state == "failed"
    product.failing = False
    deliver(body)
    tasks.drain()

    assert only().state == "done"
    assert product.announced == [body["eventId"]]


def test_a_redelivery_of_a_handled_event_is_swallowed(product: Product) -> None:
    body = event("product.test_thing")
    deliver(body)
    tasks.drain()
    deliver(body)
    tasks.drain()

    assert len(product.seen) == 1


def test_a_killed_worker_s_events_are_taken_up_again(product: Product) -> None:
    for _ in range(3):
        deliver(event("product.test_thing"))
    assert len(WebhookEvent.objects.claim_batch(50)) == 3
    tasks.drain()
    assert product.seen == []
    WebhookEvent.objects.update(lease_until=long_ago())
    tasks.drain()

    assert len(product.seen) == 3


def hang(product: Product, after: int) -> None:
    """Drain with a worker whose time is up while the event after so many is handled."""
    product.time_is_up_at = len(product.seen) + after + 1
    with pytest.raises(SoftTimeLimitExceeded):
        tasks.drain()


def test_events_nobody_came_to_have_lost_nothing_when_time_is_up(product: Product) -> None:
    """Ecwid hangs: a few events take all of a worker's time."""
    for _ in range(handle.BATCH):
        deliver(event("product.test_thing"))
    hang(product, after=4)

    assert len(product.seen) == 5
    (late,) = WebhookEvent.objects.filter(state="waiting", tries=1)
    assert late.error.startswith("SoftTimeLimitExceeded")
    assert late.due_at > datetime.now(UTC)
    left = WebhookEvent.objects.filter(state="waiting", tries=0, lease_by=None, lease_until=None)
    assert left.count() == WebhookEvent.objects.due().count() == handle.BATCH - 5


def test_events_behind_a_hanging_one_never_become_dead_letters(product: Product) -> None:
    for _ in range(3):
        deliver(event("product.test_thing"))
    last = WebhookEvent.objects.order_by("-due_at", "-pk")[0]
    for _ in range(15):
        WebhookEvent.objects.exclude(pk=last.pk).update(state="waiting", due_at=last.due_at - timedelta(hours=1))
        hang(product, after=0)
    last.refresh_from_db()
    assert (last.state, last.tries) == ("waiting", 0)

    product.time_is_up_at, product.failing = 0, True
    WebhookEvent.objects.exclude(pk=last.pk).delete()
    tasks.drain()
    last.refresh_from_db()
    assert (last.state, last.tries) == ("waiting", 1)


def test_a_killed_worker_costs_a_try_only_what_it_had_begun(product: Product) -> None:
    for _ in range(3):
        deliver(event("product.test_thing"))
    for _ in range(12):
        begun, *_others = WebhookEvent.objects.claim_batch(50)
        assert begun.begin()
        WebhookEvent.objects.update(lease_until=long_ago())
    assert sorted(WebhookEvent.objects.values_list("tries", flat=True)) == [0, 0, 12]
    tasks.drain()

    assert len(product.seen) == 3
    assert sorted(WebhookEvent.objects.values_list("state", "tries")) == [("done", 1), ("done", 1), ("done", 13)]


def test_an_event_that_was_taken_over_before_its_turn_is_left_alone(product: Product) -> None:
    """Those before it took longer than the lease of the batch."""
    for _ in range(3):
        deliver(event("product.testThing"))

    def take_over(_event: WebhookEvent, _installation: Installation) -> None:
        WebhookEvent.objects.exclude(pk=_event.pk).update(lease_by=uuid.uuid4())

    with events.registered(take_over, "product.testThing"):
        tasks.drain()
    assert len(product.seen) == 1
    assert sorted(WebhookEvent.objects.values_list("state", "tries")) == [("done", 1), ("running", 0), ("running", 0)]


def test_each_event_has_a_lease_of_its_own_from_its_turn_on(product: Product) -> None:
    deliver(event("product.test_thing"))
    (claimed,) = WebhookEvent.objects.claim_batch(50)
    WebhookEvent.objects.update(lease_until=long_ago())
    assert claimed.begin()
    assert WebhookEvent.objects.due().count() == 0


def test_two_drains_share_the_work_and_double_none(product: Product) -> None:
    for _ in range(4):
        deliver(event("product.test_thing"))
    first, second = WebhookEvent.objects.claim_batch(2), WebhookEvent.objects.claim_batch(50)

    assert len(first) == len(second) == 2
    assert not {row.pk for row in first} & {row.pk for row in second}


def test_more_than_one_batch_is_drained_in_one_go(product: Product) -> None:
    for _ in range(120):
        deliver(event("product.test_thing"))
    tasks.drain()

    assert len(product.announced) == 120


def test_the_sweep_rings_for_events_whose_own_ring_was_lost(product: Product) -> None:
    deliver(event("product.test_thing"))
    assert WebhookEvent.objects.due().count() == 1
    tasks.sweep()
    tasks.drain()
    assert WebhookEvent.objects.due().count() == 0


def test_many_events_ring_few_times(product: Product) -> None:
    rung = [tasks.nudge_drain() for _ in range(50)]
    assert sum(rung) <= 1


@pytest.mark.parametrize("heard", [False, True])
def test_what_nobody_handles_is_finished_together_unless_somebody_listens(
    product: Product, merchant: Merchant, heard: bool
) -> None:
    """Otherwise a long queue of what no product asked for would take a commit for each event."""
    if not heard:
        events.handled.disconnect(product.announce)
    bodies = [event("order.created") for _ in range(handle.BATCH - 2)]
    for body in (*bodies, event("order.created", store_id=4242), event("product.testThing")):
        deliver(body)
    with CaptureQueriesContext(connection) as captured:
        assert handle.handle_due() == handle.BATCH
    assert heard or len(captured) <= 16, "\n".join(query["sql"] for query in captured)

    outcomes = WebhookEvent.objects.values_list("outcome").annotate(models.Count("pk")).order_by("outcome")
    assert list(outcomes) == [("handled", 1), ("no handler", handle.BATCH - 2), ("unknown store", 1)]
    assert not WebhookEvent.objects.exclude(state="done", lease_by=None, tries=1).exists()
    assert len(product.announced) == (handle.BATCH - 1 if heard else 0)


def test_what_nobody_handles_waits_as_well_while_its_store_is_held(product: Product) -> None:
    events.handled.disconnect(product.announce)
    Installation.objects.update(held_at=datetime.now(UTC))
    deliver(event("order.created"))
    tasks.drain()
    assert (only().state, only().tries) == ("waiting", 0)


def test_events_that_another_worker_took_over_are_not_finished(product: Product) -> None:
    for _ in range(3):
        deliver(event("order.created"))
    mine = WebhookEvent.objects.select_related("app").claim_batch(10)
    WebhookEvent.objects.filter(pk=mine[0].pk).update(lease_by=uuid.uuid4())
    ours = WebhookEvent.objects.finish_all(mine, outcome="no handler")
    assert [row.pk for row in ours] == [row.pk for row in mine[1:]]
    assert WebhookEvent.objects.get(pk=mine[0].pk).state == "running"
