"""Handle: work through recorded events. One that fails waits and comes again; it costs the others nothing."""

import logging
import random
import traceback
from datetime import UTC, datetime, timedelta
from types import TracebackType

from accounts import story
from installs import counters, events
from installs.actions import hold
from installs.ecwid import errors
from installs.models import Installation, WebhookEvent

log = logging.getLogger(__name__)

BATCH = 50
# Seconds before the next try; after the last the event is a dead letter and waits for an operator's replay.
_DELAYS = [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]
_HELD = timedelta(hours=1)
_TRACEBACK_KEPT = 10_000


class NotYet(Exception):
    """Raised by a handler that cannot tell yet: the event comes again later."""


class _Held(NotYet):
    """An operator holds the installation back; its events wait without losing a try."""


def handle_due() -> int:
    """Handle one batch of the events that are due; return how many it took.

    Handlers make their requests to Ecwid outside any transaction of ours.
    """
    batch = WebhookEvent.objects.select_related("app").claim_batch(BATCH)
    let_go = _let_go(batch)
    for event in batch:
        if event.pk in let_go:
            continue
        with story.chapter(app=event.app.client_id, store=event.store_id, event_id=event.event_id), _Attempt(event):
            _handle(event)
    return len(batch)


def _let_go(batch: list[WebhookEvent]) -> set[int]:
    """Finish together what nobody handles, which is most of what comes; return the keys of these events.

    One by one, each would cost a look and a commit. Where somebody listens to the signal they go one by one all the
    same: a process killed between a commit and its signals loses one of these then, and not fifty.
    """
    if events.handled.has_listeners(WebhookEvent):
        return set()
    unheard = [event for event in batch if not events.handlers_of(event, event.app.client_id)]
    held = _held_by_store(unheard) if unheard else {}
    done: set[int] = set()
    for outcome, of_these in (("no handler", False), ("unknown store", None)):
        some = [event for event in unheard if held.get((event.app_id, event.store_id)) is of_these]
        facts = {"outcome": outcome, "traceback": "", "handled_at": datetime.now(UTC)}
        for event in WebhookEvent.objects.finish_all(some, **facts) if some else ():
            counters.event(event.app.client_id, "done")
        done |= {event.pk for event in some}
    return done


def _held_by_store(batch: list[WebhookEvent]) -> dict[tuple[int, int], bool]:
    """Return whether an operator holds the installations back that events are about, by app and store."""
    stores, apps = {event.store_id for event in batch}, {event.app_id for event in batch}
    rows = Installation.objects.filter(app__in=apps, store__store_id__in=stores)
    return {(app, store): bool(at) for app, store, at in rows.values_list("app_id", "store__store_id", "held_at")}


def _handle(event: WebhookEvent) -> None:
    installation = _installation(event)
    if installation is None:
        if event.type == "application.installed":
            raise NotYet("the store has not come to the Return URL yet")
        event.finish(outcome="unknown store", handled_at=datetime.now(UTC))
        return
    if installation.held_at and event.type not in events.NEVER_HELD:
        raise _Held(hold.WORDS)
    handlers = events.handlers_of(event, event.app.client_id)
    words = [handler(event, installation) for handler in handlers]
    outcome = next((word for word in words if isinstance(word, str)), "handled" if handlers else "no handler")
    if event.finish(outcome=outcome, traceback="", handled_at=datetime.now(UTC)):
        events.handled.send(sender=WebhookEvent, event=event, installation=installation)


def _installation(event: WebhookEvent) -> Installation | None:
    rows = Installation.objects.select_related("app", "store", "prefill")
    return rows.filter(app=event.app, store__store_id=event.store_id).first()


class _Attempt:
    """One try at one event. Whatever a handler raises ends in the event's row, with its traceback.

    Handlers are other people's code too, so this is the one place that holds back every exception.
    """

    def __init__(self, event: WebhookEvent) -> None:
        self.event = event

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            if error is None:
                counters.event(self.event.app.client_id, "done")
            return False
        about = {"type": self.event.type, "tries": self.event.tries}
        expected = isinstance(error, NotYet | errors.EcwidError)
        log.log(logging.WARNING if expected else logging.ERROR, "event_failed", extra=about, exc_info=not expected)
        lines = "" if expected else "".join(traceback.format_exception(kind, error, trace))[-_TRACEBACK_KEPT:]
        if isinstance(error, _Held):
            self.event.retry(_HELD, hold.WORDS, tries=0)
        else:
            self._come_again(f"{type(error).__name__}: {error}", lines)
        return True

    def _come_again(self, reason: str, lines: str) -> None:
        if self.event.tries > len(_DELAYS):
            self.event.give_up(reason, traceback=lines)
            counters.event(self.event.app.client_id, "dead")
            log.error("event_dead_letter", extra={"reason": reason})
            return
        counters.event(self.event.app.client_id, "retry")
        seconds = _DELAYS[self.event.tries - 1] * random.uniform(0.8, 1.2)  # noqa: S311  spreads load, no secret
        self.event.retry(timedelta(seconds=seconds), reason, traceback=lines)
