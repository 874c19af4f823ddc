"""The OAuth doors: what the consent page accepts, and the exchange of a code. Source: contract §2."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.sandbox import addresses, messages, scopes
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.records import App, Code
from tests.sandbox.world import World

_REQUIRED = ("client_id", "client_secret", "code", "redirect_uri", "grant_type")


class ConsentError(ValueError):
    """The consent page shows an error instead of asking."""


@dataclass(frozen=True)
class Wish:
    """What an app asks for through the consent page."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None


def read_wish(world: World, query: Mapping[str, str]) -> Wish:
    """Check the parameters of the consent page.

    :raises ConsentError: when the page must not ask, in words for a person
    """
    app = world.apps.get(query.get("client_id", ""))
    if app is None:
        raise ConsentError("No app has this client_id.")
    if query.get("response_type") != "code":
        raise ConsentError("response_type must be code.")
    redirect_uri = query.get("redirect_uri", "")
    if not addresses.is_allowed(redirect_uri, app.redirect_url):
        raise ConsentError("redirect_uri is not an address of this app.")
    wanted = scopes.with_always(query.get("scope", "").split())
    beyond = [scope for scope in wanted if scope not in scopes.with_always(app.scopes)]
    if beyond:
        raise ConsentError(f"The app may not ask for: {', '.join(beyond)}.")
    return Wish(app, redirect_uri, wanted, query.get("state"))


def allow(world: World, wish: Wish, store_id: int) -> str:
    """Install what was asked for and give the address the browser goes to."""
    code = world.connect(wish.app, world.stores[store_id], wish.scopes, wish.redirect_uri)
    shown_id = None if world.switches.old_flow else store_id
    return addresses.with_query(wish.redirect_uri, code=code.value, store_id=shown_id, state=_echo(world, wish))


def deny(world: World, wish: Wish) -> str:
    """Give the address the browser goes to after a refusal."""
    return addresses.with_query(wish.redirect_uri, error="access_denied", state=_echo(world, wish))


def market_address(world: World, code: Code) -> str:
    """Give the address to which the Market sends the browser: no state, nothing signed."""
    shown_id = None if world.switches.old_flow else code.store_id
    return addresses.with_query(code.redirect_uri, code=code.value, store_id=shown_id)


def token(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Exchange a code, or refuse; the path without a store id works while its switch is on.

    :raises RefusedError: with the refusal
    """
    store_id = found.get("store_id")
    if store_id is None and not world.switches.old_token_path:
        return Answer(404)
    form = _form(world, request)
    code = _code(world, _client(world, form), form, store_id)
    return _grant(world, world.exchange(code))


def of_another_store(world: World, answer: Answer) -> Answer:
    """Turn a grant into one of the next store: its number, and tokens that work there and only there."""
    grant = json.loads(answer.body) if answer.status == 200 else {}
    store_id = grant.get("store_id")
    others = [one for one in world.stores if one != store_id]
    if store_id is None or not others:
        return answer
    grant["store_id"] = min((one for one in others if one > store_id), default=min(others))
    world.move(grant["access_token"], grant["store_id"])
    return messages.as_json(grant, headers=(("Cache-Control", "no-store"),))


def _form(world: World, request: Request) -> dict[str, str]:
    form = request.form
    complete = all(form.get(name) for name in _REQUIRED)
    if not complete or form["grant_type"] != "authorization_code":
        raise _refused(world, 400, "invalid_request")
    return form


def _client(world: World, form: Mapping[str, str]) -> App:
    app = world.apps.get(form["client_id"])
    secret = form["client_secret"].encode()
    if app is None or not hmac.compare_digest(secret, app.client_secret.encode()):
        raise _refused(world, 401, "invalid_client")
    return app


def _code(world: World, app: App, form: Mapping[str, str], store_id: str | None) -> Code:
    code = world.codes.get(form["code"])
    if code is None or code.client_id != app.client_id:
        raise _refused(world, 400, "invalid_grant")
    if code.spent and world.switches.reuse_disables:
        world.disable(code)
    right_store = store_id is None or store_id == str(code.store_id)
    right_address = form["redirect_uri"] == code.redirect_uri
    if code.spent or not world.is_fresh(code) or not right_store or not right_address:
        raise _refused(world, 400, "invalid_grant")
    return code


def _grant(world: World, code: Code) -> Answer:
    grant: dict[str, object] = {
        "access_token": code.secret_token,
        "token_type": world.switches.token_type,
        "scope": " ".join(code.scopes),
        "store_id": code.store_id,
    }
    if code.public_token:
        grant["public_token"] = code.public_token
    if world.switches.token_email:
        account = world.stores[code.store_id].profile.get("account")
        grant["email"] = account.get("accountEmail") if isinstance(account, dict) else None
    return messages.as_json(grant, headers=(("Cache-Control", "no-store"),))


def _refused(world: World, status: int, reason: str) -> RefusedError:
    how = world.switches.token_failure
    if how == "empty":
        return RefusedError(Answer(status))
    if how == "html":
        page = f"<!doctype html><title>Error</title><h1>Something went wrong</h1><p>{status}</p>"
        return RefusedError(messages.as_html(page, status))
    return RefusedError(messages.as_json({"error": reason}, status))


def _echo(world: World, wish: Wish) -> str | None:
    return wish.state if world.switches.echo_state else None
