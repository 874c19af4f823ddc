"""The field mask `responseFields`: `total,items(id,name)`. Source: contract §4.1."""

import re
from collections.abc import Iterator
from typing import Any

Mask = dict[str, "Mask | None"]

_WORDS = re.compile(r"[A-Za-z0-9_-]+|[(),]")
_MOST = 10_000


def parse(text: str) -> Mask:
    """Read a mask; None under a name means all of it.

    :raises ValueError: when it is not one
    """
    words = _WORDS.findall(text)
    if len(text) > _MOST or "".join(words) != "".join(text.split()):
        raise ValueError("responseFields is not a list of fields.")
    rest = iter(words)
    mask, last = _fields(rest, depth=0)
    if last:
        raise ValueError("responseFields closes more than it opens.")
    return mask


def _fields(words: Iterator[str], depth: int) -> tuple[Mask, str]:
    mask: Mask = {}
    name = ""
    for word in words:
        if word == ")":
            return mask, word
        if word == "(":
            if not name or depth > 20:
                raise ValueError("responseFields opens a list without a name, or too many.")
            mask[name], end = _fields(words, depth + 1)
            if end != ")":
                raise ValueError("responseFields does not close what it opens.")
            name = ""
        elif word == ",":
            name = ""
        else:
            name = word
            mask[name] = None
    return mask, ""


def cut(value: Any, mask: Mask | None) -> Any:
    """Keep what the mask names; names that are not there are passed over, lists are cut item by item."""
    if mask is None:
        return value
    if isinstance(value, list):
        return [cut(item, mask) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: cut(value[name], inner) for name, inner in mask.items() if name in value}
