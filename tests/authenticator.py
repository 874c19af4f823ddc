"""A device with passkeys, as people carry one, written from the protocol and not with the library that we check it by.

Source: https://www.w3.org/TR/webauthn-3/ (§5.8.1 client data, §6.1 authenticator data, §6.5.1 attested credential)
"""

import base64
import hashlib
import json
import secrets
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Device:
    """One device, with one passkey once it has made it. What it says can be changed, to see who believes it."""

    def __init__(self, origin: str = "http://testserver", site: str = "testserver") -> None:
        self.origin = origin
        self.site = site
        self.flags = PRESENT | VERIFIED
        self.count = 0
        self.credential_id = secrets.token_bytes(32)
        self.handle = b""
        self.key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Make a passkey as the options ask; `changes` are to what the browser says."""
        self.handle = decoded(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        # COSE, RFC 9053: kty 2 (EC2), alg -7 (ES256), crv 1 (P-256)
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + key
        data = self._data(self.flags | ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", options, changes)
        return self._answer(clientDataJSON=encoded(client), attestationObject=encoded(statement))

    def get(self, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Answer a challenge with the passkey."""
        client = self._client("webauthn.get", options, changes)
        data = self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=encoded(client),
            authenticatorData=encoded(data),
            signature=encoded(signature),
            userHandle=encoded(self.handle),
        )

    def _answer(self, **response: str) -> dict[str, Any]:
        name = encoded(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}

    def _client(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | changes).encode()

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")
