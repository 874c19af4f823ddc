"""Writes docs/licences.md: the licence of every package that requirements.lock pins, as its own metadata says."""

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "licences.md"
_PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)( ;)?", re.MULTILINE)
_HEAD = """\
# Licences

What runs in production beside our own code, made by `make licences` from `requirements.lock`; a test keeps it current.

| package | version | licence |
| --- | --- | --- |
"""


def page() -> str:
    """Return the page for what is installed here."""
    pinned = _PINNED.findall((ROOT / "requirements.lock").read_text("utf-8"))
    rows = "".join(f"| {name} | {version} | {_licence(name)} |\n" for name, version, marker in pinned if not marker)
    others = ", ".join(f"{name} {version}" for name, version, marker in pinned if marker)
    return f"{_HEAD}{rows}\nOn some platforms only: {others}.\n"


def _licence(name: str) -> str:
    told = metadata.metadata(name)
    classes = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier", []) if line.startswith("License ::")]
    stated = told.get_all("License-Expression", []) or classes or told.get_all("License", [])
    return ", ".join(stated).strip().split("\n")[0][:80] or "not stated"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"Wrote {PAGE.relative_to(ROOT)}.\n")
