"""Audit: writes down what an operator did, to what, why and from where. The only writer of the trail.

What stands in it stays, so nothing goes in that would have to come out again: secrets and personal values leave a
mark that they changed, people and stores are named by their numbers. Reasons are free text, and an erasure blanks them.
"""

import os
import pwd
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.forms import BaseForm
from django.http import HttpRequest

from accounts import personal
from accounts.fields import SecretField
from accounts.models import AuditEntry, Store, User

HIDDEN = "[hidden]"
_PERSONAL = "[personal]"
_SECRET_NAMES = re.compile(
    r"(?i)secret|token|password|seed|signature|authorization|cookie|api_?key|^(?:code|key|payload)$"
)
# Ecwid's tokens by their prefixes (contract §2.4), our seals, and whatever is offered as a bearer token.
_SECRETS = re.compile(
    r"(?i)\b(?!public_storefront(?![a-z0-9_-]))(?:secret|public)_[\w-]{6,}|\bv1:[0-9a-f]{8}:\S+|bearer\s+\S+"
)
_LONGEST = 500
COMMAND = "manage.py"


def record(
    *,
    by: User | None,
    what: str,
    target: models.Model | None = None,
    reason: str = "",
    request: HttpRequest | None = None,
    changes: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down that `by` did `what`, in words such as "probe"; `by` is None for the service itself.

    `changes` are by name, each [before, after] or a bare value: {"enabled": [True, False], "rows": 12}. What is secret
    or personal is left out here, whatever the caller passes.
    """
    entry = _entry(by, what, target, reason, request, changes)
    entry.save()
    return entry


def record_command(
    command: str,
    *,
    what: str,
    target: models.Model | None = None,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write down what a command of manage.py did: nobody is signed in there, so by the system's user."""
    entry = _entry(None, what, target, reason, None, changes)
    entry.by_name = f"{COMMAND} {command} ({_system_user()})"
    entry.save()
    return entry


def record_each(
    *, by: User | None, what: str, targets: Iterable[models.Model], reason: str = "", request: HttpRequest | None = None
) -> None:
    """Write the same down about each of many, in one go."""
    AuditEntry.objects.bulk_create([_entry(by, what, target, reason, request, None) for target in targets])


def changes_of(form: BaseForm) -> dict[str, Any]:
    """Return what a valid form changes, before and after."""
    # A form may name what it changes without having a field of that name: Django's for passwords does.
    initial = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: [initial.get(name), form.cleaned_data.get(name)] for name in form.changed_data}


def reasons_about(store: Store) -> "models.QuerySet[AuditEntry]":
    """Return the entries about a store, to have their reasons blanked: somebody may have written a name there."""
    return AuditEntry.erasing.filter(store_id=store.store_id)


def shown(target: models.Model | None, name: str, value: Any) -> Any:
    """Return a changed value as the trail may hold it."""
    if _SECRET_NAMES.search(name) or (target is not None and isinstance(_column(target, name), SecretField)):
        return HIDDEN
    if target is not None and name in personal.PERSONAL.get(type(target), {}):  # type: ignore[arg-type]
        return _PERSONAL
    return _plain(value)


def _entry(
    by: User | None,
    what: str,
    target: models.Model | None,
    reason: str,
    request: HttpRequest | None,
    changes: Mapping[str, Any] | None,
) -> AuditEntry:
    about = {} if target is None else {"target_kind": target._meta.label_lower, "target_id": str(target.pk)}
    return AuditEntry(
        by=by,
        by_name=by.username if by else "",
        what=what[:200],
        target_name=_name(target)[:200],
        store_id=_store_id(target),
        reason=_without_secrets(reason)[:500],
        address=(request.META.get("REMOTE_ADDR") or None) if request else None,
        changes={name: shown(target, name, value) for name, value in (changes or {}).items()},
        **about,
    )


def _system_user() -> str:
    """Return whose process this is; variables such as USER say whatever somebody wants."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user need not have a name
        return str(number)


def _name(target: models.Model | None) -> str:
    """Return a name that says nothing about a merchant."""
    if isinstance(target, Store):
        return f"Store {target.store_id}"
    return target.username if isinstance(target, User) else str(target or "")


def _store_id(target: Any) -> int | None:
    """Return Ecwid's number of the store that a row is about, where it is about one."""
    about = target if isinstance(target, Store) else getattr(target, "store", None)
    about = about or getattr(getattr(target, "installation", None), "store", None)
    if isinstance(about, Store):
        return about.store_id
    number = getattr(target, "store_id", None)  # some rows hold the number itself
    return number if isinstance(number, int) and not _is_relation(target, "store_id") else None


def _is_relation(target: models.Model, name: str) -> bool:
    return getattr(_column(target, name), "is_relation", False)


def _column(target: models.Model, name: str) -> Any:
    try:
        return target._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it, without anything that looks like a credential."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): HIDDEN if _SECRET_NAMES.search(str(name)) else _plain(item) for name, item in value.items()}
    if isinstance(value, models.QuerySet | list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return _without_secrets(str(value))[:_LONGEST]


def _without_secrets(text: str) -> str:
    return _SECRETS.sub(HIDDEN, text)
