"""Keys: which of them seal something now, and where. Asked at every start, so it takes no longer for more rows."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError, connection
from django.db.models import Min, Model, QuerySet

from accounts import sealing
from accounts.fields import KeyOf, SecretField
from installs import spool

log = logging.getLogger(__name__)

SPOOL = "spool"


class KeyMissing(Exception):
    """Something is sealed with a key that TOKEN_KEYS does not hold, so it could not be read."""


@dataclass(frozen=True)
class Column:
    """A column of secrets."""

    model: type[Model]
    field: SecretField

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"

    def keyed(self) -> QuerySet[Any]:
        """Return the rows, each with the id of its key, "" where there is no secret."""
        rows: QuerySet[Any] = self.model._base_manager.annotate(key=KeyOf(self.field.name))
        return rows

    def key_ids(self) -> Iterator[str]:
        """Yield the ids of the keys in use: one look into the index for each, never a scan of the rows."""
        last = ""
        while last := self.keyed().filter(key__gt=last).order_by().aggregate(first=Min("key"))["first"] or "":
            yield last


def columns() -> list[Column]:
    """Return every column of secrets there is, in every app."""
    fields = ((model, field) for model in apps.get_models() for field in model._meta.concrete_fields)
    return [Column(model, field) for model, field in fields if isinstance(field, SecretField)]


def in_use() -> dict[str, list[str]]:
    """Return where each key is in use, by its id: columns by their names, and the spool."""
    found: dict[str, list[str]] = {}
    for column in columns():
        for key in column.key_ids():
            found.setdefault(key, []).append(str(column))
    for uid in spool.waiting():
        places = found.setdefault(spool.key_id(uid), [])
        if SPOOL not in places:
            places.append(SPOOL)
    found.pop("", None)  # a file that went meanwhile, or cannot be read
    return found


def counts(key: str) -> dict[str, int]:
    """Return how many secrets a key seals, by place; places without any are left out. One count for each column."""
    found = {str(column): column.keyed().filter(key=key).count() for column in columns()}
    found[SPOOL] = sum(1 for uid in spool.waiting() if spool.key_id(uid) == key)
    return {place: count for place, count in found.items() if count}


def require() -> None:
    """Make sure that all there is can be read.

    :raises KeyMissing: when it cannot, with the keys' ids and where they are in use.
    """
    known = sealing.key_ids()
    if lost := {key: places for key, places in in_use().items() if key not in known}:
        where = "; ".join(f"{key} ({', '.join(places)})" for key, places in sorted(lost.items()))
        raise KeyMissing(
            f"TOKEN_KEYS lacks keys that are in use: {where}. Put them back at its end; they may go once "
            "`manage.py rotate_keys` says so."
        )


def require_at_start() -> None:
    """Make sure, before a process takes any work, that TOKEN_KEYS holds every key in use.

    A few looks into an index. A database that is not there, or has no tables yet, holds nothing that could not be read.

    :raises ImproperlyConfigured: when a key is lacking, with its id and where it is in use.
    """
    try:
        require()
    except KeyMissing as missing:
        raise ImproperlyConfigured(str(missing)) from None
    except (OperationalError, ProgrammingError) as error:
        log.warning("keys_not_checked", extra={"reason": type(error).__name__})
    finally:
        connection.close()  # what comes next may fork
