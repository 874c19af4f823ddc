"""One installation's page, below its facts: what happened, what is set and where from, and who belongs to the store."""

from datetime import datetime
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Membership, StoreSettings
from installs.actions import timeline
from installs.admin import shown
from installs.forms import label
from installs.models import Installation

_ICONS = {"Visit": "door_open", "Call": "call_made", "Event": "bolt", "Operator": "person", "Life": "history"}


def context(request: HttpRequest, object_id: str) -> dict[str, Any]:
    """Return what stands below the facts of installation `object_id`; nothing when there is none."""
    rows = Installation.objects.for_lists()
    installation = rows.filter(pk=object_id).first() if object_id.isdecimal() else None
    if installation is None:
        return {}
    trail = request.user.has_perm("accounts.view_auditentry")
    members = Membership.objects.filter(store=installation.store_id).select_related("user").order_by("role", "pk")
    return {
        "timeline": [_shown(entry) for entry in timeline.entries(installation, with_operators=trail)],
        "settings_known": list(_settings(installation.store.settings)),
        "members": members[:50],
        "others": installation.store.installations.exclude(pk=installation.pk).select_related("app"),
    }


def _shown(entry: timeline.Entry) -> dict[str, Any]:
    page = reverse(f"admin:{entry.page[0]}_change", args=[entry.page[1]]) if entry.page else ""
    facts = {"at": entry.at, "kind": entry.kind, "title": shown.hidden(entry.title), "text": shown.hidden(entry.text)}
    body = shown.body(entry.body) if entry.body else ""
    return facts | {"colour": entry.colour, "icon": _ICONS[entry.kind], "page": page, "body": body}


def _settings(settings: StoreSettings) -> list[tuple[str, Any, str, Any]]:
    """Return each setting that is known: its name, its value, where it is from, and what the store says instead."""
    known = []
    for column in settings._meta.concrete_fields:
        value, origin = getattr(settings, column.name), settings.origins.get(column.name, {})
        if (isinstance(column, models.JSONField) and column.name == "origins") or column.name in ("store", "filled_at"):
            continue
        if value in ("", None, []) and not origin:
            continue
        who = {"store": "the store", "merchant": "the merchant"}.get(origin.get("by", ""), "")
        at = origin.get("at", "")
        said = origin.get("store") if origin.get("by") == "merchant" and "store" in origin else None
        known.append((label(column.name), _said(value), f"{who}, {_day(at)}" if at else who, _said(said)))
    return known


def _said(value: Any) -> Any:
    """Return a value in words: nobody reads ['en'] or True."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _day(text: str) -> str:
    return f"{datetime.fromisoformat(text):%F %H:%M}"
