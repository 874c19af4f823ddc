"""Manifests: files that list installations to take over, as CSV, a JSON array, or JSON lines. Reading them is pure.

CSV has a head: store_id, secret_token, and if known public_token and scopes, separated by blanks or commas. JSON has
the same names. What is wrong with a line is said without repeating anything of it.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from installs.ecwid import scopes, values

_TOKENS = ("secret_token", "access_token", "token")  # ours, and what others call it
_MOST = 200_000
_LONGEST_FIELD = 16_384


class Unreadable(Exception):
    """The file as a whole is none that lists installations; says why in a sentence."""


@dataclass(frozen=True)
class Line:
    """One line. `problem` says why nothing can be done with it, "" when something can."""

    number: int
    store_id: int | None = None
    secret_token: str = field(default="", repr=False)
    public_token: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()
    problem: str = ""


def read(content: bytes) -> Iterator[Line]:
    """Yield the lines of a file, the bad ones too, numbered as an editor shows them.

    :raises Unreadable: also in the middle, when it cannot be read any further.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("The file is not UTF-8 text.") from error
    seen: dict[int, int] = {}
    for at, (number, row) in enumerate(_rows(text)):
        if at >= _MOST:
            raise Unreadable(f"The file has more than {_MOST} lines. Take it over in parts.")
        line = _line(number, row)
        if line.store_id in seen:
            line = Line(number, line.store_id, problem=f"the same store is on line {seen[line.store_id]}")
        elif line.store_id is not None:
            seen[line.store_id] = number
        yield line


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    begin = text.lstrip()[:1]
    if begin == "[":
        return enumerate(_objects(_parsed(text)), start=1)
    return _json_lines(text) if begin == "{" else _csv(text)


def _csv(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    head = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    names = {(name or "").strip().lower() for name in rows.fieldnames or ()}
    if "store_id" not in names or names.isdisjoint(_TOKENS):
        raise Unreadable("The first line must name the columns, store_id and secret_token among them.")
    try:
        for row in rows:
            yield rows.line_num, {(name or "").strip().lower(): value for name, value in row.items()}
    except csv.Error as error:
        raise Unreadable(f"Line {rows.line_num + 1} is not CSV.") from error


def _json_lines(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, next(iter(_objects([_parsed(line)])))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The file begins like JSON and is none.") from error


def _objects(rows: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        yield row if isinstance(row, dict) else {}


def _line(number: int, row: Mapping[str, Any]) -> Line:
    raw_id, raw_public = row.get("store_id"), row.get("public_token")
    store_id = values.store_id(raw_id.strip() if isinstance(raw_id, str) else raw_id)
    token = values.token(_stripped(next((row[name] for name in _TOKENS if row.get(name)), None)))
    public = values.token(_stripped(raw_public)) if raw_public else ""
    problem = _problem(store_id, token, public)
    if problem or token is None:
        return Line(number, store_id, problem=problem)
    return Line(number, store_id, token, public or "", _scopes(row.get("scopes")))


def _problem(store_id: int | None, token: str | None, public: str | None) -> str:
    if store_id is None:
        return "it has no store ID, or one that is no number"
    if token is None:
        return "it has no secret token, or one that is none"
    if token.startswith("public_"):
        return "its secret token is a public one"
    return "its public token is none" if public is None else ""


def _scopes(value: Any) -> tuple[str, ...]:
    words = " ".join(map(str, value)) if isinstance(value, list) else str(value or "")
    return scopes.parse(words.replace(",", " "))


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
