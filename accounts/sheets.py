"""Sheets: rows on their way out, one at a time, as CSV that a spreadsheet may open or as lines of JSON."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

# A spreadsheet takes what begins like this for a formula, also after blanks and inside quotes: a store's name must not
# run anything on an operator's machine. Source: owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  full-width ones count too


class _Line:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def cell(value: object) -> object:
    """Return a value as a cell: no formula whatever the text says, a list as words, nothing as nothing."""
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    if isinstance(value, int | float):
        return value
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def as_csv(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield CSV line by line, a head of names first. It begins with the mark by which spreadsheets see UTF-8."""
    writer = csv.writer(_Line())
    yield "\ufeff" + str(writer.writerow(names))
    for row in rows:
        yield str(writer.writerow([cell(row[name]) for name in names]))


def as_json_lines(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one JSON object a line."""
    for row in rows:
        yield json.dumps({name: row[name] for name in names}, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"


FORMATS = {"csv": as_csv, "jsonl": as_json_lines}
