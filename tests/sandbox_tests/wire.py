"""Speaks HTTP to the sandbox, one connection a call, and reads what comes back."""

import gzip
import http.client
import json
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.sandbox import Sandbox

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """What came back; `headers` ignore case."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """Read the body as UTF-8, unpacked."""
        packed = self.headers.get("Content-Encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    @property
    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.text)

    @property
    def location(self) -> str:
        """Say where to go next."""
        return str(self.headers["Location"])


def send(sandbox: Sandbox, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    """Send one request; `path` may be a whole address. Header names use _ for -."""
    place = urlsplit(sandbox.origin)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path.removeprefix(sandbox.origin), body, named)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def post_form(sandbox: Sandbox, path: str, **fields: object) -> Reply:
    """Send a form."""
    return send(sandbox, "POST", path, urlencode(fields), Content_Type=FORM["Content-Type"])


def exchange(sandbox: Sandbox, code: str | None, store_id: int | str | None = 1003, **changed: str | None) -> Reply:
    """Exchange a code for the demo app; a changed field of None is left out."""
    app = sandbox.world.apps["demo-app"]
    fields: dict[str, str | None] = {
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "code": code,
        "redirect_uri": app.redirect_url,
        "grant_type": "authorization_code",
    }
    path = "/api/oauth/token" + ("" if store_id is None else f"/{store_id}")
    return post_form(sandbox, path, **{k: v for k, v in (fields | changed).items() if v is not None})


def installed(sandbox: Sandbox, store_id: int = 1003, *scopes: str) -> dict[str, Any]:
    """Install the demo app, exchange the code and give the grant."""
    code = sandbox.press_install("demo-app", store_id, scopes or None)
    grant: dict[str, Any] = exchange(sandbox, code, store_id).json
    return grant


def get(sandbox: Sandbox, path: str, token: str = "") -> Reply:
    """Ask the REST API, below `/api/v3`."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return send(sandbox, "GET", f"/api/v3{path}", **headers)


def query_of(url: str) -> dict[str, str]:
    """Read the query of an address."""
    return dict(parse_qsl(urlsplit(url).query))
