"""The sandbox is a second writing of the contract: it takes nothing from the first, nor from elsewhere."""

import ast
import sys
from pathlib import Path

import pytest

import tests.sandbox

FILES = sorted(Path(tests.sandbox.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_imports_itself_and_the_standard_library_only(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or ""))

    foreign = {
        name
        for name in imported
        if name.partition(".")[0] not in sys.stdlib_module_names
        and name != "tests.sandbox"
        and not name.startswith("tests.sandbox.")
    }
    assert foreign == set()


def test_every_switch_is_named_in_the_list_of_differences() -> None:
    text = Path(tests.sandbox.__file__).with_name("DIFFERENCES.md").read_text("utf-8")

    missing = [name for name in vars(tests.sandbox.Sandbox().switches) if f"`{name}" not in text]
    assert missing == []
