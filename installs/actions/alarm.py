"""Alarm: open an alert for what is wrong, keep it while that lasts, resolve it when it is over. It sends nothing."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from installs.actions.troubles import Trouble
from installs.models import Alert, AlertDelivery, AlertReceiver, Rule

log = logging.getLogger(__name__)

QUIET = timedelta(minutes=3)  # not seen for so long: over. Less would tell of every breath of something that wavers


def sound(*, troubles: Iterable[Trouble]) -> None:
    """Let the alerts follow what was seen just now: at most one is open for a rule and a subject.

    Two watches at once do it twice, and tell once: the database holds one open alert and one delivery of each turn.
    """
    for trouble in troubles:
        standing = Alert.objects.open().filter(rule=trouble.rule, subject=trouble.subject)
        if not standing.update(text=trouble.text[:300], seen_at=Now()):
            _open(trouble)
    for alert in Alert.objects.open().filter(seen_at__lt=Now() - QUIET):
        _resolve(alert)


def test(*, receiver: AlertReceiver) -> None:
    """Open an alert that is none, for one receiver; it is resolved like any other a few minutes later."""
    Alert.objects.open().filter(rule=Rule.TEST, subject=receiver.address[:100]).update(resolved_at=Now())
    _open(Trouble(Rule.TEST, receiver.address[:100], "Somebody tries whether alerts reach you."), [receiver])


def _open(trouble: Trouble, receivers: Iterable[AlertReceiver] | None = None) -> None:
    """Open an alert and tell `receivers` of it, or everybody."""
    told = AlertReceiver.objects.filter(enabled=True) if receivers is None else receivers
    try:
        with transaction.atomic(durable=True):
            alert = Alert.objects.create(rule=trouble.rule, subject=trouble.subject, text=trouble.text[:300])
            _tell(alert, AlertDelivery.Turn.OPENED, told)
    except IntegrityError:  # another watch has opened it in this very moment
        return
    log.error("alert_opened", extra={"rule": str(trouble.rule), "subject": trouble.subject, "text": trouble.text})


def _resolve(alert: Alert) -> None:
    with transaction.atomic(durable=True):
        if not Alert.objects.open().filter(pk=alert.pk).update(resolved_at=Now()):
            return
        told = AlertReceiver.objects.filter(enabled=True, deliveries__alert=alert)
        _tell(alert, AlertDelivery.Turn.RESOLVED, told)
    log.info("alert_resolved", extra={"rule": alert.rule, "subject": alert.subject})


def _tell(alert: Alert, turn: AlertDelivery.Turn, receivers: Iterable[AlertReceiver]) -> None:
    rows = [AlertDelivery(alert=alert, receiver=receiver, turn=turn, due_at=Now()) for receiver in receivers]
    AlertDelivery.objects.bulk_create(rows, ignore_conflicts=True)
