"""Handling recorded events: batches, leases, waits, dead letters, and products' own handlers."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
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

    def refresh(self, event: WebhookEvent, _installation: Installation) -> None:
        self.seen.append(event.event_id)
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
