"""Batches: up to 500 calls handed over at once and asked after by their ticket. Source: contract §4.6"""

import dataclasses
import json
import time
import uuid
from collections.abc import Callable, Sequence

from installs.ecwid import answers, api, errors, jsontext, values

CALLS_MAX = 500
COMPLETED = "COMPLETED"

_ANSWER_BYTES = 16_000_000  # 500 answers


@dataclasses.dataclass(frozen=True)
class Item:
    """One call of a batch. `path` is relative to the store and may carry a query: "/orders?limit=1"."""

    method: str
    path: str
    body: object = None
    id: str = ""


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one call: `status` COMPLETED, FAILED or NOT_EXECUTED; `body` None if it is not JSON."""

    id: str
    status: str
    http_status: int | None
    body: object = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a batch is: `status` QUEUED, IN_PROGRESS or COMPLETED."""

    status: str
    total: int
    completed: int
    results: tuple[Result, ...]


def submit(credentials: api.Credentials, items: Sequence[Item], key: uuid.UUID, *, stop_on_failure: bool = True) -> str:
    """Hand a batch over and return its ticket.

    `key` makes it safe to repeat for an hour: keep it with the work, and after a lost answer send it again.

    :raises ValueError: when there are no calls or more than 500, or a path leaves the store
    """
    if not 0 < len(items) <= CALLS_MAX:
        raise ValueError("a batch takes 1 to 500 calls")
    params: api.Params = {"stopOnFirstFailure": stop_on_failure, "deduplicationKey": str(key)}
    body = json.dumps([_spelled(item) for item in items], allow_nan=False).encode()
    answer = answers.document(api.perform(credentials, api.Call("POST", "/batch", params, body)))
    ticket = answer.get("ticket") if isinstance(answer, dict) else None
    if not isinstance(ticket, str) or not ticket:
        raise errors.Malformed("The batch got no ticket.", status=200)
    return ticket


def check(credentials: api.Credentials, ticket: str) -> Progress:
    """Ask once how far a batch is. Bodies are asked for as text, so that a broken one spoils no other."""
    params: api.Params = {"ticket": ticket, "escapedJson": True}
    call = api.Call("GET", "/batch", params, max_bytes=_ANSWER_BYTES)
    answer = answers.document(api.perform(credentials, call))
    fields = answer if isinstance(answer, dict) else {}
    status, responses = fields.get("status"), fields.get("responses")
    if not isinstance(status, str):
        raise errors.Malformed("The batch has no status.", status=200)
    return Progress(
        status=status.upper(),
        total=_count(fields.get("totalRequests")),
        completed=_count(fields.get("completedRequests")),
        results=tuple(map(_result, responses)) if isinstance(responses, list) else (),
    )


def wait(
    credentials: api.Credentials,
    ticket: str,
    within: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Ask every few seconds until the batch is completed.

    :raises Unreachable: when it is not within so many seconds of waiting; the ticket stays good
    """
    waited, pause = 0.0, 1.0
    while (progress := check(credentials, ticket)).status != COMPLETED:
        if waited + pause > within:
            raise errors.Unreachable("The batch is not completed yet.", retry_after=pause)
        sleep(pause)
        waited, pause = waited + pause, min(2 * pause, 10.0)
    return progress


def _spelled(item: Item) -> dict[str, object]:
    path, _, _ = item.path.partition("?")
    api.checked_path(path)
    spelled: dict[str, object] = {"path": item.path, "method": item.method}
    if item.body is not None:
        spelled["body"] = item.body
    if item.id:
        spelled["id"] = item.id
    return spelled


def _result(response: object) -> Result:
    fields = response if isinstance(response, dict) else {}
    return Result(
        id=values.text(fields.get("id"), 255) or "",
        status=(values.text(fields.get("status"), 50) or "").upper(),
        http_status=values.whole(fields.get("httpStatusCode"), 100, 999),
        body=_body(fields),
    )


def _body(fields: dict[str, object]) -> object:
    escaped = fields.get("escapedHttpBody")
    if not isinstance(escaped, str):
        return fields.get("httpBody")
    try:
        return jsontext.lenient(escaped.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None


def _count(value: object) -> int:
    return values.whole(value, 0, CALLS_MAX) or 0
