"""Which address is answered by whom, and the way from a request to its answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.sandbox import (
    admin,
    batch,
    consent,
    controls,
    disturb,
    event_pages,
    mailbox,
    market,
    messages,
    oauth,
    rest,
    storage,
    store_pages,
)
from tests.sandbox.calls import Call
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.world import World

Handler = Callable[[World, Request, Mapping[str, str]], Answer]

_STORE = r"/api/v3/(?P<store_id>\d+)"
_APP = r"(?P<client_id>[^/]+)"


@dataclass(frozen=True)
class Route:
    """One address. Calls of a `kind` are written down and can be disturbed; pages have none."""

    kind: str
    pattern: re.Pattern[str]
    handlers: Mapping[str, Handler]


def _route(kind: str, pattern: str, **handlers: Handler) -> Route:
    return Route(kind, re.compile(pattern), handlers)


def within_batch(world: World, request: Request) -> Answer:
    """Answer a request that came inside a batch; what spoils the wire is a server error there."""
    route, found = _find(request.path)
    answer = _answered(world, request, route, found)
    return answer if answer.manner.how == "whole" else Answer(500)


ROUTES = (
    _route("token", r"/api/oauth/token(?:/(?P<store_id>[^/]+))?", POST=oauth.token),
    _route("authorize", r"/api/oauth/authorize", GET=consent.ask, POST=consent.decide),
    _route("profile", f"{_STORE}/profile", GET=rest.get_profile, PUT=rest.put_profile),
    _route("application", f"{_STORE}/application", GET=rest.get_application, DELETE=rest.delete_application),
    _route("latest-stats", f"{_STORE}/latest-stats", GET=rest.get_latest_stats),
    _route("storage", f"{_STORE}/storage", GET=storage.get_all),
    _route(
        "storage",
        f"{_STORE}/storage/(?P<key>[^/]+)",
        GET=storage.get,
        POST=storage.put,
        PUT=storage.put,
        DELETE=storage.delete,
    ),
    _route(
        "batch",
        f"{_STORE}/batch",
        GET=partial(batch.get, run=within_batch),
        POST=partial(batch.post, run=within_batch),
        DELETE=batch.delete,
    ),
    _route("batch", f"{_STORE}/batch/cancel-group", POST=batch.cancel_group),
    _route("elsewhere", r"/elsewhere", GET=controls.elsewhere, POST=controls.elsewhere),
    _route("", r"/", GET=market.home),
    _route("", r"/apps", GET=market.apps),
    _route("", f"/apps/{_APP}", GET=market.details),
    _route("", f"/apps/{_APP}/install", POST=market.install),
    _route("", f"/apps/{_APP}/refuse", POST=market.refuse),
    _route("", r"/my-apps", GET=market.my_apps),
    _route("", rf"/my-apps/{_APP}/(?P<store_id>\d+)/uninstall", POST=market.uninstall),
    _route("", rf"/my-apps/{_APP}/(?P<store_id>\d+)/reinstall", POST=market.reinstall),
    _route("", rf"/my-apps/{_APP}/(?P<store_id>\d+)/subscription", POST=market.subscribe),
    _route("", r"/develop-apps", GET=market.develop_apps),
    _route("", r"/switches", GET=controls.page, POST=controls.set_switches),
    _route("", r"/switches/disturb", POST=controls.add_disturbance),
    _route("", r"/switches/calm", POST=controls.calm),
    _route("", r"/switches/stores", POST=controls.set_stores),
    _route("", r"/switches/reset", POST=controls.reset),
    _route("", r"/calls", GET=controls.calls),
    _route("", r"/stores", GET=store_pages.stores),
    _route("", r"/stores/(?P<store_id>\d+)", GET=store_pages.store),
    _route("", r"/stores/(?P<store_id>\d+)/fields", POST=store_pages.set_fields),
    _route("", r"/stores/(?P<store_id>\d+)/profile", POST=store_pages.set_profile),
    _route("", r"/stores/(?P<store_id>\d+)/flags", POST=store_pages.set_flags),
    _route("", r"/events", GET=event_pages.page, POST=event_pages.send),
    _route("", r"/events/again/(?P<event_id>[^/]+)", POST=event_pages.again),
    _route("", f"/events/unblock/{_APP}", POST=event_pages.unblock),
    _route("", r"/mailbox", GET=mailbox.inbox),
    _route("", r"/mailbox/(?P<name>[^/]+)", GET=mailbox.mail),
    _route("", r"/mailbox/(?P<name>[^/]+)/html", GET=mailbox.html),
    _route("", rf"/admin/(?P<store_id>\d+)/apps/{_APP}", GET=admin.page),
    _route("", rf"/admin/(?P<store_id>\d+)/apps/{_APP}/storage", GET=admin.get_storage, POST=admin.set_storage),
    _route("", r"/admin\.js", GET=admin.script),
    _route("", r"/ecwid-app\.js", GET=admin.sdk),
    _route("", r"/style\.css", GET=controls.style),
    _route("other", r"/api/.*"),
)
_NOWHERE = Route("", re.compile(""), {"GET": market.nowhere})


def answer(world: World, request: Request) -> tuple[Answer, Call | None]:
    """Find who answers, let them, and spoil the answer when one is to go wrong."""
    route, found = _find(request.path)
    call = world.record(route.kind, request) if route.kind else None
    with world.lock:
        return _answered(world, request, route, found), call


def _answered(world: World, request: Request, route: Route, found: dict[str, str]) -> Answer:
    struck = world.disturbances.take(route.kind) if route.kind else None
    skipped = struck is not None and struck.before
    done = Answer(200) if skipped else _handled(world, request, route, found)
    if struck and struck.how == "wrong_store":
        done = oauth.of_another_store(world, done)
    return disturb.spoil(struck, done) if struck else done


def _find(path: str) -> tuple[Route, dict[str, str]]:
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match:
            return route, {k: v for k, v in match.groupdict().items() if v is not None}
    return _NOWHERE, {}


def _handled(world: World, request: Request, route: Route, found: dict[str, str]) -> Answer:
    if route.kind == "other":
        return rest.unknown(world, request, found)
    handler = route.handlers.get(request.method)
    if handler is None:
        allowed = ("Allow", ", ".join(route.handlers))
        return messages.error(405, "METHOD_NOT_ALLOWED", "Method not allowed", allowed)
    try:
        return handler(world, request, found)
    except RefusedError as refused:
        return refused.answer
