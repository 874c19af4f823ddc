"""Takes the database back to where a test found it, by what the test wrote and no more.

Django empties every table after a test that commits, and then makes all content types and permissions anew, which
takes longer than most tests do.
"""

from typing import Any

from django.db import connection, transaction

Rows = list[tuple[Any, ...]]


class Beginning:
    """What stands in the database before any test: rows that migrations made."""

    def __init__(self) -> None:
        self._tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
        self._standing = {table: self._rows(table) for table in self._written()}

    def restore(self) -> None:
        """Delete what was written since, and put back what was changed."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table in self._written():
                rows = self._standing.get(table, [])
                if not rows or self._rows(table) != rows:
                    cursor.execute(f"DELETE FROM {table}")  # noqa: S608  our own models' names
            for table, rows in self._standing.items():
                if not self._rows(table):
                    marks = ", ".join(["%s"] * len(rows[0]))
                    cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def _written(self) -> list[str]:
        """Name the tables with anything in them."""
        asked = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in self._tables]  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(asked))
            return [row[0] for row in cursor.fetchall()]

    def _rows(self, table: str) -> Rows:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608
            return list(cursor.fetchall())
