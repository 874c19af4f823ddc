"""Tell: bring one turn of an alert to one receiver, by mail or by a signed webhook, until it is there."""

import base64
import binascii
import hashlib
import hmac
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from accounts import sealing
from installs import counters, runbook
from installs.ecwid import errors, wire
from installs.models import AlertDelivery, AlertReceiver, Rule

log = logging.getLogger(__name__)

# Seconds before the next try: two days in all, and then the row says why nobody was told.
_DELAYS = [10, 60, 300, 900, 1800, *[3600] * 6, *[7200] * 20]
_PATIENCE = wire.Timeouts(connect=3.0, read=5.0, total=10.0)
_ANSWER_MAX = 65_536
_PREFIX = "whsec_"


class Undelivered(Exception):
    """The receiver did not take it; says why without a secret."""


def deliver(*, delivery_id: int) -> None:
    """Deliver once, if that is due and nobody else is at it. At most one request or mail, outside any transaction."""
    delivery = AlertDelivery.claim(delivery_id)
    if delivery is None:
        return
    if why := _needless(delivery):
        delivery.give_up(why)
        return
    try:
        _WAYS[AlertReceiver.Kind(delivery.receiver.kind)](delivery)
    except Undelivered as error:
        counters.told(delivery.receiver.kind, "failed")
        _later(delivery, str(error))
    else:
        counters.told(delivery.receiver.kind, "done")
        delivery.finish(delivered_at=datetime.now(UTC))
        log.info("alert_told", extra=_about(delivery))


def _needless(delivery: AlertDelivery) -> str:
    """Return why nobody need be told any more, "" when somebody must."""
    if not delivery.receiver.enabled:
        return "the receiver was switched off"
    late = delivery.turn == AlertDelivery.Turn.OPENED and delivery.alert.resolved_at is not None
    return "it was over before it could be told" if late and delivery.tries > 1 else ""


def _later(delivery: AlertDelivery, reason: str) -> None:
    log.warning("alert_not_told", extra=_about(delivery) | {"reason": reason, "tries": delivery.tries})
    if delivery.tries > len(_DELAYS):
        delivery.give_up(reason)
        return
    delivery.retry(timedelta(seconds=_DELAYS[delivery.tries - 1]), reason)


def _mail(delivery: AlertDelivery) -> None:
    alert = delivery.alert
    subject = f"[{urlsplit(settings.SITE_URL).hostname}] {delivery.get_turn_display()}: {alert}"
    lines = [f"{name}: {value}" for name, value in _facts(delivery).items() if value]
    try:
        EmailMessage(" ".join(subject.split()), "\n\n".join(lines), to=[delivery.receiver.address]).send()
    except (SMTPException, OSError) as error:
        raise Undelivered(type(error).__name__) from error


def _webhook(delivery: AlertDelivery) -> None:
    """Post the turn, signed as Standard Webhooks 1.0 says: whoever knows the secret can tell that it is ours."""
    facts = _facts(delivery)
    event = {"type": f"alert.{delivery.turn}", "timestamp": datetime.now(UTC).isoformat(), "data": facts}
    body = json.dumps(event).encode()
    name, now = f"msg_{delivery.uid.hex}", int(time.time())
    try:
        secret = delivery.receiver.secret
    except sealing.SealBroken as error:
        raise Undelivered("the secret cannot be opened with these TOKEN_KEYS") from error
    headers = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": sign(secret, name, now, body),
    }
    request = wire.Request("POST", delivery.receiver.address, headers, body, _PATIENCE, _ANSWER_MAX, fresh=True)
    try:
        reply = wire.send(request)
    except (errors.EcwidError, ValueError) as error:
        raise Undelivered(f"{type(error).__name__}: {error}") from error
    if not 200 <= reply.status < 300:
        raise Undelivered(f"answered {reply.status}")


def sign(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """Return the signature of one message. Source: Standard Webhooks 1.0, "v1,<base64 of HMAC-SHA256>"."""
    message = f"{name}.{timestamp}.".encode() + body
    mac = hmac.new(_key(secret), message, hashlib.sha256)
    return f"v1,{base64.b64encode(mac.digest()).decode()}"


def _key(secret: str) -> bytes:
    """Return the bytes of a secret: base64 behind whsec_, as the standard prints it, else the text itself."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _facts(delivery: AlertDelivery) -> dict[str, str]:
    """Return what a receiver is told, in an operator's words. No secret is in any of it."""
    alert, entry = delivery.alert, runbook.RULES[Rule(delivery.alert.rule)]
    return {
        "alert": str(alert.uid),
        "rule": alert.rule,
        "subject": alert.subject,
        "text": alert.text,
        "meaning": entry.meaning,
        "remedy": entry.remedy,
        "opened_at": alert.opened_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else "",
        "runbook": runbook.address(alert.rule),
    }


def _about(delivery: AlertDelivery) -> dict[str, object]:
    return {"rule": delivery.alert.rule, "subject": delivery.alert.subject, "receiver": delivery.receiver_id}


_WAYS = {AlertReceiver.Kind.MAIL: _mail, AlertReceiver.Kind.WEBHOOK: _webhook}
