"""The gate of the REST API: store, token, limit, plan and scope, in that order. Source: contract §4."""

import time
from dataclasses import dataclass

from tests.sandbox import messages
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.records import Store, Token
from tests.sandbox.world import World

_BEARER = "bearer "


@dataclass(frozen=True)
class Caller:
    """Who calls, for which store."""

    store: Store
    token: Token

    def needs(self, scope: str) -> None:
        """Let through only a secret token with this scope.

        :raises RefusedError: when it has not
        """
        if self.token.public or scope not in self.token.scopes:
            raise RefusedError(messages.error(403, "INSUFFICIENT_APP_SCOPE", "Insufficient app scope"))


def admit(world: World, request: Request, store_id: str) -> Caller:
    """Let a request in, in the order: store, address, token, limit, plan.

    :raises RefusedError: with the answer to give
    """
    store = world.stores.get(int(store_id)) if len(store_id) < 19 else None
    if store is None or not store.exists:
        raise RefusedError(messages.error(404, "STORE_NOT_FOUND", "Store not found"))
    now = time.time()
    blocked = world.limiter.address_wait(request.address, now)
    if blocked:
        raise RefusedError(too_often(blocked))
    token = _token(world, request, store, now)
    _check_pause(world, store, token)
    return Caller(store, token)


def too_often(wait: int) -> Answer:
    """Answer 429 with the seconds to wait."""
    return messages.error(429, "RATE_LIMITED", "Too many requests", ("Retry-After", str(wait)))


def _token(world: World, request: Request, store: Store, now: float) -> Token:
    value = _bearer(request)
    if not value:
        raise RefusedError(_dead(world))
    token = world.tokens.get(value)
    if token is None or not _works(world, token, store):
        wait = world.limiter.dead_wait(value, request.address, now)
        raise RefusedError(_blocked(world, wait) if wait else _dead(world))
    wait = world.limiter.wait(value, now) if request.counted else 0
    if wait:
        raise RefusedError(_blocked(world, wait))
    return token


def _bearer(request: Request) -> str:
    header = str(request.headers.get("Authorization", ""))
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""


def _works(world: World, token: Token, store: Store) -> bool:
    paused = store.suspended or not store.plan_has_api
    return token.alive and token.store_id == store.store_id and not (paused and world.switches.pause_kills_tokens)


def _check_pause(world: World, store: Store, token: Token) -> None:
    installation = world.installations.get((token.client_id, token.store_id))
    unpaid = installation is not None and installation.subscription == "SUSPENDED"
    if not store.plan_has_api or (unpaid and not world.switches.suspended_app_works):
        message = "Please upgrade your account to access API"
        raise RefusedError(messages.error(402, "NOT_AVAILABLE_ON_CURRENT_PLAN", message))
    if store.suspended:
        raise RefusedError(messages.error(402, "STORE_IS_SUSPENDED", "Store is suspended"))


def _dead(world: World) -> Answer:
    how = world.switches.dead_token
    if how == "403 empty":
        return Answer(403)
    return messages.error(int(how[:3]), "INVALID_API_TOKEN", "Token doesn't exist")


def _blocked(world: World, wait: int) -> Answer:
    return Answer(403) if world.switches.blocked_token == "403" else too_often(wait)
