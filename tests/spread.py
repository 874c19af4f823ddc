"""How a run spends its time: how a parallel one deals out its tests, and how seldom garbage is looked for.

What takes long comes first, so that no process waits long for the last one. What shares servers or a browser stays
together.
"""

import functools
import gc
import os
import re
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

EARLY = ("browser", "services", "long")
# xdist groups tests by a mark that pytest 9.2 keeps it from handing on, in silence; the text of a file says the same.
SHARING = re.compile(r'scope="module"|pytest\.mark\.(browser|services)')


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one process more than there are cores: there is always a test that waits for another program."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(trylast=True)  # when they have been put in random order
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin a parallel run with what takes long."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not any(item.get_closest_marker(name) for name in EARLY))


def pytest_collection_finish() -> None:
    """Let the garbage collector look no more at what is there for the whole run, and more seldom at the rest.

    A tenth of the time of a test that opens a page or two went into looking.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Deal out by the rules of this module where `--dist loadgroup` asks for groups."""
    return Spread(config, log) if config.getvalue("dist") == "loadgroup" else None


class Spread(LoadScopeScheduling):
    """Deals out single tests in their order, and as one piece a file that starts something for all of its tests."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # the order says what is long
        self._shares = functools.cache(lambda name: shares(config.rootpath / name))

    def _split_scope(self, nodeid: str) -> str:
        name = nodeid.partition("::")[0]
        return name if self._shares(name) else nodeid


def shares(file: Path) -> bool:
    """Tell whether the tests of a file share what is dear to start."""
    return SHARING.search(file.read_text("utf-8")) is not None
