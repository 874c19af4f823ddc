"""Rows of made-up installations: visits, events and what became of all that.

Nothing here is ever due, so no worker would show a made-up token to Ecwid by itself.
"""

import json

from accounts import sealing
from installs.models import Happening, Installation, InstallAttempt, Prefill, WebhookEvent
from scripts.demo import bulk, words
from scripts.demo.bulk import GIVEN, NULL, Fields
from scripts.demo.plot import DAY, FIRST_STORE, Coming, Maker, Plot, shared

EVENTS_KEPT = 30
ATTEMPTS_KEPT = 90
_CODE = "23456789ABCDEFGHJKMNPQRSTVWXYZ22"
_PAIRS = [one + two for one in _CODE for two in _CODE]
_ENDINGS = shared(words.FAILURES, words.FAILURE_SHARES)
_STATUSES = shared(words.SUBSCRIPTIONS, words.SUBSCRIPTION_SHARES)
_KINDS = shared(words.EVENTS, words.EVENT_SHARES)
_GRANTS = shared(map(json.dumps, words.GRANTS), words.GRANT_SHARES)

TABLES: Fields = {
    Installation: {
        "id": GIVEN, "app": GIVEN, "store": GIVEN, "generation": GIVEN, "secret_token": GIVEN, "public_token": GIVEN,
        "scopes": GIVEN, "subscription_status": GIVEN, "installed_at": GIVEN, "uninstalled_at": GIVEN,
        "token_died_at": GIVEN, "paused_at": GIVEN, "probed_at": GIVEN, "gap": GIVEN,
    },
    Prefill: {
        "installation": GIVEN, "state": GIVEN, "due_at": "2999-01-01 00:00:00", "tries": 1, "error": GIVEN,
        "generation": GIVEN, "done_at": GIVEN, "changed_since": "[]",
    },
    InstallAttempt: {
        "uid": GIVEN, "support_code": GIVEN, "app": GIVEN, "client_id": GIVEN, "source": "return", "code_hash": GIVEN,
        "requested_store_id": GIVEN, "trusted": 1, "outcome": GIVEN, "detail": GIVEN, "installation": GIVEN,
        "generation": GIVEN, "arrived_at": GIVEN, "exchanged_at": GIVEN, "exchange_ms": GIVEN, "finished_at": GIVEN,
        "signed_in_at": GIVEN,
    },
    Happening: {
        "installation": GIVEN, "app": GIVEN, "generation": GIVEN, "kind": GIVEN, "outcome": GIVEN, "detail": GIVEN,
        "took_ms": GIVEN, "times": GIVEN, "at": GIVEN, "last_at": GIVEN,
    },
    WebhookEvent: {
        "state": GIVEN, "due_at": GIVEN, "tries": GIVEN, "error": GIVEN, "app": GIVEN, "event_id": GIVEN, "type": GIVEN,
        "store_id": GIVEN, "occurred_at": GIVEN, "received_at": GIVEN, "signer": "current", "body": GIVEN,
        "body_hash": GIVEN, "deliveries": 1, "conflicts": 0, "outcome": GIVEN, "traceback": "", "handled_at": GIVEN,
    },
}  # fmt: skip


class Installs(Maker):
    """Makes installations, one after the other, each with all that belongs to it but its store."""

    fields = TABLES

    def __init__(self, plot: Plot, events: float) -> None:
        super().__init__(plot)
        self.events = events
        self.event = bulk.next_pk(WebhookEvent)
        # Milliseconds that a call took: a thousand of each, to draw from.
        self.exchanges, self.reads, self.probes = (
            [int(self.random.lognormvariate(middle, width)) for _ in range(1000)]
            for middle, width in ((5.8, 0.5), (6, 0.6), (5, 0.7))
        )

    def add(self, coming: Coming) -> None:
        """Gather an installation and its history."""
        self.installation, self.store, app, at, _ = coming
        again = self.random.random() < 0.04
        gone = self._leaves(at)
        if again:
            self._reinstalled(app, at)
        self._stands(app, at, gone, 2 if again else 1)
        self._heard(app, at, gone or self.now)

    def _leaves(self, at: int) -> int | None:
        if self.random.random() > 0.45:
            return None
        gone = at + int(self.random.expovariate(1 / (200 * DAY))) + 600
        return gone if gone < self.now else None

    def _reinstalled(self, app: int, at: int) -> None:
        """There was a first generation, which was uninstalled before this one came."""
        before = max(at - self.between(DAY, 90 * DAY), self.plot.begin)
        self._attempt(app, before, self.installation, 1, "installed")
        left = self.stamp((before + at) // 2)
        self.tables[Happening].add(self.installation, app, 1, "uninstalled", "", "", NULL, 1, left, left)

    def _stands(self, app: int, at: int, gone: int | None, generation: int) -> None:
        draw, when, pk = self.random, self.stamp(at), self.installation
        trouble = draw.random()
        since = self.stamp(self.now - self.between(0, 20 * DAY)) if at < self.now - 20 * DAY else self.stamp(self.now)
        died = since if trouble < 0.005 and not gone else NULL
        paused = since if 0.005 <= trouble < 0.025 and not gone else NULL
        left = self.stamp(gone) if gone else NULL
        probed = left if gone else self.stamp(max(self.now - self.between(0, DAY), at))
        unread = words.UNREAD[self.between(1, 3)] if trouble > 0.985 else ""
        tokens = ("", "") if gone else self._seals(app)
        granted = self.one_of(_GRANTS)
        self.tables[Installation].add(
            pk, app, self.store, generation, *tokens, granted, self.one_of(_STATUSES), when, left,
            died, paused, probed, int(granted != _GRANTS[0]),
        )  # fmt: skip
        read = NULL if unread else self.stamp(at + self.between(2, 90))
        state = "failed" if unread else "done"
        self.tables[Prefill].add(pk, state, unread, generation, read)
        self._attempt(app, at, pk, generation, "installed")
        if draw.random() < 0.15:
            self._failure(app, at)
        self._history((pk, app, generation), at, gone, probed, unread, died)

    def _seals(self, app: int) -> tuple[str, str]:
        table, place = Installation._meta.db_table, f"{app}:{self.store}"
        return (
            sealing.seal(f"secret_made_up_{self.installation}", f"{table}:secret_token:{place}"),
            sealing.seal(f"public_made_up_{self.installation}", f"{table}:public_token:{place}"),
        )

    def _history(
        self, which: tuple[int, int, int], at: int, gone: int | None, probed: str, unread: str, died: str
    ) -> None:
        add = self.tables[Happening].add
        read = self.stamp(at + 3)
        outcome = "Refused" if unread else "done"
        add(*which, "prefill", outcome, unread[:100], self.one_of(self.reads), 1, read, read)
        days = ((gone or self.now) - at) // DAY
        if days:
            took = self.one_of(self.probes)
            add(*which, "probe", "alive", "", took, days, self.stamp(at + DAY), probed)
        if died != NULL:
            add(*which, "probe", "dead", "", 120, 1, died, died)
        if gone:
            left = self.stamp(gone)
            add(*which, "uninstalled", "", "", NULL, 1, left, left)

    def _failure(self, app: int, at: int) -> None:
        """Somebody had to try twice; such a visit is kept for a while only."""
        recent = max(at - self.between(60, DAY), self.plot.begin)
        if recent > self.now - ATTEMPTS_KEPT * DAY:
            outcome = self.one_of(_ENDINGS)
            self._attempt(app, recent, NULL, NULL, outcome)

    def _attempt(self, app: int, at: int, installation: int | str, generation: int | str, outcome: str) -> None:
        when, bits, installed = self.stamp(at), self.random.getrandbits(128), installation != NULL
        code, uid = "".join([_PAIRS[bits >> n & 1023] for n in (0, 10, 20, 30, 40)]), f"{bits:032x}"
        signed_in = self.stamp(at + self.between(1, 30)) if installed and self.random.random() < 0.96 else NULL
        self.tables[InstallAttempt].add(
            uid, f"{code[:5]}-{code[5:]}", app, self.plot.apps[app], uid, FIRST_STORE + self.store, outcome,
            words.FAILURES.get(outcome, ""), installation, generation, when, when if installed else NULL,
            self.one_of(self.exchanges) if installed else NULL, when, signed_in,
        )  # fmt: skip

    def _heard(self, app: int, at: int, until: int) -> None:
        """Webhooks of the last weeks, of stores that were connected then."""
        begin = max(at, self.now - EVENTS_KEPT * DAY)
        if begin >= until:
            return
        draw, number = self.random, FIRST_STORE + self.store
        # As many as if every store were heard all the time: those that are, are heard more often.
        many = int(self.events * 1.4 * (until - begin) / (EVENTS_KEPT * DAY) + draw.random())
        for _ in range(many):
            second = self.between(begin, until)
            when, failed = self.stamp(second), draw.random() < 0.0005
            kind = self.one_of(_KINDS)
            body = f'{{"eventId": "made-up-{self.event}", "storeId": {number}, "eventType": "{kind}"}}'
            self.tables[WebhookEvent].add(
                "failed" if failed else "done", when, 11 if failed else 1, "ValueError: made up" if failed else "", app,
                f"made-up-{self.event}", kind, number, when, when, body, f"{self.event:064x}",
                "" if failed else words.EVENTS[kind], NULL if failed else when,
            )  # fmt: skip
            self.event += 1
