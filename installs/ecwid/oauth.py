"""Buys a store's tokens with a code. A code is sent once: a second use disables what the first one bought."""

import dataclasses
import time
import urllib.parse

from installs.ecwid import answers, errors, scopes, values, wire

# Ecwid's own plugin waits 20 s (contract §2.5), a merchant does not. An answer given up on is a code lost, so
# nearly all of the time may go into waiting for it.
PATIENCE = wire.Timeouts(connect=3.0, read=9.0, total=12.0)

_SECRET_ERRORS = frozenset({"invalid_client", "unauthorized_client"})  # RFC 6749 §5.2


@dataclasses.dataclass(frozen=True)
class Client:
    """The app as Ecwid's OAuth server knows it."""

    oauth_url: str
    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    redirect_uri: str
    timeouts: wire.Timeouts = dataclasses.field(default=PATIENCE, repr=False)


@dataclasses.dataclass(frozen=True)
class Grant:
    """What a code buys. `public_token` and `email` are "" when there are none. Source: contract §2.4"""

    store_id: int
    secret_token: str = dataclasses.field(repr=False)
    public_token: str = dataclasses.field(repr=False)
    scopes: tuple[str, ...]
    email: str


def parse_store_id(text: str) -> int:
    """Read a store id out of an address: ASCII digits, 1 to 2**63 - 1, no leading zero: one spelling a store.

    :raises ValueError: for anything else
    """
    found = values.store_id(text)
    if found is None:
        raise ValueError("not a store id")
    return found


def authorize_url(client: Client, scopes: tuple[str, ...], state: str) -> str:
    """Return the address where the merchant agrees to install. Makes no request. Source: contract §2.3"""
    query = {
        "client_id": client.client_id,
        "redirect_uri": client.redirect_uri,
        "response_type": "code",
        "scope": " ".join(scopes),
        "state": state,
    }
    return f"{client.oauth_url.rstrip('/')}/authorize?{urllib.parse.urlencode(query)}"


def exchange_code(client: Client, code: str, store_id: int | None = None) -> Grant:
    """Exchange a code for a grant: one request, and one more only if provably nothing of the first was sent.

    Whoever calls compares the grant's store with the one in the address.
    Source: contract §2.4, §2.5, design rules 1, 2

    :raises Unreachable: with `sent` False the code is unused and may be tried again; else it counts as spent
    :raises Malformed: when the answer is no grant and no refusal; the code counts as spent
    :raises Throttled: when Ecwid asks to slow down; the code counts as spent
    :raises CodeRejected: when the code bought nothing
    :raises SecretWrong: when the app's id or secret is refused
    """
    started = time.monotonic()
    request = _request(client, code, store_id)
    try:
        reply = wire.send(request)
    except errors.Unreachable as exc:
        if exc.sent:
            raise
        left = client.timeouts.total - (time.monotonic() - started)  # both tries share the time
        timeouts = dataclasses.replace(client.timeouts, total=left)
        reply = wire.send(dataclasses.replace(request, timeouts=timeouts))
    return _grant(reply, client, code)


def _request(client: Client, code: str, store_id: int | None) -> wire.Request:
    # The path without the store belongs to the older flow, which names none. Source: contract §2.5
    path = "/token" if store_id is None else f"/token/{store_id}"
    form = {
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "code": code,
        "redirect_uri": client.redirect_uri,
        "grant_type": "authorization_code",
    }
    return wire.Request(
        method="POST",
        url=client.oauth_url.rstrip("/") + path,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urllib.parse.urlencode(form).encode(),
        timeouts=client.timeouts,
        fresh=True,
    )


def _grant(reply: wire.Reply, client: Client, code: str) -> Grant:
    if reply.status != 200:
        raise _refusal(reply, client.client_secret, code)
    fields = answers.document(reply)
    if not isinstance(fields, dict):
        raise errors.Malformed("The grant is not an object.", status=200)
    store_id = values.store_id(fields.get("store_id"))
    secret_token = values.token(fields.get("access_token"))
    granted = fields.get("scope")
    # The word is printed "bearer" in the docs and sent as "Bearer". Source: contract §2.4
    bearer = str(fields.get("token_type")).lower() == "bearer"
    # Source: contract §2.5, the robust client rule and what Ecwid's own plugin insists on
    if store_id is None or secret_token is None or not isinstance(granted, str) or not bearer:
        raise errors.Malformed("The grant lacks what makes it one.", status=200)
    return Grant(
        store_id=store_id,
        secret_token=secret_token,
        public_token=values.token(fields.get("public_token")) or "",
        scopes=scopes.parse(granted),
        email=values.email(fields.get("email")) or "",
    )


def _refusal(reply: wire.Reply, *hidden: str) -> errors.EcwidError:
    """Say what a failed exchange means. Nothing official does (contract §2.5): RFC 6749 §5.2 stands in."""
    unavailable = answers.unavailable(reply, *hidden)
    if unavailable is not None:
        return unavailable
    error, message = answers.explain(reply, *hidden)
    if reply.status < 400:
        return errors.Malformed(message, status=reply.status, error_code=error)
    wrong = reply.status == 401 or error.lower() in _SECRET_ERRORS
    meaning = errors.SecretWrong if wrong else errors.CodeRejected
    return meaning(message, status=reply.status, error_code=error)
