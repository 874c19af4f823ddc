"""The registry of event handlers, and the signal for everybody else.

A product built on top writes small named functions and registers them:

    @events.on("order.created", "order.updated")
    def refresh_order(event: WebhookEvent, installation: Installation) -> None: ...

A handler asks Ecwid what is true and then changes rows; it may be called more than once for one event, after a crash
between its work and the note that it is done, so it must be repeatable. What it raises is recorded with the event,
and the event is tried again later.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.dispatch import Signal

from installs.ecwid import webhooks
from installs.models import Installation, WebhookEvent

Handler = Callable[[WebhookEvent, Installation], object]
HandlerT = TypeVar("HandlerT", bound=Handler)

# The end of an installation and what the law sets a deadline for are not held back by an operator's pause.
NEVER_HELD = frozenset(
    {"application.uninstalled"}
    | {f"{who}.personaldata{what}request" for who in ("profile", "customer") for what in ("export", "removal")}
)

# Sent once for each event, after what it caused is committed. Arguments: event, installation.
handled = Signal()

_handlers: dict[tuple[str, str], list[Handler]] = defaultdict(list)
_spelled: dict[tuple[str, str], str] = {}


def on(*types: str, app: str = "") -> Callable[[HandlerT], HandlerT]:
    """Register a handler for event `types` (in any spelling), of one app by its client ID or of every app."""

    def register(handler: HandlerT) -> HandlerT:
        for event_type in types:
            _handlers[webhooks.normalise(event_type), app].append(handler)
            _spelled[webhooks.normalise(event_type), app] = event_type
        return handler

    return register


def handlers_of(event: WebhookEvent, client_id: str) -> list[Handler]:
    """Return who handles this event, the general ones first."""
    return _handlers.get((event.type, ""), []) + _handlers.get((event.type, client_id), [])


def types_of(client_id: str) -> list[str]:
    """Return the event types that somebody handles for an app, as they are spelled at Ecwid."""
    heard = {spelled for (kind, app), spelled in _spelled.items() if app in ("", client_id) and _handlers[kind, app]}
    return sorted(heard)


@contextmanager
def registered(handler: Handler, *types: str, app: str = "") -> Iterator[None]:
    """Register a handler for as long as the context lasts; for tests of products."""
    keys = [(webhooks.normalise(event_type), app) for event_type in types]
    on(*types, app=app)(handler)
    try:
        yield
    finally:
        for key in keys:
            _handlers[key].remove(handler)
