"""Brings events to their apps in threads of its own, and tries again as Ecwid does. Source: contract §7.5."""

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.sandbox import posting
from tests.sandbox.events import Event
from tests.sandbox.posting import Delivery, Limits, Line
from tests.sandbox.switches import Switches

RETRY_HOURS = (0.25, 0.5, 0.75, *range(1, 25))
TWO_WEEKS_HOURS = 14 * 24
KEPT = 500
_THREADS = 4


@dataclass(eq=False)
class Sending:
    """One event on its way. `due` is when the next try is, in UNIX seconds; None while one goes on, and at the end."""

    event: Event
    due: float | None = None
    begun: float = 0.0
    outcome: str = "waiting"
    deliveries: list[Delivery] = field(default_factory=list)


class _Urgent(threading.local):
    """What the present thread has posted and is to wait for; others answer without waiting."""

    def __init__(self) -> None:
        self.sendings: list[Sending] = []


class Courier:
    """The queue, the threads that work it off, and the apps that have failed for too long.

    Takes no other lock than its own, so it may be called under the world's.
    """

    def __init__(self, switches: Callable[[], Switches]) -> None:
        self._switches = switches
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._lines: set[Line] = set()
        self._sendings: list[Sending] = []
        self._failing_since: dict[str, float] = {}
        self._blocked: set[str] = set()
        self._going = False
        self._busy = 0
        self._urgent = _Urgent()

    @property
    def sendings(self) -> list[Sending]:
        """The latest events, oldest first."""
        with self._changed:
            return list(self._sendings)

    @property
    def blocked(self) -> frozenset[str]:
        """The apps whose webhooks failed for two weeks without a break."""
        with self._changed:
            return frozenset(self._blocked)

    def start(self) -> None:
        """Begin to deliver."""
        self._going = True
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Cut what is going on and end; what is due waits for the next start."""
        with self._changed:
            self._going = False
            self._cut()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads = []

    def reset(self) -> None:
        """Forget everything; what is going on is cut off, and its end concerns nobody."""
        with self._changed:
            for sending in self._sendings:
                sending.due, sending.outcome = None, "forgotten"
            self._sendings = []
            self._failing_since, self._blocked = {}, set()
            self._cut()
            self._changed.notify_all()

    def deliver(self, event: Event) -> Delivery:
        """Send an event in this thread, once, and leave further tries to the others."""
        sending = Sending(event, begun=time.time())
        if not self._accept(sending):
            return Delivery(event.event_id, 0, 0.0, 0, False, "blocked")
        return self._try(sending)

    def post(self, event: Event, wait: float = 0.0, *, urgent: bool = False) -> None:
        """Let an event be sent `wait` seconds from now, as often as the switch for duplicates says.

        `wait_for_urgent` in this thread waits for an urgent one.
        """
        due = time.time() + wait
        copies = [Sending(event, due, due) for _ in range(1 + self._switches().webhook_duplicates)]
        for sending in copies:
            self._accept(sending)
        if urgent:
            self._urgent.sendings = [*self._urgent.sendings, *copies]

    def again(self, event_id: str) -> bool:
        """Send an event once more, unchanged; tell whether it was known."""
        known = next((one for one in self.sendings if one.event.event_id == event_id), None)
        if known is not None:
            self._accept(Sending(known.event, time.time(), begun=time.time()))
        return known is not None

    def hurry(self) -> None:
        """Let everything that waits for its time go out now, in the order it would have had."""
        with self._changed:
            waiting = [one for one in self._sendings if one.due is not None]
            early = max((one.due or 0.0 for one in waiting), default=0.0) - time.time()
            for one in waiting if early > 0 else ():
                one.due = (one.due or 0.0) - early
            self._changed.notify_all()

    def unblock(self, client_id: str) -> None:
        """Let the webhooks of an app go out again, as Ecwid's staff would."""
        with self._changed:
            self._blocked.discard(client_id)
            self._failing_since.pop(client_id, None)

    def settle(self, seconds: float) -> None:
        """Wait until everything has been tried at least once, or nothing is delivered any more.

        :raises TimeoutError: when that takes longer
        """
        if not self._wait_for(lambda: self._sendings, seconds):
            raise TimeoutError(f"Some events were not tried within {seconds:g} seconds.")

    def wait_for_urgent(self) -> None:
        """Wait until the urgent events that this thread posted have been tried, as long as tries may take."""
        urgent, self._urgent.sendings = self._urgent.sendings, []
        if urgent:
            limits = self._limits()
            self._wait_for(lambda: urgent, len(urgent) * (limits.connect + limits.answer))

    def _wait_for(self, sendings: Callable[[], Iterable[Sending]], seconds: float) -> bool:
        def tried() -> bool:
            return not self._going or all(one.deliveries or one.outcome != "waiting" for one in sendings())

        with self._changed:
            return self._changed.wait_for(tried, seconds)

    def _accept(self, sending: Sending) -> bool:
        with self._changed:
            if sending.event.client_id in self._blocked:
                sending.due, sending.outcome = None, "blocked"
            self._sendings = [*self._sendings, sending][-KEPT:]
            self._changed.notify_all()
            return sending.outcome != "blocked"

    def _work(self) -> None:
        while (sending := self._next()) is not None:
            self._try(sending)
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _next(self) -> Sending | None:
        with self._changed:
            while self._going:
                now = time.time()
                waiting = [one for one in self._sendings if one.due is not None]
                ready = [one for one in waiting if one.due is not None and one.due <= now]
                if ready and (self._switches().webhook_shuffle or not self._busy):
                    self._busy += 1
                    return self._chosen(ready)
                soonest = min((one.due for one in waiting if one.due is not None), default=None)
                self._changed.wait(None if soonest is None or ready else soonest - now)
            return None

    def _chosen(self, ready: list[Sending]) -> Sending:
        shuffled = self._switches().webhook_shuffle
        chosen = random.choice(ready) if shuffled else min(ready, key=lambda one: one.due or 0.0)
        chosen.due = None
        return chosen

    def _try(self, sending: Sending) -> Delivery:
        attempt = len(sending.deliveries) + 1
        line = Line(sending.event.url, self._limits())
        with self._changed:
            self._lines.add(line)
            if sending.outcome == "forgotten":
                line.cut()
        delivery = posting.tried(line, sending.event, attempt)
        with self._changed:
            self._lines.discard(line)
            self._conclude(sending, delivery)
            self._changed.notify_all()
        return delivery

    def _conclude(self, sending: Sending, delivery: Delivery) -> None:
        app = sending.event.client_id
        sending.deliveries.append(delivery)
        if sending.outcome == "forgotten":
            return
        if delivery.succeeded:
            sending.outcome = "delivered"
            self._failing_since.pop(app, None)
            return
        hour, now = self._switches().webhook_hour_seconds, time.time()
        since = self._failing_since.setdefault(app, now)
        if hour and now - since >= TWO_WEEKS_HOURS * hour:
            self._block(app)
        elif hour and delivery.attempt <= len(RETRY_HOURS):
            sending.due = max(now, sending.begun + RETRY_HOURS[delivery.attempt - 1] * hour)
        else:
            sending.outcome = "given up"

    def _block(self, app: str) -> None:
        self._blocked.add(app)
        for one in self._sendings:
            if one.event.client_id == app and one.outcome == "waiting":
                one.due, one.outcome = None, "blocked"

    def _cut(self) -> None:
        for line in self._lines:
            line.cut()

    def _limits(self) -> Limits:
        switches = self._switches()
        return Limits(switches.webhook_connect_seconds, switches.webhook_answer_seconds)
