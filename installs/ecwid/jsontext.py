"""Reads bytes that somebody else calls JSON: the one place that parses them. ValueError is all it raises."""

import json
import math
from collections.abc import Iterator

DEPTH_MAX = 64
_INT64 = 2**63
# NUL and lone surrogates: no database stores them.
_NOT_TEXT = frozenset(map(chr, (0, *range(0xD800, 0xE000))))


def lenient(body: bytes) -> object:
    """Parse JSON of a platform that means well: NaN reads as null, a byte order mark and duplicate keys pass.

    :raises ValueError: when it is not JSON, not UTF-8, or nested deeper than any sane document
    """
    return _shallow(_loads(body, parse_constant=lambda _: None))


def strict(body: bytes) -> object:
    """Parse JSON of a stranger.

    :raises ValueError: as `lenient`, and for duplicate keys, NaN, infinities, numbers beyond 64 bits, NULs,
        lone surrogates
    """
    document = _shallow(
        _loads(
            body,
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_int64,
        )
    )
    if any(not _NOT_TEXT.isdisjoint(text) for text in _texts(document)):
        raise ValueError("text that cannot be stored")
    return document


def _loads(body: bytes, **options: object) -> object:
    try:
        return json.loads(body.decode("utf-8-sig"), **options)  # type: ignore[arg-type]
    except RecursionError:  # thousands of brackets
        raise ValueError("nested too deep") from None


def _children(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _shallow(document: object) -> object:
    """Return the document if whoever walks it later is safe from RecursionError."""
    level, depth = list(_children(document)), 0
    while level:
        depth += 1
        if depth > DEPTH_MAX:
            raise ValueError("nested too deep")
        level = [child for node in level for child in _children(node)]
    return document


def _texts(document: object) -> Iterator[str]:
    waiting = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, dict):
            yield from node
        waiting.extend(_children(node))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number without end")
    return number


def _int64(text: str) -> int:
    number = int(text)
    if not -_INT64 <= number < _INT64:
        raise ValueError("a number beyond 64 bits")
    return number
