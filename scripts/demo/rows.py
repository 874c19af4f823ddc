"""Rows of a made-up history: stores, their people, installations, visits, events and what became of all that.

Nothing here is ever due, so no worker would show a made-up token to Ecwid by itself.
"""

import json
import random
from bisect import bisect
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TypeVar

from accounts import sealing
from accounts.models import Membership, Store, StoreSettings, User
from installs.models import Happening, Installation, InstallAttempt, Prefill, WebhookEvent
from scripts.demo import bulk, words

T = TypeVar("T")

DAY = 86_400
HISTORY = 730  # days
EVENTS_KEPT = 30
ATTEMPTS_KEPT = 90
_FIRST_STORE = 1_000_000_000  # no real store has such a number
_CODE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_NEVER = "2999-01-01 00:00:00"
_CLOCK = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)]
_ORIGINS = """{"store_name": {"by": "%s", "at": "%s+00:00", "store": "%s", "store_at": "%s+00:00"},\
 "country_code": {"by": "store", "at": "%s+00:00", "store": "%s", "store_at": "%s+00:00"}}"""

TABLES = {
    Store: ("id", "store_id", "created_at", "onboarded_at"),
    StoreSettings: (
        "store", "store_name", "owner_name", "contact_email", "company_name", "company_email", "street", "city",
        "state_code", "postal_code", "country_code", "phone", "currency", "currency_prefix", "currency_suffix",
        "currency_precision", "currency_group_separator", "currency_decimal_separator", "prices_include_tax",
        "weight_unit", "dimensions_unit", "volume_unit", "date_format", "time_format", "timezone", "languages",
        "default_language", "storefront_url", "logo_url", "website_platform", "closed", "suspended", "plan_features",
        "white_label", "brand_name", "origins", "filled_at",
    ),
    User: (
        "id", "password", "is_superuser", "username", "is_staff", "is_active", "date_joined", "name", "email",
    ),
    Membership: ("user", "store", "role", "created_at"),
    Installation: (
        "id", "app", "store", "generation", "secret_token", "public_token", "scopes", "subscription_status",
        "installed_at", "uninstalled_at", "token_died_at", "paused_at", "probed_at", "gap",
    ),
    Prefill: (
        "installation", "state", "due_at", "tries", "error", "generation", "done_at", "changed_since",
    ),
    InstallAttempt: (
        "uid", "support_code", "app", "client_id", "source", "code_hash", "requested_store_id", "trusted", "outcome",
        "detail", "installation", "generation", "arrived_at", "exchanged_at", "exchange_ms", "finished_at",
        "signed_in_at",
    ),
    Happening: (
        "installation", "app", "generation", "kind", "outcome", "detail", "took_ms", "times", "at", "last_at",
    ),
    WebhookEvent: (
        "state", "due_at", "tries", "error", "app", "event_id", "type", "store_id", "occurred_at", "received_at",
        "signer", "body", "body_hash", "deliveries", "conflicts", "outcome", "traceback", "handled_at",
    ),
}  # fmt: skip


class Maker:
    """Makes installations, one after the other, each with all that belongs to it."""

    def __init__(self, apps: dict[int, str], seed: int, events: float) -> None:
        self.tables = {model: bulk.Table(model, fields) for model, fields in TABLES.items()}
        self.apps = apps
        self.every_app, self.kinds, self.endings = list(apps), list(words.EVENTS), list(words.FAILURES)
        self.events = events
        self.now = int(datetime.now(UTC).timestamp())
        midnight = datetime.fromtimestamp(self.now, UTC).replace(hour=0, minute=0, second=0)
        self.begin = int(midnight.timestamp()) - HISTORY * DAY
        self.days = [f"{midnight + timedelta(days=n - HISTORY):%F} " for n in range(HISTORY + 2)]
        self.store = bulk.next_pk(Store) - 1
        self.installation = bulk.next_pk(Installation) - 1
        self.user = bulk.next_pk(User) - 1
        self.event = bulk.next_pk(WebhookEvent)
        self.random = random.Random(f"{seed}, from {self.installation}")  # noqa: S311  no secret
        self.free = list(apps)  # the apps that the newest store may still install
        # Milliseconds that a call took: a thousand of each, to draw from.
        self.exchanges, self.reads, self.probes = (
            [int(self.random.lognormvariate(middle, width)) for _ in range(1000)]
            for middle, width in ((5.8, 0.5), (6, 0.6), (5, 0.7))
        )
        self.scopes = [json.dumps(granted) for granted in words.GRANTS]
        self.choosing = {
            name: list(accumulate(shares))
            for name, shares in (
                ("app", words.APP_SHARES), ("country", words.COUNTRY_SHARES), ("grant", words.GRANT_SHARES),
                ("failure", words.FAILURE_SHARES), ("status", words.SUBSCRIPTION_SHARES), ("event", words.EVENT_SHARES),
            )
        }  # fmt: skip

    def make(self, count: int) -> list[bulk.Table]:
        """Return `count` installations more, as tables to be written in this order."""
        for _ in range(count):
            self._install()
        return [table.take() for table in self.tables.values()]

    def _stamp(self, second: int) -> str:
        day, rest = divmod((second if second < self.now else self.now) - self.begin, DAY)
        return self.days[day] + _CLOCK[rest]

    def _pick(self, name: str, among: Sequence[T]) -> T:
        """Draw one of `among`, each as often as its share says."""
        shares = self.choosing[name]
        return among[bisect(shares, self.random.random() * shares[-1])]

    def _one_of(self, among: Sequence[T]) -> T:
        return among[int(self.random.random() * len(among))]

    def _between(self, least: int, end: int) -> int:
        """Draw a number below `end`: a third of what `randrange` takes, and nobody minds the last bit."""
        return least + int(self.random.random() * (end - least))

    def _install(self) -> None:
        # More and more come: half of all installs fall into the last third of the time.
        at = self.begin + int((self.now - self.begin) * self.random.random() ** 0.6)
        self.installation += 1
        if len(self.free) == len(self.apps) or self.random.random() < 0.9 or not self.free:
            self._open_store(at)
        app = self._pick("app", self.every_app)
        app = app if app in self.free else self.free[0]
        self.free.remove(app)
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

    def _open_store(self, at: int) -> None:
        draw = self.random
        self.store += 1
        self.free = list(self.apps)
        number, when = _FIRST_STORE + self.store, self._stamp(at)
        first, second = self._one_of(words.FIRST), self._one_of(words.SECOND)
        person, name = self._one_of(words.PEOPLE), f"{first} {second}"
        email = f"{person.lower()}.{self.store}@{second.lower()}.example"
        country = self._pick("country", words.COUNTRIES)
        finished = self._stamp(at + self._between(60, 3 * DAY)) if draw.random() < 0.8 else None
        self.tables[Store].rows.append((self.store, number, when, finished))
        by = "merchant" if draw.random() < 0.1 else "store"
        origins = _ORIGINS % (by, when, name, when, when, country, when)
        self.tables[StoreSettings].rows.append((
            self.store, name, f"{person} {first}", email, f"{name} Ltd", email, f"{self.store % 200} High Street",
            second, "", str(10_000 + self.store % 89_999), country, "", words.CURRENCIES.get(country, "EUR"), "", "",
            2, ",", ".", 1, "KILOGRAM", "CM", "ML", "MMM d, yyyy", "hh:mm a", "UTC", '["en"]', "en",
            f"https://store{number}.example", "", "", 0, 0, "[]", 0, "", origins, when,
        ))  # fmt: skip
        for role in ("owner", "member") if draw.random() < 0.05 else ("owner",):
            self.user += 1
            address = email if role == "owner" else f"member.{email}"
            self.tables[User].rows.append(
                (self.user, "!made-up", 0, f"made-up-{self.user}", 0, 1, when, f"{person} {first}", address)
            )
            self.tables[Membership].rows.append((self.user, self.store, role, when))

    def _reinstalled(self, app: int, at: int) -> None:
        """There was a first generation, which was uninstalled before this one came."""
        before = max(at - self._between(DAY, 90 * DAY), self.begin)
        self._attempt(app, before, self.installation, 1, "installed")
        left = self._stamp((before + at) // 2)
        self.tables[Happening].rows.append((self.installation, app, 1, "uninstalled", "", "", None, 1, left, left))

    def _stands(self, app: int, at: int, gone: int | None, generation: int) -> None:
        draw, when, pk = self.random, self._stamp(at), self.installation
        trouble = draw.random()
        since = (
            self._stamp(self.now - self._between(0, 20 * DAY)) if at < self.now - 20 * DAY else self._stamp(self.now)
        )
        died = since if trouble < 0.005 and not gone else None
        paused = since if 0.005 <= trouble < 0.025 and not gone else None
        left = self._stamp(gone) if gone else None
        probed = left or self._stamp(max(self.now - self._between(0, DAY), at))
        unread = words.UNREAD[self._between(1, 3)] if trouble > 0.985 else ""
        tokens = ("", "") if gone else self._seals(app)
        granted = self._pick("grant", self.scopes)
        self.tables[Installation].rows.append((
            pk, app, self.store, generation, *tokens, granted, self._pick("status", words.SUBSCRIPTIONS), when, left,
            died, paused, probed, int(granted != self.scopes[0]),
        ))  # fmt: skip
        read = None if unread else self._stamp(at + self._between(2, 90))
        state = "failed" if unread else "done"
        self.tables[Prefill].rows.append((pk, state, _NEVER, 1, unread, generation, read, "[]"))
        self._attempt(app, at, pk, generation, "installed")
        if draw.random() < 0.15:
            self._failure(app, at)
        self._history((pk, app, generation), at, gone, probed, unread, died or "")

    def _seals(self, app: int) -> tuple[str, str]:
        table, place = Installation._meta.db_table, f"{app}:{self.store}"
        return (
            sealing.seal(f"secret_made_up_{self.installation}", f"{table}:secret_token:{place}"),
            sealing.seal(f"public_made_up_{self.installation}", f"{table}:public_token:{place}"),
        )

    def _history(
        self, which: tuple[int, int, int], at: int, gone: int | None, probed: str, unread: str, died: str
    ) -> None:
        rows = self.tables[Happening].rows
        read = self._stamp(at + 3)
        outcome = "Refused" if unread else "done"
        rows.append((*which, "prefill", outcome, unread[:100], self._one_of(self.reads), 1, read, read))
        days = ((gone or self.now) - at) // DAY
        if days:
            took = self._one_of(self.probes)
            rows.append((*which, "probe", "alive", "", took, days, self._stamp(at + DAY), probed))
        if died:
            rows.append((*which, "probe", "dead", "", 120, 1, died, died))
        if gone:
            left = self._stamp(gone)
            rows.append((*which, "uninstalled", "", "", None, 1, left, left))

    def _failure(self, app: int, at: int) -> None:
        """Somebody had to try twice; such a visit is kept for a while only."""
        recent = max(at - self._between(60, DAY), self.begin)
        if recent > self.now - ATTEMPTS_KEPT * DAY:
            outcome = self._pick("failure", self.endings)
            self._attempt(app, recent, None, None, outcome)

    def _attempt(self, app: int, at: int, installation: int | None, generation: int | None, outcome: str) -> None:
        draw, when = self.random, self._stamp(at)
        bits = draw.getrandbits(128)
        code = [_CODE[bits >> 5 * n & 31] if bits >> 5 * n & 31 < 30 else "2" for n in range(10)]
        support, uid = "".join([*code[:5], "-", *code[5:]]), f"{bits:032x}"
        signed_in = self._stamp(at + self._between(1, 30)) if installation and draw.random() < 0.96 else None
        took = self._one_of(self.exchanges) if installation else None
        self.tables[InstallAttempt].rows.append((
            uid, support, app, self.apps[app], "return", uid, _FIRST_STORE + self.store, 1, outcome,
            words.FAILURES.get(outcome, ""), installation, generation, when, when if installation else None, took, when,
            signed_in,
        ))  # fmt: skip

    def _heard(self, app: int, at: int, until: int) -> None:
        """Webhooks of the last weeks, of stores that were connected then."""
        begin = max(at, self.now - EVENTS_KEPT * DAY)
        if begin >= until:
            return
        draw, number = self.random, _FIRST_STORE + self.store
        # As many as if every store were heard all the time: those that are, are heard more often.
        many = int(self.events * 1.4 * (until - begin) / (EVENTS_KEPT * DAY) + draw.random())
        for _ in range(many):
            second = self._between(begin, until)
            when, failed = self._stamp(second), draw.random() < 0.0005
            kind = self._pick("event", self.kinds)
            body = f'{{"eventId": "made-up-{self.event}", "storeId": {number}, "eventType": "{kind}"}}'
            self.tables[WebhookEvent].rows.append((
                "failed" if failed else "done", when, 11 if failed else 1, "ValueError: made up" if failed else "", app,
                f"made-up-{self.event}", kind, number, when, when, "current", body, f"{self.event:064x}", 1, 0,
                "" if failed else words.EVENTS[kind], "", None if failed else when,
            ))  # fmt: skip
            self.event += 1
