"""Every line of a story carries its ids, from the door to the worker, and none carries a secret."""

import io
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
import structlog
from django.conf import LazySettings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client

from accounts import story
from accounts import tasks as accounts_tasks
from accounts.models import SignInRequest
from installs import tasks
from installs.models import InstallAttempt
from tests.cast import work
from tests.deliveries import deliver
from tests.people import Merchant
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "secret_C4n4ryC4n4ryC4n4ry"

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def said() -> Iterator[Lines]:
    """What is written while the test runs, in the form that it is written in."""
    root, out = logging.getLogger(), io.StringIO()
    (ours,) = [one for one in root.handlers if isinstance(one.formatter, structlog.stdlib.ProcessorFormatter)]
    handler = logging.StreamHandler(out)
    handler.setFormatter(ours.formatter)
    root.addHandler(handler)
    story.begin()
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    root.removeHandler(handler)
    story.begin()


def test_every_line_of_an_install_names_request_app_store_and_attempt(merchant: Merchant, said: Lines) -> None:
    answer = merchant.install()
    lines = said()

    assert {line["event"] for line in lines} >= {"installed", "signed_in"}
    attempt = InstallAttempt.objects.get()
    for line in lines:
        ids = {name: line.get(name) for name in ("request", "app", "store", "attempt")}
        assert ids == {
            "request": answer["X-Request-Id"],
            "app": "demo-app",
            "store": 1003,
            "attempt": attempt.support_code,
        }


def test_a_failure_nobody_expected_names_them_too(merchant: Merchant, said: Lines) -> None:
    merchant.sandbox.disturb("token", "malformed")
    merchant.install()
    (failed,) = [line for line in said() if line["event"] == "install_failed"]
    server = [line for line in said() if line["logger"] == "django.request"]

    assert (failed["attempt"], failed["store"]) == (InstallAttempt.objects.get().support_code, 1003)
    assert {line["attempt"] for line in server} == {failed["attempt"]}


def test_two_requests_are_two_stories(merchant: Merchant, said: Lines) -> None:
    first, second = merchant.install(), Client().get("/healthz")
    logging.getLogger("installs").warning("afterwards")

    assert first["X-Request-Id"] != second["X-Request-Id"]
    assert said()[-1]["request"] == second["X-Request-Id"]
    assert "attempt" not in said()[-1]


def test_an_id_that_somebody_sends_is_not_ours(said: Lines) -> None:
    answer = Client().get("/healthz", headers={"X-Request-Id": "forged\nline"})
    assert "forged" not in answer["X-Request-Id"]


def test_a_webhook_s_lines_keep_their_words_and_name_the_event(merchant: Merchant, said: Lines) -> None:
    merchant.install()
    body = event("order.created")
    deliver(body)
    (line,) = [line for line in said() if line["event"] == "webhook"]
    assert (line["event_id"], line["store"], line["app"]) == (body["eventId"], 1003, "demo-app")


def test_each_event_that_is_handled_has_lines_of_its_own(merchant: Merchant, said: Lines) -> None:
    merchant.install()
    bodies = [event("application.installed", store_id=4242), event("application.installed", store_id=4343)]
    for body in bodies:
        deliver(body)
    story.begin()
    tasks.drain()
    failed = [line for line in said() if line["event"] == "event_failed"]

    assert [(line["event_id"], line["store"]) for line in failed] == [
        (body["eventId"], body["storeId"]) for body in bodies
    ]
    logging.getLogger("installs").warning("afterwards")
    assert "event_id" not in said()[-1]


def test_a_prefill_s_lines_name_app_and_store(merchant: Merchant, said: Lines) -> None:
    merchant.install()
    story.begin(task="prefill")
    work()
    (line,) = [line for line in said() if line["event"] == "prefilled"]
    assert (line["task"], line["app"], line["store"]) == ("prefill", "demo-app", 1003)


@pytest.mark.parametrize(
    "speak",
    [
        lambda log: log.warning("the token is %s", CANARY),
        lambda log: log.warning("said", extra={"note": f"Bearer {CANARY}"}),
        lambda log: log.warning("said", extra={"deep": {"list": [{"access_token": CANARY}]}}),
        lambda log: log.warning("said", extra={"headers": {"Authorization": CANARY, "Cookie": f"session={CANARY}"}}),
        lambda log: log.warning("said", extra={"url": f"/apps/a/return/?code={CANARY}&store_id=1"}),
        lambda log: story.about(note=CANARY),
    ],
)
def test_a_secret_in_a_line_s_words_facts_or_story_is_redacted(
    said: Lines, speak: Callable[[logging.Logger], object]
) -> None:
    log = logging.getLogger("installs.canary")
    speak(log)
    log.warning("afterwards")

    assert said()
    assert CANARY not in json.dumps(said())


def test_a_secret_in_an_exception_is_redacted(said: Lines) -> None:
    try:
        raise ValueError(f"refused {CANARY}")
    except ValueError:
        logging.getLogger("installs.canary").exception("failed")
    (line,) = said()
    assert (CANARY in json.dumps(line), "ValueError" in line["exception"]) == (False, True)


class Refusing(BaseEmailBackend):
    """A mail server that knows nobody here, and says whom."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        raise SMTPRecipientsRefused({address: (550, b"unknown") for mail in messages for address in mail.to})


def test_a_mail_server_that_repeats_the_address_gets_it_into_no_line(
    merchant: Merchant, settings: LazySettings, said: Lines
) -> None:
    merchant.install()
    work()
    address = merchant.store.owner.email
    Client().post("/sign-in/", {"email": address})
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    accounts_tasks.send_sign_in_link(SignInRequest.objects.get().pk)

    (failed,) = [line for line in said() if line["event"] == "sign_in_mail_failed"]
    assert failed["reason"] == "SMTPRecipientsRefused"
    assert address not in str(said())
