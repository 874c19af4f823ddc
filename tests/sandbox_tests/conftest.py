"""One sandbox for all of its tests, taken back to the beginning before each."""

from collections.abc import Iterator

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.hook import Hook, connect
from tests.sandbox_tests.hook import listening as listening_hook


@pytest.fixture(scope="session")
def listening() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(listening: Sandbox) -> Sandbox:
    listening.reset()
    return listening


@pytest.fixture
def hook(sandbox: Sandbox) -> Iterator[Hook]:
    """The webhook address of the demo app."""
    with listening_hook() as one:
        connect(sandbox, one)
        yield one
        sandbox.reset()
