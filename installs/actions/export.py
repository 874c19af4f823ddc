"""Export: every installation with everything about it that is not secret, one at a time however many there are."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Field, Model

from accounts.fields import SecretField
from accounts.models import Store, StoreSettings
from installs.models import Installation
from installs.models.installations import InstallationQuerySet

_BATCH = 1000
_OF_US = {"id", "app", "store", "origins"}  # keys of our own, and how settings came about


def _columns(model: type[Model]) -> list[str]:
    """Return a table's columns as they are called here; a secret one is none of them, whatever it is called."""
    fields: list[Field[Any, Any]] = [field for field in model._meta.concrete_fields if field.name not in _OF_US]
    return [field.name for field in fields if not isinstance(field, SecretField)]


_INSTALLATION = _columns(Installation)
_STORE = [name for name in _columns(Store) if name != "store_id"]
_SETTINGS = [name for name in _columns(StoreSettings) if name != "store"]
NAMES = [
    "client_id", "store_id", "state", "health", "reason", *_INSTALLATION, "missing_scopes", "prefill",
    *(f"store_{name}" for name in _STORE), *_SETTINGS,
]  # fmt: skip


def rows(installations: InstallationQuerySet) -> Iterator[dict[str, Any]]:
    """Yield one flat row for each installation, by NAMES, in the order they came.

    Batch by batch: no statement reads all of them, so none is cut off for its time.
    """
    last = 0
    chosen = Installation.objects.for_lists().filter(pk__in=installations.order_by().values("pk")).order_by("pk")
    while batch := list(chosen.filter(pk__gt=last)[:_BATCH]):
        last = batch[-1].pk
        yield from map(_flat, batch)


def _flat(row: Installation) -> dict[str, Any]:
    store, settings = row.store, row.store.settings
    about = {
        "client_id": row.app.client_id,
        "store_id": store.store_id,
        "state": row.state,
        "health": row.health,
        "reason": row.reason,
        "missing_scopes": row.missing_scopes,
        "prefill": row.prefill.state,
    }
    about |= {name: getattr(row, name) for name in _INSTALLATION}
    about |= {f"store_{name}": getattr(store, name) for name in _STORE}
    return about | {name: getattr(settings, name) for name in _SETTINGS}
