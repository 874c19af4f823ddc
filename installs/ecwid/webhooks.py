"""Reads webhooks. Pure: no request, no clock, no row.

The signature covers `eventCreated` and `eventId`, nothing else: whoever saw one genuine delivery can send it
again with another body. So an `Event` is a hint where to look, never a fact.
Source: contract §7.3, design rule 6
"""

import base64
import dataclasses
import hashlib
import hmac
import re
from collections.abc import Sequence

from installs.ecwid import errors, jsontext, values

CREATED_MAX = 253_402_300_799  # the last second of the year 9999, where dates end
EVENT_ID_MAX = 64
ENTITY_ID_MAX = 255
TYPE_MAX = 100

_EVENT_ID = re.compile(rf"[\x21-\x7e]{{1,{EVENT_ID_MAX}}}")
_TYPE = re.compile(rf"[A-Za-z0-9_.-]{{1,{TYPE_MAX}}}")


@dataclasses.dataclass(frozen=True)
class Event:
    """One delivery, read. `created` is in Unix seconds; `type` is normalised, `raw_type` as it came.

    `entity_id` is "" when there is none; `data` is what the event brought along, unsigned like the rest.
    """

    event_id: str
    created: int
    store_id: int
    entity_id: str
    type: str
    raw_type: str
    data: dict[str, object] = dataclasses.field(repr=False)


def sign(secret: str, created: int, event_id: str) -> str:
    """Return the X-Ecwid-Webhook-Signature of an event. Source: contract §7.3"""
    mac = hmac.new(secret.encode("utf-8", "surrogatepass"), f"{created}.{event_id}".encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode("ascii")


def read(body: bytes, signature: str, secrets: Sequence[str]) -> tuple[Event, int]:
    """Read a delivery and return it with the index of the client secret that signed it.

    How large a body may be is for the caller to bound. Source: contract §7.2, §7.3

    :raises Forged: when none of the secrets made the signature
    :raises Unreadable: when it is not what the contract describes
    """
    fields = _fields(body)
    created, event_id = _created(fields.get("eventCreated")), _event_id(fields.get("eventId"))
    signer = _signer(signature, created, event_id, secrets)
    raw_type, data = fields.get("eventType"), fields.get("data")
    store_id = values.store_id(fields.get("storeId"))
    if store_id is None or not isinstance(raw_type, str) or not _TYPE.fullmatch(raw_type):
        raise errors.Unreadable("The event lacks a store or a type.")
    event = Event(
        event_id=event_id,
        created=created,
        store_id=store_id,
        entity_id=_entity_id(fields.get("entityId")),
        type=normalise(raw_type),
        raw_type=raw_type,
        # Absent on many events, of unknown shape on some (contract §7.4): no reason to lose the knock.
        data=data if isinstance(data, dict) else {},
    )
    return event, signer


def normalise(event_type: str) -> str:
    """Give every spelling of an event type one form: lower case, no underscores after the dot.

    "application.subscription_status_changed" and "application.subscriptionStatusChanged" are one event, while
    "unfinished_order.created" keeps its underscore. Source: contract §7.4
    """
    subject, dot, change = event_type.lower().partition(".")
    return subject + dot + change.replace("_", "")


def _fields(body: bytes) -> dict[str, object]:
    try:
        document = jsontext.strict(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise errors.Unreadable("The event is not a JSON object.")
    return document


def _signer(signature: str, created: int, event_id: str, secrets: Sequence[str]) -> int:
    """Compare with every secret, whatever the earlier ones said, so that time tells nothing."""
    given = signature.encode("utf-8", "surrogatepass")
    signer = -1
    for index, secret in enumerate(secrets):
        expected = sign(secret, created, event_id).encode()
        # Anybody can sign with an empty secret.
        if hmac.compare_digest(expected, given) and secret:
            signer = index
    if signer < 0:
        raise errors.Forged
    return signer


def _created(value: object) -> int:
    """Unix seconds as a number or a string of digits, whose one spelling is the one that was signed."""
    created = values.positive(value)
    if created is None or created > CREATED_MAX:
        raise errors.Unreadable("The event has no time.")
    return created


def _event_id(value: object) -> str:
    """A UUID by the samples, a number by an old table. Source: contract §7.2"""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _EVENT_ID.fullmatch(text):
        raise errors.Unreadable("The event has no id.")
    return text


def _entity_id(value: object) -> str:
    """A number, or a string for application events; a hint in any case. Source: contract §7.2"""
    if value is None:
        return ""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or len(text) > ENTITY_ID_MAX:
        raise errors.Unreadable("The event's entity cannot be understood.")
    return text
