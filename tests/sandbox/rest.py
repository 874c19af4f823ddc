"""The REST calls about the store and the app in it: profile, application, latest-stats."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.sandbox import gate, mask, messages, profile, stores
from tests.sandbox.messages import JSON, Answer, RefusedError, Request
from tests.sandbox.world import World

DAY = 86_400.0
_FLAGGED = {
    "reviews": "reviewsUpdatesRequired",
    "domains": "domainsRequired",
    "subscriptions": "subscriptionRequired",
}


def get_profile(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Give the profile as the token may see it. Source: contract §5.1, §5.3."""
    caller = gate.admit(world, request, found["store_id"])
    if not caller.token.public:
        caller.needs("read_store_profile")
    extended = request.query.get("showExtendedInfo") == "true"
    seen = profile.seen_by(caller.token, caller.store.profile, extended=extended)
    return _masked(seen, request)


def put_profile(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Change the profile in part. Source: contract §5.5."""
    caller = gate.admit(world, request, found["store_id"])
    caller.needs("update_store_profile")
    changes = _json_object(request)
    changed = profile.update(caller.store.profile, changes)
    if changed:
        world.profile_changed(caller.store)
    return messages.as_json({"updateCount": int(changed)})


def get_application(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Give the app's subscription in this store. Source: contract §10."""
    caller = gate.admit(world, request, found["store_id"])
    caller.needs("read_store_profile")
    installation = world.installations[caller.token.client_id, caller.token.store_id]
    status, began = installation.subscription, installation.installed_at
    dates = {"startDate": written(began), "expirationDate": written(began + 14 * DAY)}
    if status != "TRIAL":
        dates["expirationDate"] = written(began + 30 * DAY)
    subscription = {"status": status, **dates}
    return _masked({"subscriptionStatus": status, "subscription": subscription}, request)


def delete_application(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Uninstall the app that asks. Source: contract §2.6."""
    caller = gate.admit(world, request, found["store_id"])
    caller.needs("update_store_profile")
    if request.query.get("namespace") != caller.token.client_id:
        return messages.error(400, "WRONG_PARAMETER", "namespace must be the app's client_id")
    return messages.as_json({"deleteCount": int(world.uninstall(caller.token.client_id, caller.store.store_id))})


def get_latest_stats(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Give the times of the latest changes; any working token may ask. Source: contract §5.5."""
    caller = gate.admit(world, request, found["store_id"])
    stats: dict[str, Any] = {}
    for name in (*stores.STATS, *stores.MORE_STATS):
        if name not in _FLAGGED or request.query.get(_FLAGGED[name]) == "true":
            stats[f"{name}Updated"] = written(caller.store.changed.get(name, 0.0))
    for name in ("product", "category"):
        if request.query.get(f"{name}CountRequired") == "true":
            stats[f"{name}Count"] = 0
    return messages.as_json(stats)


def unknown(_: World, __: Request, ___: Mapping[str, str]) -> Answer:
    """Answer for an address that the API, or the sandbox, does not have."""
    return messages.as_json({"errorMessage": "Not found"}, 404)


def written(seconds: float) -> str:
    """Write a time as responses do, `2026-03-02 09:15:40 +0000`. Source: contract §4.1."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S +0000")


def _masked(data: dict[str, Any], request: Request) -> Answer:
    if "responseFields" not in request.query:
        return messages.as_json(data)
    try:
        return messages.as_json(mask.cut(data, mask.parse(request.query["responseFields"])))
    except ValueError as wrong:
        return messages.error(400, "WRONG_PARAMETER", str(wrong))


def _json_object(request: Request) -> dict[str, Any]:
    if request.content_type != JSON:
        raise RefusedError(messages.error(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json"))
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as wrong:
        raise RefusedError(messages.error(400, "WRONG_PARAMETER", "The body is not JSON")) from wrong
    if not isinstance(body, dict):
        raise RefusedError(messages.error(400, "WRONG_PARAMETER", "The body is not an object"))
    return body
