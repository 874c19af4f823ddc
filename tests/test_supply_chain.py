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
WATCHED = (ROOT / "requirements-observe.lock").read_text("utf-8")  # the same, and what Sentry and traces need


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", lock, re.MULTILINE))


PINNED = pinned(LOCK)


@pytest.mark.parametrize(("lock", "name"), [(LOCK, "requirements.txt"), (WATCHED, "requirements-observe.txt")])
def test_the_lock_holds_what_the_requirements_ask_for(lock: str, name: str) -> None:
    asked = re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)

    assert asked
    assert {name.lower(): version for name, version in asked}.items() <= pinned(lock).items(), "run: make lock"
    assert PINNED.items() <= pinned(lock).items()


@pytest.mark.parametrize("lock", [LOCK, WATCHED])
def test_each_package_is_pinned_by_hash_and_no_source_is_named(lock: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9-]+==)", lock, flags=re.MULTILINE)[1:]

    assert len(blocks) == len(pinned(lock))
    assert not [block for block in blocks if "--hash=sha256:" not in block]
    assert not re.search(r"https?:|file:|^--?[a-z]", lock, re.MULTILINE)


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
