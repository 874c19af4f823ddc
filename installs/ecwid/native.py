"""Reads who opens the native page. Pure: no request.

Neither way proves anything about the store. The encrypted one has no integrity: whoever flips bits of its IV
changes the first block, where the store id stands, without any key. The fragment is not even encrypted.
Believe a `Visit` when its token is the one held for that store, or answers for that store at the API.
Source: contract §8.1, §8.3
"""

import base64
import dataclasses
import re

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from installs.ecwid import errors, jsontext, values

PAYLOAD_MAX = 16_384  # characters, far above what a request line carries

_BLOCK = 16
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_LANG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,2}")
_VIEW_MODES = ("PAGE", "INLINE", "POPUP")


@dataclasses.dataclass(frozen=True)
class Visit:
    """One opening of the page, as claimed. `lang`, `public_token` and `app_state` are "" when absent.

    `app_state` comes from a link that anybody can write. The API host that a payload may name (`domain`) is
    left behind: tokens go to the configured host only. Source: contract §8.3
    """

    store_id: int
    lang: str
    secret_token: str = dataclasses.field(repr=False)
    public_token: str = dataclasses.field(repr=False)
    view_mode: str
    app_state: str = dataclasses.field(repr=False)


def open_payload(payload: str, client_secret: str) -> Visit:
    """Decrypt the `payload` of the query (AES-128-CBC, IV in front, URL-safe base64, padded or not).

    Source: contract §8.2
    :raises Forged: for every failure alike, lest the answer tell an attacker whether the padding was right
    """
    try:
        return _visit(_decrypt(_unbase64(payload), client_secret))
    except ValueError:
        pass  # raised below, so that the reason does not hang on the error as context
    raise errors.Forged


def open_fragment(fragment: str) -> Visit:
    """Decode the hex in the address's fragment, with or without "#". Anybody can make one: it proves nothing.

    Source: contract §8.1, mode A
    :raises Forged: for every failure alike
    """
    text = fragment.removeprefix("#")
    try:
        if len(text) > 2 * PAYLOAD_MAX or not _HEX.fullmatch(text):
            raise ValueError("not hex")
        return _visit(bytes.fromhex(text))
    except ValueError:
        pass
    raise errors.Forged


def _unbase64(payload: str) -> bytes:
    text = payload.replace("-", "+").replace("_", "/")
    if len(text) > PAYLOAD_MAX or not _BASE64.fullmatch(text):
        raise ValueError("not base64")
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4))


def _decrypt(sealed: bytes, client_secret: str) -> bytes:
    key = client_secret[:_BLOCK].encode()  # the characters themselves: no hex, no hash
    if len(key) != _BLOCK:  # other lengths would select another AES
        raise ValueError("not a key of AES-128")
    # Less than two blocks, or not whole ones, are a ValueError of the library.
    decryptor = Cipher(algorithms.AES(key), modes.CBC(sealed[:_BLOCK])).decryptor()
    unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
    padded = decryptor.update(sealed[_BLOCK:]) + decryptor.finalize()
    return unpadder.update(padded) + unpadder.finalize()


def _visit(document: bytes) -> Visit:
    fields = jsontext.strict(document)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    store_id, secret_token = values.store_id(fields.get("store_id")), values.token(fields.get("access_token"))
    if store_id is None or secret_token is None:
        raise ValueError("no store or no token")
    lang, mode, state = fields.get("lang"), fields.get("view_mode"), fields.get("app_state")
    return Visit(
        store_id=store_id,
        lang=lang if isinstance(lang, str) and _LANG.fullmatch(lang) else "",
        secret_token=secret_token,
        public_token=values.token(fields.get("public_token")) or "",
        view_mode=mode if isinstance(mode, str) and mode in _VIEW_MODES else "PAGE",
        app_state=state if isinstance(state, str) else "",
    )
