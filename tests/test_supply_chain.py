"""What we depend on: pinned by hash, from nowhere in particular, under known licences, and listed for others."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import licences
from tests.processes import ROOT

LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK, re.MULTILINE))


def test_the_lock_holds_what_the_requirements_ask_for() -> None:
    asked = re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)

    assert asked
    assert {name.lower(): version for name, version in asked}.items() <= PINNED.items(), "run: make lock"


def test_each_package_is_pinned_by_hash_and_no_source_is_named() -> None:
    blocks = re.split(r"^(?=[a-z0-9-]+==)", LOCK, flags=re.MULTILINE)[1:]

    assert len(blocks) == len(PINNED)
    assert not [block for block in blocks if "--hash=sha256:" not in block]
    assert not re.search(r"https?:|file:|^--?[a-z]", LOCK, re.MULTILINE)


def test_the_page_of_licences_is_current_and_none_binds_our_own_code() -> None:
    page = licences.PAGE.read_text("utf-8")

    assert page == licences.page(), "run: make licences"
    assert "not stated" not in page
    assert not re.search(r"AGPL|(?<!L)GPL", page)


@pytest.mark.long
def test_the_list_for_others_names_each_package(tmp_path: Path) -> None:
    written = tmp_path / "sbom.json"
    make = re.search(r"cyclonedx-py (.*) --output-file sbom.json", (ROOT / "Makefile").read_text("utf-8"))
    assert make
    command = [Path(sys.executable).with_name("cyclonedx-py"), *make[1].split(), "--output-file", written]
    subprocess.run([*command, "requirements.lock"], cwd=ROOT, capture_output=True, check=True)
    listed = json.loads(written.read_text("utf-8"))

    assert {part["name"]: part["version"] for part in listed["components"]} == PINNED
