"""What the sandbox saw: one record a call, and the same record with its secrets taken out."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import Any

from tests.sandbox import messages

KINDS = (
    "token",
    "authorize",
    "profile",
    "application",
    "latest-stats",
    "storage",
    "batch",
    "elsewhere",
    "other",
)
HIDDEN = "(hidden)"
SECRET_FIELDS = frozenset({"client_secret", "code", "token", "access_token"})
SECRET_HEADERS = frozenset({"authorization", "cookie", "x-ecwid-app-secret-key"})
_SECRET_PAIRS = re.compile(r'"(client_secret|code|token|access_token)"\s*:\s*"[^"]*"?')
_SECRET_WORDS = re.compile(r"(?:secret|public)_[A-Za-z0-9]{8,}")


@dataclass
class Call:
    """One call; `headers` ignore case, `status` is 0 until (and unless) an answer was sent."""

    kind: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Message
    body: str
    status: int
    at: datetime

    @property
    def form(self) -> dict[str, str]:
        """Read the body as a form."""
        return messages.fields_of(self.body)

    @property
    def json(self) -> Any:
        """Read the body as JSON.

        :raises ValueError: when it is none
        """
        return json.loads(self.body)


def shown(call: Call) -> dict[str, Any]:
    """Give a call as plain data, fit for a page: no secret, code or token is left in it."""
    form = bool(re.match(r"[\w.]+=", call.body))
    return {
        "kind": call.kind,
        "method": call.method,
        "path": _SECRET_WORDS.sub(HIDDEN, call.path),
        "query": _without_secrets(call.query),
        "headers": {k: HIDDEN if k.lower() in SECRET_HEADERS else v for k, v in call.headers.items()},
        "body": _without_secrets(call.form) if form else _text_without_secrets(call.body),
        "status": call.status,
        "at": call.at.isoformat(timespec="milliseconds"),
    }


def _without_secrets(fields: Mapping[str, str]) -> dict[str, str]:
    return {k: HIDDEN if k in SECRET_FIELDS else _SECRET_WORDS.sub(HIDDEN, v) for k, v in fields.items()}


def _text_without_secrets(text: str) -> str:
    return _SECRET_WORDS.sub(HIDDEN, _SECRET_PAIRS.sub(rf'"\1":"{HIDDEN}"', text))
