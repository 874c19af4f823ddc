"""Which app came onto which made-up store, and when: the bones of a made-up history.

They are drawn anew for each kind of rows, which all of them hang on, instead of being kept in memory.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar, NamedTuple, TypeVar

from accounts.models import Store
from installs.models import Installation
from scripts.demo import bulk, words

T = TypeVar("T")

CHUNK = 2_000  # installations
DAY = 86_400
HISTORY = 730  # days
FIRST_STORE = 1_000_000_000  # no real store has such a number
_CLOCK = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(DAY)]


def shared(among: Iterable[T], shares: Sequence[int]) -> list[T]:
    """Return each as often as its share says, to draw from."""
    return [one for one, share in zip(among, shares, strict=True) for _ in range(share)]


class Coming(NamedTuple):
    """One app comes onto one store, which may be `new`. Both are primary keys; `at` is a second."""

    installation: int
    store: int
    app: int
    at: int
    new: bool


class Plot:
    """Who comes when, the same whenever it is asked."""

    def __init__(self, apps: dict[int, str], seed: int) -> None:
        self.apps, self.seed = apps, seed
        self.now = int(datetime.now(UTC).timestamp())
        midnight = datetime.fromtimestamp(self.now, UTC).replace(hour=0, minute=0, second=0)
        self.begin = int(midnight.timestamp()) - HISTORY * DAY
        self.days = [f"{midnight + timedelta(days=n - HISTORY):%F} " for n in range(HISTORY + 2)]
        self.store, self.installation = bulk.next_pk(Store), bulk.next_pk(Installation)

    def dice(self, purpose: str) -> random.Random:
        """Return what draws the same for the same purpose, seed and beginning."""
        return random.Random(f"{self.seed}, from {self.installation}, {purpose}")  # noqa: S311  no secret

    def comings(self, number: int) -> Iterator[Coming]:
        """Yield `number` installations in the order of their keys. A new store's first comes with the store."""
        draw, popular = self.dice("comings").random, shared(self.apps, words.APP_SHARES)
        store, free = self.store - 1, list[int]()  # the apps that the newest store may still install
        for installation in range(self.installation, self.installation + number):
            # More and more come: half of all installs fall into the last third of the time.
            at = self.begin + int((self.now - self.begin) * draw() ** 0.6)
            new = not free or draw() < 0.9
            if new:
                store, free = store + 1, list(self.apps)
            app = popular[int(draw() * len(popular))]
            app = app if app in free else free[0]
            free.remove(app)
            yield Coming(installation, store, app, at, new)

    def stamp(self, second: int) -> str:
        """Return `second` as databases write it, or now when that has not come yet."""
        day, rest = divmod((second if second < self.now else self.now) - self.begin, DAY)
        return self.days[day] + _CLOCK[rest]


class Maker:
    """Makes the rows of some tables."""

    fields: ClassVar[bulk.Fields]  # by model, in the order in which to write them

    def __init__(self, plot: Plot) -> None:
        self.plot, self.now, self.stamp = plot, plot.now, plot.stamp
        self.random = plot.dice(type(self).__name__)
        self.tables = {model: bulk.Table(model, fields) for model, fields in self.fields.items()}

    def made(self, number: int) -> Iterator[list[bytes]]:
        """Yield the lines for each of its tables, of up to CHUNK installations at a time."""
        for count, coming in enumerate(self.plot.comings(number), 1):
            self.add(coming)
            if count % CHUNK == 0 or count == number:
                yield [table.take() for table in self.tables.values()]

    def add(self, coming: Coming) -> None:
        """Gather the rows that come with one installation."""
        raise NotImplementedError

    def write(self, chunk: list[bytes]) -> None:
        """Write what `made` yielded."""
        for table, lines in zip(self.tables.values(), chunk, strict=True):
            table.write(lines)

    def one_of(self, among: Sequence[T]) -> T:
        """Draw one."""
        return among[int(self.random.random() * len(among))]

    def between(self, least: int, end: int) -> int:
        """Draw a number below `end`: a third of what `randrange` takes, and nobody minds the last bit."""
        return least + int(self.random.random() * (end - least))
