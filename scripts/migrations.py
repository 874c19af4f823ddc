"""Finds migrations that hurt the version that still runs while they are applied. `make lint` and CI call it.

Web servers and workers of the old version go on reading and writing while `migrate` runs and until the last of them is
replaced. What they would stumble over takes two releases: add first, remove when nobody uses it. It looks at operations
and needs no database. A migration that is safe for another reason says so: `old_version_is_safe = "why"` in its class.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import django
from django.db import migrations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import Field
from django.db.models.fields import NOT_PROVIDED

ROOMS = ("accounts", "installs")
# Nothing older than these has been released, so no old version meets them.
BEFORE_THE_FIRST_RELEASE = {("installs", "0002_life_cycle"), ("installs", "0003_native")}

Look = Callable[[Any, ProjectState, str], Iterator[str]]


def faults(migration: migrations.Migration, state: ProjectState) -> list[str]:
    """Return what the old version would stumble over in `migration`, which starts from `state` and changes it."""
    found: list[str] = []
    made: set[str] = set()
    for operation in _flat(migration.operations):
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name_lower)
        look = next((look for kind, look in _LOOKS.items() if isinstance(operation, kind)), None)
        if look and getattr(operation, "model_name_lower", "") not in made:
            found += [f"{operation.describe()}: {fault}" for fault in look(operation, state, migration.app_label)]
        operation.state_forwards(migration.app_label, state)
    return [] if getattr(migration, "old_version_is_safe", "") else found


def unsafe(loader: MigrationLoader) -> list[str]:
    """Return a line for each fault in our own migrations."""
    lines = []
    graph = loader.graph
    for room, name in sorted(node for node in graph.nodes if node[0] in ROOMS):
        state = graph.make_state((room, name), at_end=False)
        if (room, name) not in BEFORE_THE_FIRST_RELEASE:
            lines += [f"{room}/migrations/{name}.py: {fault}" for fault in faults(graph.nodes[room, name], state)]
    return lines


def _flat(operations: Sequence[Operation]) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation


def _added(operation: migrations.AddField, _state: ProjectState, _room: str) -> Iterator[str]:
    field = operation.field
    if not (field.null or field.many_to_many or field.db_default is not NOT_PROVIDED):
        yield "the old version writes rows without it; make it nullable or give it a db_default"


def _altered(operation: migrations.AlterField, state: ProjectState, room: str) -> Iterator[str]:
    old: Field[Any, Any] = state.models[room, operation.model_name_lower].fields[operation.name]
    new = operation.field
    if old.null and not new.null:
        yield "the old version may still write NULL"
    if new.unique and not old.unique:
        yield "the old version may still write doubles"
    if old.get_internal_type() != new.get_internal_type():
        yield "the old version may not read the new type; add a second column instead"
    if old.max_length and new.max_length and new.max_length < old.max_length:
        yield "the old version may still write longer values"


def _gone(_operation: Operation, _state: ProjectState, _room: str) -> Iterator[str]:
    yield "the old version still uses it; remove it in the release after the one that stops using it"


def _renamed(_operation: Operation, _state: ProjectState, _room: str) -> Iterator[str]:
    yield "the old version knows the old name only; add, copy, and remove a release later"


def _constrained(_operation: Operation, _state: ProjectState, _room: str) -> Iterator[str]:
    yield "the old version may still write what it forbids"


def _one_way(operation: migrations.RunPython | migrations.RunSQL, _state: ProjectState, _room: str) -> Iterator[str]:
    if not operation.reversible:
        yield "it cannot be undone; give it a reverse, if only a noop"


_LOOKS: dict[type[Operation], Look] = {
    migrations.AddField: _added,
    migrations.AlterField: _altered,
    migrations.RemoveField: _gone,
    migrations.DeleteModel: _gone,
    migrations.RenameField: _renamed,
    migrations.RenameModel: _renamed,
    migrations.AlterModelTable: _renamed,
    migrations.AddConstraint: _constrained,
    migrations.RunPython: _one_way,
    migrations.RunSQL: _one_way,
}


def main() -> int:
    """Print what is unsafe; return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
    django.setup()
    lines = unsafe(MigrationLoader(None))
    print("\n".join(lines) or "All migrations are safe while the old version runs.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
