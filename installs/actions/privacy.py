"""Privacy: open a request when Ecwid passes one on, and gather what we hold for a store."""

import json
import logging
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import access, personal
from accounts.models import Passkey, StoreSettings, User
from installs.models import Installation, PrivacyRequest, WebhookEvent
from installs.models.privacy import DEADLINE

log = logging.getLogger(__name__)

_OF_ACCOUNTS = ("language", "last_login", "email_proven_at")  # what a person does in all their stores


def open_request(*, event: WebhookEvent, installation: Installation) -> str:
    """Open a request for an operator; once for each event."""
    request, created = PrivacyRequest.objects.get_or_create(
        event=event,
        defaults={
            "kind": event.type,
            "installation": installation,
            "subject": _subject(event),
            "due_at": event.received_at + DEADLINE,
        },
    )
    if created:
        about = {"app": event.app.client_id, "store": event.store_id, "kind": event.type}
        log.warning("privacy_request", extra=about | {"due_at": request.due_at.isoformat()})
    return "request opened" if created else "request stands"


def _subject(event: WebhookEvent) -> str:
    """Return whom it is about, as far as the delivery says; the content is undocumented (contract §14).

    An erasure or a month's time may have taken the body before an operator has the event handled again.
    """
    body = json.loads(event.body) if event.body else {}
    data = body.get("data")
    hints = data if isinstance(data, dict) else {}
    return str(hints.get("customerEmail") or hints.get("email") or body.get("entityId") or "")[:255]


def close(*, requests: QuerySet[PrivacyRequest]) -> int:
    """Close the requests that are still open; return how many."""
    return requests.filter(closed_at=None).update(closed_at=Now())


def export(*, installation: Installation, by: User | None = None) -> dict[str, Any]:
    """Return everything personal we hold for an installation's store, ready for JSON. Never a token.

    An operator gets all of it. A merchant, `by`, gets what is about accounts and not about this store for no account
    but their own, and not for that either where the session is about one store: its pages do not show it either.

    Shape: {"store_id": 1003, "settings": {…}, "people": [{…}], "passkeys": […], "invitations": […], "events": […],
    "requests": […]}
    """
    store = installation.store
    people = User.objects.filter(memberships__store=store).order_by("pk")
    settings = StoreSettings.objects.filter(store=store).values(*personal.PERSONAL[StoreSettings]).get()
    whole = people if by is None else people.filter(pk=by.pk) if access.is_whole(by) else people.none()
    passkeys = Passkey.objects.filter(person__in=whole).order_by("pk")
    events = WebhookEvent.objects.filter(store_id=store.store_id).order_by("pk")
    requests = PrivacyRequest.objects.filter(installation__store=store).order_by("pk")
    content = {
        "store_id": store.store_id,
        "settings": settings,
        "people": _people(people, whole),
        "passkeys": list(passkeys.values("person__email", "name", "created_at", "used_at")),
        "invitations": list(store.invitations.order_by("pk").values("email", "asked_at", "expires_at")),
        "events": list(events.values("type", "received_at", "body")),
        "requests": list(requests.values("kind", "subject", "opened_at", "closed_at")),
    }
    plain: dict[str, Any] = json.loads(json.dumps(content, cls=DjangoJSONEncoder))
    return plain


def _people(people: QuerySet[User], whole: QuerySet[User]) -> list[dict[str, Any]]:
    rows = people.values("pk", *personal.PERSONAL[User], "memberships__role", "date_joined", "last_login")
    told = set(whole.values_list("pk", flat=True))
    return [
        {name: row[name] for name in row if name != "pk" and (row["pk"] in told or name not in _OF_ACCOUNTS)}
        for row in rows
    ]
