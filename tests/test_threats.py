"""The threat model: every threat has a row, and every test that a row names exists."""

import ast
import re

import pytest

from tests.processes import ROOT

PAGE = (ROOT / "docs" / "threats.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| (T\d+) \|(.*)$", PAGE, re.MULTILINE))


def proofs(row: str) -> list[tuple[str, str]]:
    return re.findall(r"`([\w/]+\.py)::(test_\w+)`", row)


def test_every_threat_has_a_row() -> None:
    assert list(ROWS) == [f"T{n}" for n in range(1, 35)]


@pytest.mark.parametrize("threat", ROWS)
def test_each_defence_is_proven_by_tests_that_exist(threat: str) -> None:
    assert proofs(ROWS[threat])
    for file, name in proofs(ROWS[threat]):
        tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{file}::{name}"
