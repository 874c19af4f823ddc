"""Sealing secrets at rest: AES-256-GCM under TOKEN_KEYS, each seal bound to the place it was made for.

A seal reads `v1:<key id>:<base64 of nonce and ciphertext>`. The place (a row's identity, a spool file's name) is
authenticated with it, so a seal copied elsewhere does not open. Any text of 32 characters or more is a key.
"""

import base64
import hashlib
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

KEY_ID_AT, KEY_ID_LENGTH = 4, 8  # where a seal says which key made it, counted from one as databases do


class SealBroken(Exception):
    """A seal that no configured key opens, or that belongs to another place. Never carries the seal."""


@lru_cache(maxsize=32)
def _key(text: str) -> tuple[str, AESGCM]:
    """Return a key's public id and its cipher; two hashes with different labels, so the id tells nothing."""
    label = hashlib.sha256(b"ecwidhub key id\0" + text.encode()).hexdigest()[:KEY_ID_LENGTH]
    return label, AESGCM(hashlib.sha256(b"ecwidhub seal v1\0" + text.encode()).digest())


def current_key_id() -> str:
    """Return the id of the key that seals now: the first of TOKEN_KEYS."""
    return _key(settings.TOKEN_KEYS[0])[0]


def key_id(seal: str) -> str:
    """Return the id of the key that made `seal`, readable without opening it."""
    return seal.partition(":")[2].partition(":")[0]


def seal(plain: str, place: str) -> str:
    """Return `plain` sealed with the newest key, to be opened only at `place`."""
    label, cipher = _key(settings.TOKEN_KEYS[0])
    nonce = os.urandom(12)
    body = nonce + cipher.encrypt(nonce, plain.encode(), place.encode())
    return f"v1:{label}:{base64.urlsafe_b64encode(body).decode()}"


def unseal(sealed: str, place: str) -> str:
    """Return what was sealed at `place`.

    :raises SealBroken: when the key is not configured, or the seal was damaged or made for another place.
    """
    version, _, rest = sealed.partition(":")
    label, _, body = rest.partition(":")
    ciphers = dict(_key(text) for text in settings.TOKEN_KEYS)
    if version != "v1" or label not in ciphers:
        raise SealBroken(f"sealed with key {label[:8]!r}, which TOKEN_KEYS does not hold")
    try:
        raw = base64.urlsafe_b64decode(body.encode())
        return ciphers[label].decrypt(raw[:12], raw[12:], place.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise SealBroken("the seal is damaged or belongs to another row") from error


def key_ids() -> list[str]:
    """Return the ids of all configured keys, newest first."""
    return [_key(text)[0] for text in settings.TOKEN_KEYS]
