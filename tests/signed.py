"""Events and their signatures as Ecwid makes them, written from the contract (§7.2, §7.3) and not with our own code."""

import base64
import hashlib
import hmac
import itertools
import time
from typing import Any

CLIENT_SECRET = "Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A"

_numbers = itertools.count(1)


def sign(secret: str, created: object, event_id: object) -> str:
    mac = hmac.new(secret.encode(), f"{created}.{event_id}".encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def event(event_type: str, store_id: object = 1003, **changes: Any) -> dict[str, Any]:
    """What one event's body says."""
    fields = {
        "eventId": f"80aece08-40e8-4145-8764-{next(_numbers):012}",
        "eventCreated": int(time.time()),
        "storeId": store_id,
        "entityId": str(store_id) if event_type.startswith("application.") else 103878161,
        "eventType": event_type,
    }
    return fields | changes
