"""The guides: every command works, in the order of reading and a folder of its own; every link leads somewhere."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import environment
from tests.processes import ROOT
from tests.test_configuration import PRODUCTION

GUIDES = [ROOT / "docs" / f"{name}.md" for name in ("quickstart", "going-live", "operations", "products")]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
NOT_RUN = re.compile(r"# not run: .{15,}")


def blocks(page: Path) -> list[str]:
    """Return the commands of a page, block by block."""
    return re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run_here(folder: Path) -> dict[str, str]:
    """Lay out the code in `folder` as a clone has it, and return the environment of a deployment that is set up."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "client.secret").write_text("K3yK3yK3yK3yK3yK3yK3yK3yK3yK3y33", "utf-8")
    ours = re.compile("|".join([*environment.VARIABLES, "ECWIDHUB_.*", "PYTEST_.*", "DJANGO_ALLOW_ASYNC_UNSAFE"]))
    nobodys = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    return nobodys | PRODUCTION | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.long
def test_every_command_of_the_guides_works_in_the_order_of_reading(tmp_path: Path) -> None:
    variables = run_here(tmp_path)
    commands = ["python manage.py migrate -v 0  # what `make run` has done by then"]
    commands += [block for page in GUIDES for block in blocks(page) if not NOT_RUN.match(block)]
    for block in commands:
        done = subprocess.run(
            ["bash", "-euc", block], cwd=tmp_path, env=variables, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_commands_stand_in_the_guides_only_and_most_of_them_run() -> None:
    assert not [
        page.name for page in PAGES if page not in GUIDES and any(not NOT_RUN.match(one) for one in blocks(page))
    ]
    run = [block for page in GUIDES for block in blocks(page) if not NOT_RUN.match(block)]
    assert len(run) > sum(len(blocks(page)) for page in GUIDES) / 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_within_the_project_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)(?:#[\w-]+)?\)", page.read_text("utf-8"))

    assert not [target for target in targets if not (page.parent / target).exists()]
