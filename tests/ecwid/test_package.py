"""The package stands on its own: no Django beneath it, and values that nobody can change."""

import dataclasses
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from installs import ecwid

MODULES = [importlib.import_module(f"installs.ecwid.{found.name}") for found in pkgutil.iter_modules(ecwid.__path__)]


def test_it_needs_neither_django_nor_settings() -> None:
    script = f"""
import importlib, sys
for name in {[module.__name__ for module in MODULES]}:
    importlib.import_module(name)
assert not {{"django", "celery", "environ"}} & set(sys.modules), "imported"
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True, timeout=60)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_its_values_are_frozen(module: ModuleType) -> None:
    for name, value in vars(module).items():
        if dataclasses.is_dataclass(value) and isinstance(value, type):
            assert value.__dataclass_params__.frozen, name  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_it_writes_no_log(module: ModuleType) -> None:
    assert not {"logging", "structlog"} & set(vars(module))
