"""The app storage: strings by key, one set for each app in each store. Source: contract §6."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from tests.sandbox import gate, messages
from tests.sandbox.messages import JSON, Answer, Request
from tests.sandbox.records import Store
from tests.sandbox.world import World

KEY_CHARACTERS = 1024
VALUE_BYTES = 1024 * 1024
PUBLIC_BYTES = 256 * 1024


@dataclass(frozen=True)
class Shelf:
    """The values of one app in one store."""

    client_id: str
    store: Store

    @property
    def values(self) -> dict[str, str]:
        """Give the values by key, to be changed in place."""
        return self.store.storage.setdefault(self.client_id, {})


def write(world: World, shelf: Shelf, key: str, value: bytes) -> Answer:
    """Keep a value under a key, new or not, and tell the app."""
    most = PUBLIC_BYTES if key == "public" else VALUE_BYTES
    if len(key) > KEY_CHARACTERS or len(value) > most:
        return messages.error(400, "WRONG_PARAMETER", "The key or the value is too long")
    shelf.values[key] = value.decode("utf-8", "replace")
    return _written(world, shelf, key, "updateCount")


def listed(shelf: Shelf) -> list[dict[str, str]]:
    """List all keys with their values."""
    return [{"key": key, "value": value} for key, value in shelf.values.items()]


def get_all(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """List all keys with their values, as a bare array."""
    return messages.as_json(listed(_shelf(world, request, found, "read_store_profile")))


def get(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Give one value."""
    values = _shelf(world, request, found, "read_store_profile").values
    key = unquote(found["key"])
    return messages.as_json({"key": key, "value": values[key]}) if key in values else _missing()


def put(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Keep the raw body under a key, new or not; POST and PUT are alike."""
    shelf = _shelf(world, request, found, "update_store_profile")
    if request.content_type != JSON:
        return messages.error(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json")
    return write(world, shelf, unquote(found["key"]), request.body)


def delete(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Forget one key."""
    shelf = _shelf(world, request, found, "update_store_profile")
    key = unquote(found["key"])
    if shelf.values.pop(key, None) is None:
        return _missing()
    return _written(world, shelf, key, "deleteCount")


def _shelf(world: World, request: Request, found: Mapping[str, str], scope: str) -> Shelf:
    caller = gate.admit(world, request, found["store_id"])
    caller.needs(scope)
    return Shelf(caller.token.client_id, caller.store)


def _missing() -> Answer:
    return messages.as_json({"error": "OTHER", "errorMessage": "Key not found"}, 404)


def _written(world: World, shelf: Shelf, key: str, count: str) -> Answer:
    world.news.storage(shelf.client_id, shelf.store.store_id, key)
    world.version += 1
    return messages.as_json({"success": True} if world.switches.storage_answer == "success" else {count: 1})
