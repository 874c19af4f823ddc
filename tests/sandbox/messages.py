"""What crosses the wire: a request as it was read, and the answer with the manner of sending it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One request, completely read. `path` is as sent, without the query; `address` is the caller's IP.

    A request that is not `counted` takes nothing from the token's limit.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: bytes
    address: str
    counted: bool = True

    @property
    def content_type(self) -> str:
        """Name the media type of the body, lower case and without parameters; empty when not said."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def form(self) -> dict[str, str]:
        """Read the body as a form; a body of any other media type has no fields."""
        return fields_of(self.body.decode("utf-8", "replace")) if self.content_type == FORM else {}

    def cookie(self, name: str) -> str:
        """Give the value of one cookie, or an empty string."""
        try:
            jar = SimpleCookie(str(self.headers.get("Cookie", "")))
        except CookieError:
            return ""
        return jar[name].value if name in jar else ""


@dataclass(frozen=True)
class Manner:
    """How an answer goes out: `whole`, `nothing`, `reset`, `drip` or `huge`, after `delay` seconds."""

    how: str = "whole"
    delay: float = 0.0
    seconds: float = 0.0
    every: float = 1.0
    megabytes: float = 0.0


@dataclass(frozen=True)
class Answer:
    """A status, a body and headers; Content-Length and Date are added when it is sent."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    manner: Manner = field(default_factory=Manner)


class RefusedError(Exception):
    """A request is refused; `answer` says how."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def fields_of(text: str) -> dict[str, str]:
    """Read `a=1&b=2`; empty values count, of a repeated name the last one wins."""
    return dict(parse_qsl(text, keep_blank_values=True))


def as_json(data: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Answer with JSON in UTF-8."""
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return Answer(status, body, (("Content-Type", f"{JSON};charset=utf-8"), *headers))


def as_html(text: str, status: int = 200) -> Answer:
    """Answer with an HTML page that nobody should keep."""
    kept = (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"))
    return Answer(status, text.encode(), kept)


def see_other(location: str, *headers: tuple[str, str]) -> Answer:
    """Send the browser elsewhere with GET, whatever the method was."""
    return Answer(303, b"", (("Location", location), ("Cache-Control", "no-store"), *headers))


def error(status: int, code: str, message: str, *headers: tuple[str, str]) -> Answer:
    """Answer as the REST API does when it explains itself.

    Source: contract §4.4, `{"errorMessage": "Store not found", "errorCode": "STORE_NOT_FOUND"}`.
    """
    return as_json({"errorMessage": message, "errorCode": code}, status, headers)
