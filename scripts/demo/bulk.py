"""Many rows at once: COPY on PostgreSQL, one prepared INSERT on SQLite. Models' save() would take hours."""

import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Max, Model

T = TypeVar("T")
Fields = Mapping[type[Model], Mapping[str, str | int]]  # what each row of a model has in which field

GIVEN = "%s"  # a field whose value comes with each row
NULL = r"\N"
AHEAD = 30


class Table:
    """Rows on their way into a model's table, as lines of COPY's text form, which both databases read alike.

    `fields` says of each field what all rows have there, or that it is GIVEN. No value holds a tab, a backslash or a
    line break.
    """

    def __init__(self, model: type[Model], fields: Mapping[str, str | int]) -> None:
        self.name = model._meta.db_table
        self.columns = [str(model._meta.get_field(name).column) for name in fields]  # type: ignore[union-attr]
        self.line = "\t".join(map(str, fields.values())) + "\n"
        self.lines: list[str] = []

    def add(self, *given: str | int) -> None:
        """Gather one row more."""
        self.lines.append(self.line % given)

    def take(self) -> bytes:
        """Return what has gathered, and gather anew."""
        taken = "".join(self.lines).encode()
        self.lines.clear()
        return taken

    def write(self, lines: bytes) -> None:
        """Write what was taken."""
        columns = ", ".join(self.columns)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor, cursor.copy(f"COPY {self.name} ({columns}) FROM STDIN") as stream:
                stream.write(lines)
        else:
            marks = ", ".join(["%s"] * len(self.columns))
            rows = [_values(line) for line in lines.decode().split("\n")[:-1]]
            with connection.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {self.name} ({columns}) VALUES ({marks})", rows)  # noqa: S608  ours


def _values(line: str) -> list[str | None]:
    """Return a line's values. SQLite makes numbers of the texts by itself where a column holds numbers."""
    return [None if text == NULL else text for text in line.split("\t")]


def ahead(made: Iterator[T]) -> Generator[T]:
    """Yield what `made` yields, none of it None, and let a thread make the next AHEAD meanwhile.

    That thread would keep the interpreter for 5 ms each time that PostgreSQL answers, which is about as long as a COPY.
    """
    with _turns(0.0001), ThreadPoolExecutor(1) as thread:
        coming = deque(thread.submit(next, made, None) for _ in range(AHEAD))
        try:
            while (item := coming.popleft().result()) is not None:
                coming.append(thread.submit(next, made, None))
                yield item
        finally:
            thread.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _turns(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def bare(models: Iterable[type[Model]]) -> Iterator[None]:
    """In a transaction: take the indexes and keys of `models` away, and build them all at the end.

    Primary keys that others refer to stay. Nobody else reads or writes the tables meanwhile. SQLite has to keep its
    indexes up row by row.
    """
    tables = [model._meta.db_table for model in models]
    if not tables or connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute("SET LOCAL max_parallel_maintenance_workers = 1")  # beside us and it a core has rows to make
        cursor.execute(_KEPT_UP, {"tables": tables})
        kept_up = cursor.fetchall()
        for away, _ in kept_up:
            cursor.execute(away)
        yield
        for _, again in kept_up:
            cursor.execute(again)


# What a table keeps up, but for a primary key that foreign keys lean on: how to take it away, how to build it.
_KEPT_UP = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
           format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint AS kept WHERE conrelid = ANY(%(tables)s::regclass[]) AND (
        contype IN ('u', 'f')
        OR contype = 'p' AND NOT EXISTS (SELECT FROM pg_constraint WHERE confrelid = kept.conrelid)
    )
    UNION ALL
    SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


def next_pk(model: type[Model]) -> int:
    """Return the first primary key that no row has had."""
    return int(model._default_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


def settle(models: Iterable[type[Model]]) -> None:
    """Let PostgreSQL count on from the keys given by hand, and tidy up and look at what it holds now."""
    models = list(models)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("VACUUM (ANALYZE) " + ", ".join(model._meta.db_table for model in models))
        else:
            cursor.execute("ANALYZE")
