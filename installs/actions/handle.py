"""Handle: work through recorded events. One that fails waits and comes again; it costs the others nothing."""

import logging
import random
import traceback
from collections import deque
from datetime import UTC, datetime, timedelta
from types import TracebackType

from celery.exceptions import SoftTimeLimitExceeded

from accounts import story
from installs import counters, events
from installs.actions import hold, probe
from installs.ecwid import api, errors
from installs.models import Installation, WebhookEvent
from installs.models.events import OUTCOME_MAX

log = logging.getLogger(__name__)

BATCH = 50
# Seconds before the next try; after the last the event is a dead letter and waits for an operator's replay.
_DELAYS = [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800]
_HELD = timedelta(hours=1)
_SUSPECTED = timedelta(minutes=2)  # the confirming probe comes after one
_PAUSED = timedelta(hours=3)  # 402: the plan or a suspension, which change in hours, not in seconds
# The end of an installation and its beginning: their handlers find out for themselves whether there is a token.
_ALWAYS = events.NEVER_HELD | {"application.installed"}
_ABOUT_PLANS = ("application.", "profile.")  # may be the news that a paused store is paused no longer
_TRACEBACK_KEPT = 10_000


class NotYet(Exception):
    """Raised by a handler that cannot tell yet: the event comes again later."""


class _Parked(NotYet):
    """Nothing may be done for the installation now; its events wait for a while without losing a try."""

    def __init__(self, reason: str, span: timedelta) -> None:
        super().__init__(reason)
        self.span = span


def handle_due() -> int:
    """Handle one batch of the events that are due; return how many it took.

    Handlers make their requests to Ecwid outside any transaction of ours. When time is up in the middle, the events
    whose turn has not come are due again at once and have lost nothing.
    """
    batch = WebhookEvent.objects.select_related("app").claim_batch(BATCH)
    left = deque(batch)
    try:
        let_go = _let_go(batch)
        left = deque(event for event in batch if event.pk not in let_go)
        while left:
            _attempt(left.popleft())
    finally:
        if left:
            WebhookEvent.objects.give_back(left)
    return len(batch)


def _attempt(event: WebhookEvent) -> None:
    if not event.begin():  # those before it took longer than its lease
        return
    with story.chapter(app=event.app.client_id, store=event.store_id, event_id=event.event_id), _Attempt(event):
        _handle(event)


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
        raise _Parked(hold.WORDS, _HELD)
    handlers = events.handlers_of(event, event.app.client_id)
    words = _words(event, installation, handlers)
    outcome = next((word for word in words if isinstance(word, str)), "handled" if handlers else "no handler")
    # What a product says is as long as it likes; PostgreSQL would refuse what the column cannot hold.
    if event.finish(outcome=outcome.replace("\x00", "")[:OUTCOME_MAX], traceback="", handled_at=datetime.now(UTC)):
        events.handled.send(sender=WebhookEvent, event=event, installation=installation)


def _words(event: WebhookEvent, installation: Installation, handlers: list[events.Handler]) -> list[object]:
    """Let each handler do its work and return what they said, or why there was nothing to do.

    Handlers need not know what becomes of a token: that it is refused or paused is noted here, for all of them.
    """
    if handlers and event.type not in _ALWAYS and _is_over(event, installation):
        return ["disconnected"]
    try:
        return [handler(event, installation) for handler in handlers]
    except errors.TokenDead:
        if installation.is_cooling:
            raise  # a token that is blocked for its rate answers like a dead one (contract §4.4): wait and see
        probe.follow(installation, api.Probe.DEAD)
        if Installation.objects.installed().filter(pk=installation.pk).exists():
            raise  # the confirming probe decides; the event comes again and finds out
        return ["disconnected"]
    except errors.Paused as error:
        probe.follow(installation, api.Probe.PAUSED)
        raise _Parked("paused", _PAUSED) from error


def _is_over(event: WebhookEvent, installation: Installation) -> bool:
    """Tell whether nothing can be asked about the store any more (design rule 9).

    :raises _Parked: when that is not certain yet, or when its plan or a suspension stops us
    """
    if installation.uninstalled_at:
        return True
    if installation.token_died_at:
        raise _Parked("disconnected, to be confirmed", _SUSPECTED)
    if installation.paused_at and not event.type.startswith(_ABOUT_PLANS):
        raise _Parked("paused", _PAUSED)
    return False


def _installation(event: WebhookEvent) -> Installation | None:
    rows = Installation.objects.select_related("app", "store", "prefill")
    return rows.filter(app=event.app, store__store_id=event.store_id).first()


class _Attempt:
    """One try at one event. Whatever a handler raises ends in the event's row, with its traceback.

    Handlers are other people's code too, so this is the one place that holds back every exception, but for the one
    that says the worker's time is up: that is for the whole batch.
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
        late = isinstance(error, SoftTimeLimitExceeded)
        expected = late or isinstance(error, NotYet | errors.EcwidError)
        log.log(logging.WARNING if expected else logging.ERROR, "event_failed", extra=about, exc_info=not expected)
        lines = "" if expected else "".join(traceback.format_exception(kind, error, trace))[-_TRACEBACK_KEPT:]
        if isinstance(error, _Parked):
            self.event.retry(error.span, str(error), tries=self.event.tries - 1)
        else:
            # One that takes too long by itself would come first for ever, if its try did not count and it did not wait.
            self._come_again(f"{type(error).__name__}: {error}", lines)
        return not late

    def _come_again(self, reason: str, lines: str) -> None:
        if self.event.tries > len(_DELAYS):
            self.event.give_up(reason, traceback=lines)
            counters.event(self.event.app.client_id, "dead")
            log.error("event_dead_letter", extra={"reason": reason})
            return
        counters.event(self.event.app.client_id, "retry")
        seconds = _DELAYS[self.event.tries - 1] * random.uniform(0.8, 1.2)  # noqa: S311  spreads load, no secret
        self.event.retry(timedelta(seconds=seconds), reason, traceback=lines)
