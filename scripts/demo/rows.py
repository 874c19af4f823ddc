"""Rows of a made-up history: stores, their people, installations, visits, events and what became of all that.

Nothing here is ever due, so no worker would show a made-up token to Ecwid by itself.
"""

import json
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from accounts import sealing
from accounts.models import Membership, Store, StoreSettings, User
from installs.models import Happening, Installation, InstallAttempt, Prefill, WebhookEvent
from scripts.demo import bulk, words
from scripts.demo.bulk import GIVEN, NULL

T = TypeVar("T")

DAY = 86_400
HISTORY = 730  # days
EVENTS_KEPT = 30
ATTEMPTS_KEPT = 90
_FIRST_STORE = 1_000_000_000  # no real store has such a number
_CODE = "23456789ABCDEFGHJKMNPQRSTVWXYZ22"
_PAIRS = [one + two for one in _CODE for two in _CODE]
_CLOCK = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)]
_ORIGINS = """{"store_name": {"by": "%s", "at": "%s+00:00", "store": "%s", "store_at": "%s+00:00"},\
 "country_code": {"by": "store", "at": "%s+00:00", "store": "%s", "store_at": "%s+00:00"}}"""

TABLES = {
    Store: {"id": GIVEN, "store_id": GIVEN, "created_at": GIVEN, "onboarded_at": GIVEN},
    StoreSettings: {
        "store": GIVEN, "store_name": GIVEN, "owner_name": GIVEN, "contact_email": GIVEN, "company_name": GIVEN,
        "company_email": GIVEN, "street": GIVEN, "city": GIVEN, "state_code": "", "postal_code": GIVEN,
        "country_code": GIVEN, "phone": "", "currency": GIVEN, "currency_prefix": "", "currency_suffix": "",
        "currency_precision": 2, "currency_group_separator": ",", "currency_decimal_separator": ".",
        "prices_include_tax": 1, "weight_unit": "KILOGRAM", "dimensions_unit": "CM", "volume_unit": "ML",
        "date_format": "MMM d, yyyy", "time_format": "hh:mm a", "timezone": "UTC", "languages": '["en"]',
        "default_language": "en", "storefront_url": GIVEN, "logo_url": "", "website_platform": "", "closed": 0,
        "suspended": 0, "plan_features": "[]", "white_label": 0, "brand_name": "", "origins": GIVEN, "filled_at": GIVEN,
    },
    User: {
        "id": GIVEN, "password": "!made-up", "is_superuser": 0, "username": GIVEN, "is_staff": 0, "is_active": 1,
        "date_joined": GIVEN, "name": GIVEN, "email": GIVEN,
    },
    Membership: {"user": GIVEN, "store": GIVEN, "role": GIVEN, "created_at": GIVEN},
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


def _shared(among: Iterable[T], shares: Sequence[int]) -> list[T]:
    """Return each as often as its share says, to draw from."""
    return [one for one, share in zip(among, shares, strict=True) for _ in range(share)]


_COUNTRIES = _shared(words.COUNTRIES, words.COUNTRY_SHARES)
_ENDINGS = _shared(words.FAILURES, words.FAILURE_SHARES)
_STATUSES = _shared(words.SUBSCRIPTIONS, words.SUBSCRIPTION_SHARES)
_KINDS = _shared(words.EVENTS, words.EVENT_SHARES)


class Maker:
    """Makes installations, one after the other, each with all that belongs to it."""

    def __init__(self, apps: dict[int, str], seed: int, events: float) -> None:
        self.tables = {model: bulk.Table(model, fields) for model, fields in TABLES.items()}
        self.apps = apps
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
        self.popular = _shared(apps, words.APP_SHARES)
        self.granted = _shared(map(json.dumps, words.GRANTS), words.GRANT_SHARES)

    def make(self, count: int) -> list[bytes]:
        """Return `count` installations more, as lines for each of TABLES."""
        for _ in range(count):
            self._install()
        return [table.take() for table in self.tables.values()]

    def _stamp(self, second: int) -> str:
        day, rest = divmod((second if second < self.now else self.now) - self.begin, DAY)
        return self.days[day] + _CLOCK[rest]

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
        app = self._one_of(self.popular)
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
        country = self._one_of(_COUNTRIES)
        finished = self._stamp(at + self._between(60, 3 * DAY)) if draw.random() < 0.8 else NULL
        self.tables[Store].add(self.store, number, when, finished)
        by = "merchant" if draw.random() < 0.1 else "store"
        origins = _ORIGINS % (by, when, name, when, when, country, when)
        self.tables[StoreSettings].add(
            self.store, name, f"{person} {first}", email, f"{name} Ltd", email, f"{self.store % 200} High Street",
            second, 10_000 + self.store % 89_999, country, words.CURRENCIES.get(country, "EUR"),
            f"https://store{number}.example", origins, when,
        )  # fmt: skip
        for role in ("owner", "member") if draw.random() < 0.05 else ("owner",):
            self.user += 1
            address = email if role == "owner" else f"member.{email}"
            self.tables[User].add(self.user, f"made-up-{self.user}", when, f"{person} {first}", address)
            self.tables[Membership].add(self.user, self.store, role, when)

    def _reinstalled(self, app: int, at: int) -> None:
        """There was a first generation, which was uninstalled before this one came."""
        before = max(at - self._between(DAY, 90 * DAY), self.begin)
        self._attempt(app, before, self.installation, 1, "installed")
        left = self._stamp((before + at) // 2)
        self.tables[Happening].add(self.installation, app, 1, "uninstalled", "", "", NULL, 1, left, left)

    def _stands(self, app: int, at: int, gone: int | None, generation: int) -> None:
        draw, when, pk = self.random, self._stamp(at), self.installation
        trouble = draw.random()
        since = (
            self._stamp(self.now - self._between(0, 20 * DAY)) if at < self.now - 20 * DAY else self._stamp(self.now)
        )
        died = since if trouble < 0.005 and not gone else NULL
        paused = since if 0.005 <= trouble < 0.025 and not gone else NULL
        left = self._stamp(gone) if gone else NULL
        probed = left if gone else self._stamp(max(self.now - self._between(0, DAY), at))
        unread = words.UNREAD[self._between(1, 3)] if trouble > 0.985 else ""
        tokens = ("", "") if gone else self._seals(app)
        granted = self._one_of(self.granted)
        self.tables[Installation].add(
            pk, app, self.store, generation, *tokens, granted, self._one_of(_STATUSES), when, left,
            died, paused, probed, int(granted != self.granted[0]),
        )  # fmt: skip
        read = NULL if unread else self._stamp(at + self._between(2, 90))
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
        read = self._stamp(at + 3)
        outcome = "Refused" if unread else "done"
        add(*which, "prefill", outcome, unread[:100], self._one_of(self.reads), 1, read, read)
        days = ((gone or self.now) - at) // DAY
        if days:
            took = self._one_of(self.probes)
            add(*which, "probe", "alive", "", took, days, self._stamp(at + DAY), probed)
        if died != NULL:
            add(*which, "probe", "dead", "", 120, 1, died, died)
        if gone:
            left = self._stamp(gone)
            add(*which, "uninstalled", "", "", NULL, 1, left, left)

    def _failure(self, app: int, at: int) -> None:
        """Somebody had to try twice; such a visit is kept for a while only."""
        recent = max(at - self._between(60, DAY), self.begin)
        if recent > self.now - ATTEMPTS_KEPT * DAY:
            outcome = self._one_of(_ENDINGS)
            self._attempt(app, recent, NULL, NULL, outcome)

    def _attempt(self, app: int, at: int, installation: int | str, generation: int | str, outcome: str) -> None:
        when, bits, installed = self._stamp(at), self.random.getrandbits(128), installation != NULL
        code, uid = "".join([_PAIRS[bits >> n & 1023] for n in (0, 10, 20, 30, 40)]), f"{bits:032x}"
        signed_in = self._stamp(at + self._between(1, 30)) if installed and self.random.random() < 0.96 else NULL
        self.tables[InstallAttempt].add(
            uid, f"{code[:5]}-{code[5:]}", app, self.apps[app], uid, _FIRST_STORE + self.store, outcome,
            words.FAILURES.get(outcome, ""), installation, generation, when, when if installed else NULL,
            self._one_of(self.exchanges) if installed else NULL, when, signed_in,
        )  # fmt: skip

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
            kind = self._one_of(_KINDS)
            body = f'{{"eventId": "made-up-{self.event}", "storeId": {number}, "eventType": "{kind}"}}'
            self.tables[WebhookEvent].add(
                "failed" if failed else "done", when, 11 if failed else 1, "ValueError: made up" if failed else "", app,
                f"made-up-{self.event}", kind, number, when, when, body, f"{self.event:064x}",
                "" if failed else words.EVENTS[kind], NULL if failed else when,
            )  # fmt: skip
            self.event += 1
