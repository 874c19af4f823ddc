"""Migrations are safe while the old version still runs: the check finds each kind of harm, and ours do none."""

from typing import Any

import pytest
from django.apps import apps
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from scripts import migrations as check

PARCEL: "list[tuple[str, models.Field[Any, Any]]]" = [
    ("id", models.BigAutoField(primary_key=True)),
    ("label", models.CharField(max_length=40, null=True)),
]


def faults(*operations: Operation, safe: str = "") -> list[str]:
    """Return what is found in a migration of these operations, which meets a table with rows."""
    state = ProjectState()
    migrations.CreateModel("Parcel", PARCEL).state_forwards("shop", state)
    kind = type("Migration", (migrations.Migration,), {"operations": list(operations), "old_version_is_safe": safe})
    return check.faults(kind("0002_change", "shop"), state)


def test_our_own_migrations_are_safe() -> None:
    assert check.unsafe(MigrationLoader(None)) == []


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (migrations.AddField("parcel", "weight", models.IntegerField(default=0)), "without it"),
        (migrations.AlterField("parcel", "label", models.CharField(max_length=40)), "NULL"),
        (migrations.AlterField("parcel", "label", models.CharField(max_length=20, null=True)), "longer"),
        (migrations.AlterField("parcel", "label", models.CharField(max_length=40, null=True, unique=True)), "doubles"),
        (migrations.AlterField("parcel", "label", models.IntegerField(null=True)), "new type"),
        (migrations.RemoveField("parcel", "label"), "still uses it"),
        (migrations.DeleteModel("Parcel"), "still uses it"),
        (migrations.RenameField("parcel", "label", "name"), "old name"),
        (migrations.RenameModel("Parcel", "Box"), "old name"),
        (migrations.AlterModelTable("parcel", "boxes"), "old name"),
        (migrations.AddConstraint("parcel", models.UniqueConstraint(fields=["label"], name="once")), "forbids"),
        (migrations.RunSQL("SELECT 1"), "undone"),
        (migrations.RunPython(migrations.RunPython.noop), "undone"),
        (migrations.SeparateDatabaseAndState([migrations.RemoveField("parcel", "label")]), "still uses it"),
    ],
)
def test_what_the_old_version_would_stumble_over_is_found(operation: Operation, words: str) -> None:
    (fault,) = faults(operation)

    assert words in fault


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("parcel", "weight", models.IntegerField(null=True)),
        migrations.AddField("parcel", "weight", models.IntegerField(db_default=0)),
        migrations.AlterField("parcel", "label", models.CharField(max_length=80, null=True)),
        migrations.AddIndex("parcel", models.Index(fields=["label"], name="by_label")),
        migrations.RunSQL("SELECT 1", migrations.RunSQL.noop),
    ],
)
def test_what_the_old_version_does_not_notice_passes(operation: Operation) -> None:
    assert faults(operation) == []


def test_a_new_table_may_be_changed_at_will_because_the_old_version_does_not_know_it() -> None:
    new = migrations.CreateModel("Crate", PARCEL)

    assert faults(new, migrations.AddField("crate", "weight", models.IntegerField(default=0))) == []


def test_a_reason_in_the_migration_lets_it_pass() -> None:
    assert faults(migrations.RemoveField("parcel", "label"), safe="unused since the release before") == []


def test_no_column_has_an_index_of_its_own_where_another_begins_with_it() -> None:
    """Each index costs every write; the longer one answers for both."""
    doubled = []
    for model in apps.get_models():
        if model._meta.app_label in check.ROOMS:
            every = (*model._meta.indexes, *model._meta.constraints)
            whole = [columns_of(one) for one in every if not getattr(one, "condition", None)]
            first = {columns[0] for columns in whole if columns}
            own: list[Any] = [one for one in model._meta.local_concrete_fields if not one.unique]
            doubled += [str(field) for field in own if field.name in first and field.db_index]
    assert doubled == []


def columns_of(one: models.Index | models.BaseConstraint) -> list[str]:
    """Return the names of the columns that an index or a constraint goes by, without those it computes."""
    named = [getattr(expression, "name", "") for expression in getattr(one, "expressions", ())]
    return [name.lstrip("-") for name in (*getattr(one, "fields", ()), *named) if name]
