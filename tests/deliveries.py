"""Webhooks as Ecwid sends them."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.signed import CLIENT_SECRET, event, sign

__all__ = ["deliver", "event", "sign"]


def deliver(
    body: dict[str, Any] | bytes, *, secret: str = CLIENT_SECRET, path: str = "", **headers: str
) -> HttpResponse:
    """Post one delivery; a signature given in the headers stands, "" leaves it out."""
    if isinstance(body, dict):
        headers.setdefault("X-Ecwid-Webhook-Signature", sign(secret, body["eventCreated"], body["eventId"]))
        body = json.dumps(body).encode()
    headers = {name: value for name, value in headers.items() if value}
    path = path or "/apps/demo-app/webhook/"
    return Client().post(path, body, content_type="application/json", headers=headers)  # type: ignore[return-value]
