"""One event as it goes over the wire: its body, its signature, its address. Source: contract §7.2 to §7.4."""

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from tests.sandbox.records import App

NAMES = (
    "application.installed",
    "application.uninstalled",
    "application.subscriptionStatusChanged",
    "application.storageChanged",
    "profile.updated",
    "profile.subscriptionStatusChanged",
    "profile.personalDataRemovalRequest",
    "profile.personalDataExportRequest",
    "customer.personalDataRemovalRequest",
    "customer.personalDataExportRequest",
    *(
        f"{entity}.{what}"
        for entity in ("order", "unfinished_order", "product", "category", "product_class", "customer")
        for what in ("created", "updated", "deleted")
    ),
    *(
        f"{entity}.{what}"
        for entity in ("customer_group", "discount_coupon", "promotion", "review", "size_chart")
        for what in ("created", "updated", "deleted")
    ),
    "invoice.created",
    "invoice.deleted",
)
SIGNATURES = ("good", "none", "wrong", "other-app")
SPELLINGS = ("camel", "snake")
HEADER = "X-Ecwid-Webhook-Signature"
_OTHER_SECRET = "sandboxOtherAppsSecretNotReal003"
_AN_ENTITY = 103878161


class EventFields(TypedDict, total=False):
    """What may be said of an event beside its type and store; the rest is as Ecwid would have it.

    `created` is in UNIX seconds. `signature` is one of `SIGNATURES`, or the header's text itself. `body` takes
    the place of the JSON; the signature stays that of the event. `named_store_id` is what the body says instead
    of the store's number. `spelling` respells what follows the dot of the type.
    """

    data: Mapping[str, Any] | None
    entity_id: int | str | None
    event_id: str | None
    created: int | None
    signature: str
    body: bytes | None
    spelling: str
    string_numbers: bool
    query: str
    named_store_id: int | None


@dataclass(frozen=True)
class Event:
    """One event, ready to be posted as often as it takes."""

    event_id: str
    type: str
    client_id: str
    store_id: int
    created: int
    url: str
    headers: Mapping[str, str]
    body: bytes


def make(app: App, store_id: int, event_type: str, fields: EventFields) -> Event:
    """Make an event for an app.

    :raises ValueError: when the app has no webhook address, or a field is none that an event can have
    """
    if not app.webhook_url:
        raise ValueError(f"The app {app.client_id} has no webhook address.")
    named = spelled(event_type, fields.get("spelling", ""))
    event_id = fields.get("event_id") or str(uuid.uuid4())
    created = int(time.time()) if (given := fields.get("created")) is None else given
    headers = {"Content-Type": "application/json; charset=UTF-8", "Cache-Control": "no-cache"}
    signature = _signature(app, f"{created}.{event_id}", fields.get("signature", "good"))
    if signature:
        headers[HEADER] = signature
    body = fields.get("body")
    if body is None:
        told = {"eventId": event_id, "eventCreated": created, "eventType": named}
        body = _body(told, store_id, fields)
    url = _with(app.webhook_url, fields.get("query", ""))
    return Event(event_id, named, app.client_id, store_id, created, url, headers, body)


def spelled(event_type: str, spelling: str) -> str:
    """Respell what follows the dot, as the docs (`camel`) or Ecwid's Java client (`snake`) have it.

    Source: contract §7.4.

    :raises ValueError: when the spelling is neither, nor empty for as it is
    """
    if spelling not in ("", *SPELLINGS):
        raise ValueError(f"spelling is one of {', '.join(SPELLINGS)}, not {spelling!r}.")
    entity, dot, what = event_type.partition(".")
    if spelling == "snake":
        what = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", what).lower()
    if spelling == "camel":
        what = re.sub(r"_([a-z])", lambda found: found[1].upper(), what)
    return entity + dot + what


def signed(client_secret: str, message: str) -> str:
    """Sign `{eventCreated}.{eventId}`. Source: contract §7.3."""
    digest = hmac.new(client_secret.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _signature(app: App, message: str, wanted: str) -> str:
    if wanted == "good":
        return signed(app.client_secret, message)
    if wanted == "wrong":
        return signed(app.client_secret, f"{message}0")
    if wanted == "other-app":
        return signed(_OTHER_SECRET, message)
    return "" if wanted == "none" else wanted


def _body(told: dict[str, Any], store_id: int, fields: EventFields) -> bytes:
    named = fields.get("named_store_id")
    told["storeId"] = store_id if named is None else named
    entity = fields.get("entity_id")
    told["entityId"] = _entity(told["eventType"], store_id) if entity is None else entity
    if fields.get("string_numbers"):
        told |= {name: str(told[name]) for name in ("eventCreated", "storeId", "entityId")}
    order = ("eventId", "eventCreated", "storeId", "entityId", "eventType")
    said = {name: told[name] for name in order}
    data = fields.get("data")
    if data is not None:
        said["data"] = dict(data)
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _entity(event_type: str, store_id: int) -> int | str:
    """Give the number of what changed: the store's as a string for events of the app. Source: contract §7.2."""
    kind = event_type.partition(".")[0]
    if kind == "application":
        return str(store_id)
    return store_id if kind == "profile" else _AN_ENTITY


def _with(url: str, query: str) -> str:
    return url if not query else f"{url}{'&' if '?' in url else '?'}{query}"
