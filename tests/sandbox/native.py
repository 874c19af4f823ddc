"""The identity that a native page is opened with: the payload, sealed or in hex. Source: contract §8.1 to §8.3."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.sandbox import aes
from tests.sandbox.records import App
from tests.sandbox.world import World

MODES = ("query", "fragment")
VIEWS = ("PAGE", "INLINE", "POPUP")
_KEY_CHARACTERS = 16


@dataclass(frozen=True)
class Opening:
    """One opening of an app's page in the admin of a store."""

    app: App
    store_id: int
    lang: str = "en"
    app_state: str = ""
    view_mode: str = "PAGE"


def payload(world: World, opening: Opening) -> dict[str, Any]:
    """Give what the app is told. Opening installs the app where it is not yet. Source: contract §8.3.

    :raises KeyError: when there is no such store
    """
    tokens = world.open(opening.app, world.stores[opening.store_id])
    told: dict[str, Any] = {
        "store_id": opening.store_id,
        "lang": opening.lang,
        "access_token": tokens.secret,
        "view_mode": opening.view_mode,
    }
    if tokens.public:
        told["public_token"] = tokens.public
    if opening.app_state:
        told["app_state"] = quote(opening.app_state, safe="")
    return told


def seal(client_secret: str, plaintext: bytes, iv: bytes | None = None) -> str:
    """Encrypt as Ecwid does: url-safe base64 of IV and AES-128-CBC, padded; the IV is random as a rule.

    Source: contract §8.2.

    :raises ValueError: when the secret is too short to make a key of, or the IV is not 16 bytes
    """
    key = client_secret[:_KEY_CHARACTERS].encode()
    iv = secrets.token_bytes(aes.BLOCK) if iv is None else iv
    return base64.urlsafe_b64encode(iv + aes.cbc(key, iv, plaintext)).decode()


def written(told: dict[str, Any]) -> bytes:
    """Write a payload as the JSON that is sealed or shown."""
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def address(world: World, opening: Opening, mode: str, *, padded: bool) -> str:
    """Give the address that the admin frames, in one of the two modes. Source: contract §8.1.

    :raises ValueError: when the mode is neither, or the app has no iframeUrl
    """
    url = opening.app.iframe_url
    if mode not in MODES or not url:
        raise ValueError(f"mode is one of {', '.join(MODES)}, and the app needs an iframeUrl.")
    told = written(payload(world, opening))
    if mode == "fragment":
        return f"{url}#{told.hex()}"
    sealed = seal(opening.app.client_secret, told)
    query = {"payload": sealed if padded else sealed.rstrip("=")}
    if opening.app_state:
        query["app_state"] = opening.app_state
    query["cache-killer"] = str(secrets.randbelow(100_000))
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
