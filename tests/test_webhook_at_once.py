"""The webhook door's short way: one statement for a delivery, and nothing believed that was true a moment ago."""

import threading
from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from installs.models import AppRegistration, WebhookEvent
from tests.deliveries import deliver, event

pytestmark = pytest.mark.django_db(transaction=True)

NEW, OTHER = "n" * 32, "o" * 32


@pytest.fixture(autouse=True)
def _known(app: AppRegistration) -> None:
    """The door has heard from the app before, so it remembers it."""
    assert deliver(event("order.created")).status_code == 200


def statements(body: dict[str, object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert deliver(body).status_code == 200
    return [query["sql"] for query in captured]


def test_a_new_delivery_takes_one_statement() -> None:
    said = statements(event("order.updated"))
    assert len(said) == 1, said
    assert WebhookEvent.objects.filter(type="order.updated", signer="current").count() == 1


def test_the_row_is_the_one_that_the_long_way_writes() -> None:
    """The statement is written by hand, so nothing else would notice a column that it gets wrong."""
    told = event("order.created", data={"é": "✓"})
    deliver(told)
    short, long = WebhookEvent.objects.order_by("-pk")[0], WebhookEvent.objects.order_by("pk")[0]
    own = {"id", "event_id", "occurred_at", "body", "body_hash", "received_at", "due_at"}
    for field in WebhookEvent._meta.concrete_fields:
        if field.name not in own:
            assert (field.name, getattr(short, field.attname)) == (field.name, getattr(long, field.attname))
    assert short.occurred_at.timestamp() == told["eventCreated"]
    assert '"\\u00e9": "\\u2713"' in short.body
    assert (short.received_at - long.received_at).total_seconds() < 60
    assert short.due_at >= long.due_at
    assert WebhookEvent.objects.due().count() == 2


def test_a_secret_that_was_forgotten_is_refused_at_once(app: AppRegistration) -> None:
    app.client_secret, app.previous_client_secret = NEW, ""
    app.save()
    assert deliver(event("order.created")).status_code == 401
    assert deliver(event("order.created"), secret=NEW).status_code == 200
    assert WebhookEvent.objects.count() == 2


def test_a_secret_that_was_replaced_is_the_previous_one_at_once(app: AppRegistration) -> None:
    app.replace_secret(NEW)
    app.save()
    deliver(event("order.created"))
    assert WebhookEvent.objects.order_by("-pk")[0].signer == "previous"
    assert AppRegistration.objects.get().previous_secret_uses == 1


def test_a_secret_wiped_by_an_update_is_believed_by_nobody_at_once() -> None:
    AppRegistration.objects.update(client_secret="")
    assert deliver(event("order.created")).status_code == 401


def test_an_app_that_was_deleted_is_unknown_at_once(app: AppRegistration) -> None:
    app.delete()
    assert deliver(event("order.created")).status_code == 404


def test_a_secret_replaced_between_the_look_and_the_row_writes_no_row(app: AppRegistration) -> None:
    """Another process replaces it after the signature was checked: the row would not be written under the old one."""
    replaced = threading.Event()

    def replace(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        if "INSERT INTO installs_webhookevent" in sql and not replaced.is_set():
            replaced.set()
            mine = AppRegistration.objects.get(pk=app.pk)
            mine.client_secret, mine.previous_client_secret = OTHER, ""
            mine.save()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(replace):
        assert deliver(event("order.updated")).status_code == 401
    assert replaced.is_set()
    assert not WebhookEvent.objects.filter(type="order.updated").exists()


@pytest.fixture
def _no_database() -> Iterator[None]:
    def down(*_: object) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(down):
        yield


@pytest.mark.usefixtures("_no_database")
def test_without_a_database_ecwid_is_told_to_come_again() -> None:
    answer = deliver(event("order.updated"))
    assert (answer.status_code, answer["Retry-After"]) == (503, "15")


def test_the_short_way_still_says_what_every_answer_says(settings: LazySettings) -> None:
    answer = deliver(event("order.updated"))
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert len(answer["X-Request-Id"]) == 16
    assert "Set-Cookie" not in answer


@pytest.mark.parametrize("path", ["/stores/1003/webhook/", "/webhook", "/apps/demo-app/webhook/x/webhook/"])
def test_only_a_program_s_address_goes_the_short_way(path: str) -> None:
    answer = Client().post(path)
    assert answer.status_code == 404
    assert "Content-Security-Policy" in answer


def test_a_browser_that_looks_at_the_door_is_answered_as_browsers_are() -> None:
    answer = Client().get("/apps/demo-app/webhook/")
    assert answer.status_code == 405
    assert "Content-Security-Policy" in answer
