"""Prepared statements: written as querysets, compiled once in a process, and then run with other values each time.

For the few statements that everything waits for: Django takes several times as long to make one as a database to run
it. They follow the models by themselves, because each process compiles them anew.
"""

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.expressions import Expression
from django.db.models.sql import UpdateQuery

RowT = TypeVar("RowT", bound=models.Model)


class Given(Expression):
    """A value that is given when the statement runs: `filter(pk=Given("pk", models.BigIntegerField()))`."""

    def __init__(self, name: str, output_field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, _compiler: Any, _connection: Any) -> Any:
        return "%s", [self]

    def prepared(self, value: Any) -> Any:
        """Return `value` as the database takes it."""
        return self.output_field.get_db_prep_value(value, connection)


def _filled(parameters: tuple[Any, ...], given: dict[str, Any]) -> list[Any]:
    return [one.prepared(given[one.name]) if isinstance(one, Given) else one for one in parameters]


class Update(Generic[RowT]):
    """An UPDATE of the rows that `make` returns, to the values that it returns beside them."""

    def __init__(self, make: "Callable[[], tuple[models.QuerySet[RowT], dict[str, Any]]]") -> None:
        self._make = make

    @cached_property
    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        rows, values = self._make()
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(values)
        text, parameters = query.get_compiler(connection=connection).as_sql()
        return text, parameters

    def __call__(self, **given: Any) -> int:
        """Run it and return how many rows it changed."""
        text, parameters = self._statement
        with connection.cursor() as cursor:
            cursor.execute(text, _filled(parameters, given))
            return int(cursor.rowcount)


class Select(Generic[RowT]):
    """A SELECT of the rows that `make` returns, with those that its `select_related` joins."""

    def __init__(self, make: "Callable[[], models.QuerySet[RowT]]") -> None:
        self._make = make

    @cached_property
    def _statement(self) -> "tuple[models.QuerySet[RowT], Any, str, tuple[Any, ...]]":
        rows = self._make()
        compiler = rows.query.get_compiler(connection=connection)
        return rows, compiler, *compiler.as_sql()

    def __call__(self, **given: Any) -> list[RowT]:
        """Run it and return the rows."""
        rows, compiler, text, parameters = self._statement
        compiled, filled = copy.copy(compiler), _filled(parameters, given)
        compiled.connection = connection  # this thread's
        compiled.as_sql = lambda *_args, **_options: (text, filled)
        mine = rows.all()
        mine.query.get_compiler = lambda *_args, **_options: compiled  # type: ignore[method-assign]
        return list(mine)
