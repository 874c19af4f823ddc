"""The store's admin with our native page in a frame: opens it, and asks on as the page's script does. No cookies."""

import base64
import json
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.http import HttpResponse
from django.test import Client

from tests.people import Merchant
from tests.signed import CLIENT_SECRET

HEADER = "X-Hub-Context"
IV = bytes(range(16))


def seal(told: dict[str, Any] | bytes, secret: str = CLIENT_SECRET) -> str:
    """Return the payload that says `told`, as whoever knows the client secret makes it (contract §8.2)."""
    text = told if isinstance(told, bytes) else json.dumps(told, separators=(",", ":")).encode()
    padder = padding.PKCS7(128).padder()
    body = padder.update(text) + padder.finalize()
    cipher = Cipher(algorithms.AES(secret[:16].encode()), modes.CBC(IV)).encryptor()
    return base64.urlsafe_b64encode(IV + cipher.update(body) + cipher.finalize()).decode()


class Frame:
    """One framed page. `client` is the address of the person's machine."""

    def __init__(self, merchant: Merchant, client_id: str = "demo-app", client: str = "127.0.0.1") -> None:
        self.merchant = merchant
        self.client_id = client_id
        self.page = f"/apps/{client_id}/native/"
        self.context = ""
        self._client = client

    def open(self, mode: str = "query", **options: Any) -> HttpResponse:
        """Open the app in the admin."""
        address = self.merchant.sandbox.native_address(self.client_id, self.merchant.store_id, mode, **options)
        return self.visit(address)

    def visit(self, address: str) -> HttpResponse:
        """Load an address in the frame; what stands in its fragment is posted, as the page's script does."""
        parts = urlsplit(address)
        if not parts.fragment:
            return self._ask("GET", f"{parts.path}?{parts.query}")
        assert self._ask("GET", parts.path).status_code == 200
        return self.post("verify/", {"fragment": parts.fragment})

    def pay(self, payload: str, **more: str) -> HttpResponse:
        """Open the page with this payload in the query."""
        return self._ask("GET", self.page, {"payload": payload, **more})

    def tell(self, told: dict[str, Any], secret: str = CLIENT_SECRET) -> HttpResponse:
        """Open the page with a payload that says this."""
        return self.pay(seal(told, secret))

    def get(self, door: str) -> HttpResponse:
        return self._ask("GET", self.page + door, HX_REQUEST="true")

    def post(self, door: str, data: dict[str, Any] | None = None) -> HttpResponse:
        return self._ask("POST", self.page + door, data or {}, HX_REQUEST="true")

    def submit(self, door: str, data: dict[str, Any]) -> HttpResponse:
        """Send a form as a browser does by itself: the context stands in a hidden field."""
        context, self.context = self.context, ""
        return self._ask("POST", self.page + door, {"context": context, **data})

    def _ask(self, method: str, path: str, data: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        sent = {f"HTTP_{name}": value for name, value in headers.items()}
        if self.context:
            sent["HTTP_X_HUB_CONTEXT"] = self.context
        browser = Client(enforce_csrf_checks=True, REMOTE_ADDR=self._client)
        ask = browser.get if method == "GET" else browser.post
        answer: HttpResponse = ask(path, data, **sent)  # type: ignore[assignment, arg-type]
        assert not answer.cookies
        assert "Cookie" not in answer.headers.get("Vary", "")
        self.context = answer.headers.get(HEADER, self.context)
        return answer
