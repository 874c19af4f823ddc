"""The state file: what is installed, the codes and tokens, and the stores, from one run to the next."""

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.sandbox.records import Code, Installation, Store, Token
from tests.sandbox.world import World

FORMAT = 1


class Keeper:
    """Writes the world to a file whenever it has changed; without a file it does nothing."""

    def __init__(self, world: World, path: Path | None) -> None:
        self._world = world
        self._path = path
        self._lock = threading.Lock()
        self._kept = world.version

    def load(self) -> None:
        """Take over what the file says, if there is one.

        :raises ValueError: when it is not a state file
        """
        if self._path is None or not self._path.exists():
            return
        try:
            data = json.loads(self._path.read_text("utf-8"))
            _take(self._world, data)
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            raise ValueError(f"{self._path} is not a state file of the sandbox: {wrong}") from wrong
        self._kept = self._world.version

    def keep(self) -> None:
        """Write the file if anything changed since the last time: whole, or not at all."""
        if self._path is None or self._kept == self._world.version:
            return
        with self._lock:
            with self._world.lock:
                version, text = self._world.version, json.dumps(_given(self._world), ensure_ascii=False)
            if version != self._kept:
                _write(self._path, text)
                self._kept = version


def _given(world: World) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "installations": _rows(world.installations.values()),
        "codes": _rows(world.codes.values()),
        "tokens": _rows(world.tokens.values()),
        "stores": _rows(world.stores.values()),
    }


def _rows(records: Iterable[Installation] | Iterable[Code] | Iterable[Token] | Iterable[Store]) -> list[Any]:
    return [asdict(record) for record in records]


def _take(world: World, data: dict[str, Any]) -> None:
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']}, not {FORMAT}")
    installations = [Installation(**_with_scopes(row)) for row in data["installations"]]
    codes = [Code(**_with_scopes(row)) for row in data["codes"]]
    tokens = [Token(**_with_scopes(row)) for row in data["tokens"]]
    stores = [Store(**row) for row in data["stores"]]
    with world.lock:
        world.installations = {(one.client_id, one.store_id): one for one in installations}
        world.codes = {one.value: one for one in codes}
        world.tokens = {one.value: one for one in tokens}
        world.stores = {one.store_id: one for one in stores}


def _with_scopes(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"scopes": tuple(row["scopes"])}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
