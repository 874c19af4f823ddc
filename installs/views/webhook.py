"""The webhook door: read, record once, answer. Nothing is done here that could be slow."""

import logging

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts import sealing, story
from accounts.doors import for_programs
from installs import counters, tasks
from installs.ecwid import errors, webhooks
from installs.models import AppRegistration, RejectedDelivery, WebhookEvent

log = logging.getLogger(__name__)

_LARGEST = 256 * 1024
_VERDICTS = {401: "forged", 413: "too_large"}


# What each app was when it last signed a delivery here. Never believed by itself: see WebhookEventQuerySet.record_new.
_remembered: dict[str, AppRegistration] = {}


@for_programs
@csrf_exempt
@require_POST
def webhook(request: HttpRequest, client_id: str) -> HttpResponse:
    """Take one delivery. 200 once it is committed; never a redirect, which Ecwid counts as a failure.

    Source: contract §7.2, §7.3, §7.5; design rule 6.
    """
    if _announced(request) <= _LARGEST and (event := _take_at_once(request, client_id)):
        return _accepted(client_id, event, new=True)
    app = AppRegistration.objects.called(client_id)
    if app is None:
        counters.webhook("", "unknown_app")
        return _answer(404, "unknown app")
    if _announced(request) > _LARGEST:
        return _refuse(app, b"", "", "too large", 413)
    body, signature = request.body, _signature(request)
    secrets = app.secrets()
    try:
        event, signer = webhooks.read(body, signature, list(secrets.values()))
    except errors.Forged:
        return _refuse(app, body, signature, "signature" if signature else "unsigned", 401)
    except errors.Unreadable as error:
        return _refuse(app, body, signature, str(error), 400)
    name = list(secrets)[signer]
    new = WebhookEvent.objects.record(app, event, body, signer=name)
    if name == WebhookEvent.Signer.PREVIOUS:
        app.note_previous()
    _remembered[client_id] = app
    return _accepted(client_id, event, new=new)


def _take_at_once(request: HttpRequest, client_id: str) -> webhooks.Event | None:
    """Record a new delivery in one statement, which writes only where the app is still what is remembered of it.

    None for whatever needs a second look: a repetition, a refusal, the secret before, an app that has changed.
    """
    app = _remembered.get(client_id)
    if app is None:
        return None
    try:
        event, _ = webhooks.read(request.body, _signature(request), [app.client_secret])
    except (errors.Forged, errors.Unreadable, sealing.SealBroken):
        return None
    return event if WebhookEvent.objects.record_new(app, event, request.body) else None


def _accepted(client_id: str, event: webhooks.Event, *, new: bool) -> HttpResponse:
    story.about(app=client_id, store=event.store_id, event_id=event.event_id)
    tasks.nudge_drain()
    counters.webhook(client_id, "accepted" if new else "repeated")
    log.info("webhook", extra={"app": client_id, "store": event.store_id, "event_id": event.event_id, "new": new})
    return _answer(200, "")


def _refuse(app: AppRegistration, body: bytes, signature: str, reason: str, status: int) -> HttpResponse:
    RejectedDelivery.objects.note(app, body, signature, reason[:50])
    counters.webhook(app.client_id, _VERDICTS.get(status, "unreadable"))
    log.warning("webhook_refused", extra={"app": app.client_id, "reason": reason})
    return _answer(status, reason)


def _signature(request: HttpRequest) -> str:
    return request.headers.get("X-Ecwid-Webhook-Signature", "")


def _announced(request: HttpRequest) -> int:
    """Return how long the body says it is, known before a byte of it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isdecimal() else 0


def _answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain")
