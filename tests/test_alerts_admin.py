"""Operators and alerts: whom to tell, from which value on, what stands; a webhook's secret is never shown again."""

import pytest
from django.core import mail
from django.test import Client

from accounts.models import AuditEntry
from installs import runbook, tasks
from installs.models import Alert, AlertDelivery, AlertReceiver, AlertRule, InstallAttempt, Rule
from tests import people
from tests.ecwid.loopback import Answer, Site
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

ALERTS, RULES, RECEIVERS = (f"/admin/installs/{model}/" for model in ("alert", "alertrule", "alertreceiver"))
SECRET = "whsec_QyBhIHNlY3JldCBvZiBtYW55IGJ5dGVz"


@pytest.fixture
def manager() -> Client:
    return people.operator("manager")


def form(**changes: str) -> dict[str, str]:
    return {"kind": "webhook", "address": "https://hub.example/alerts", "enabled": "on", "new_secret": SECRET} | changes


def test_a_webhook_s_secret_goes_in_and_never_comes_out(manager: Client) -> None:
    manager.post(f"{RECEIVERS}add/", form())
    receiver = AlertReceiver.objects.get()
    assert receiver.secret == SECRET

    manager.post(f"{RECEIVERS}{receiver.pk}/change/", form(new_secret="", address="https://hub.example/other"))
    receiver.refresh_from_db()
    assert (receiver.address, receiver.secret) == ("https://hub.example/other", SECRET)
    pages = [manager.get(path).content.decode() for path in (RECEIVERS, f"{RECEIVERS}{receiver.pk}/change/")]
    assert not any(SECRET in page for page in [*pages, str(list(AuditEntry.objects.values()))])


@pytest.mark.parametrize(
    "changes", [{"new_secret": ""}, {"new_secret": "too short"}, {"address": "http://hub.example/"}, {"kind": "mail"}]
)
def test_a_receiver_that_could_not_trust_us_is_refused(manager: Client, changes: dict[str, str]) -> None:
    page = manager.post(f"{RECEIVERS}add/", form(**changes)).content.decode()
    assert not AlertReceiver.objects.exists()
    assert SECRET not in page


def test_a_mail_needs_no_secret(manager: Client) -> None:
    manager.post(f"{RECEIVERS}add/", form(kind="mail", address="ops@hub.example", new_secret=""))
    assert AlertReceiver.objects.get().address == "ops@hub.example"


def test_a_test_alert_reaches_the_one_it_is_for(manager: Client) -> None:
    chosen = AlertReceiver.objects.create(kind="mail", address="ops@hub.example")
    AlertReceiver.objects.create(kind="mail", address="others@hub.example")
    manager.post(RECEIVERS, {"action": "send_a_test", "_selected_action": [str(chosen.pk)]})
    for pk in AlertDelivery.objects.values_list("pk", flat=True):
        tasks.deliver(pk)
    assert [message.to for message in mail.outbox] == [["ops@hub.example"]]
    assert "A test" in mail.outbox[0].subject


def test_the_list_has_every_rule_and_a_changed_one_counts(manager: Client) -> None:
    page = manager.get(RULES).content.decode()
    assert all(label in page for rule, label in Rule.choices if rule != Rule.TEST)

    rule = AlertRule.objects.get(rule=Rule.QUEUE_OLD)
    manager.post(f"{RULES}{rule.pk}/change/", {"enabled": "on", "threshold": "30"})
    assert AlertRule.objects.thresholds()[Rule.QUEUE_OLD] == 30
    manager.post(f"{RULES}{rule.pk}/change/", {"enabled": "on", "threshold": "0"})
    assert AlertRule.objects.thresholds()[Rule.QUEUE_OLD] == 30, "nothing is raised from 0 on"
    assert AuditEntry.objects.filter(target_kind="installs.alertrule").count() == 1


def test_an_alert_says_what_to_do_and_who_was_told(manager: Client) -> None:
    alert = Alert.objects.create(rule=Rule.SECRET_WRONG, subject="demo-app", text="Ecwid refused it.")
    with Site(Answer(500)) as site:
        receiver = AlertReceiver.objects.create(kind="webhook", address=site.url, secret=SECRET)
        delivery = AlertDelivery.objects.create(alert=alert, receiver=receiver, turn="opened", due_at=alert.opened_at)
        tasks.deliver(delivery.pk)
    page = manager.get(f"{ALERTS}{alert.pk}/change/").content.decode()
    assert "into the app’s registration" in page
    assert "answered 500" in page
    assert manager.post(f"{ALERTS}{alert.pk}/change/", {"text": "x"}).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_only_looks_changes_nothing(role: str) -> None:
    client = people.operator(role)
    assert client.get(ALERTS).status_code == 200
    assert client.get("/admin/installs/pulse/").status_code == 200
    assert client.get(f"{RECEIVERS}add/").status_code == 403
    assert client.post(f"{RECEIVERS}add/", form()).status_code == 403
    rule = AlertRule.objects.complete().filter(rule=Rule.QUEUE_OLD).get()
    assert client.post(f"{RULES}{rule.pk}/change/", {"enabled": "on", "threshold": "30"}).status_code == 403
    assert not AlertReceiver.objects.exists()


def test_a_support_code_leads_to_what_it_means_and_what_to_do(manager: Client, merchant: Merchant) -> None:
    merchant.follow("/apps/demo-app/return/?code=made-up&store_id=1003")
    attempt = InstallAttempt.objects.get()
    page = manager.get(f"/admin/installs/installattempt/{attempt.pk}/change/").content.decode()
    assert runbook.OUTCOMES[InstallAttempt.Outcome.CODE_REJECTED].meaning in page.replace("&#x27;", "'")
