"""Batches: many requests under one ticket, done a little further at each poll. Source: contract §4.6."""

import http
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox import gate, messages
from tests.sandbox.gate import Caller
from tests.sandbox.messages import JSON, Answer, RefusedError, Request
from tests.sandbox.records import Batch, Item
from tests.sandbox.world import World

MOST_REQUESTS = 500
REMEMBERED_SECONDS = 3600.0
SERVER_ERROR_TRIES = 6
STATUSES = ("QUEUED", "IN_PROGRESS", "COMPLETED")
_VERBS = frozenset({"GET", "POST", "PUT", "DELETE"})
_AT_ONCE = 100

Run = Callable[[World, Request], Answer]


def post(world: World, request: Request, found: Mapping[str, str], run: Run) -> Answer:
    """Take a batch and give its ticket; the same deduplicationKey within the hour gives the same one."""
    caller = _caller(world, request, found, public=False)
    items = _items(request)
    key = request.query.get("deduplicationKey", "")
    known = [one for one in _of(world, caller) if key and one.options.get("deduplicationKey") == key]
    if known and time.time() - known[-1].made_at < REMEMBERED_SECONDS:
        return messages.as_json({"ticket": known[-1].ticket})
    token, store = caller.token, caller.store
    batch = Batch(
        secrets.token_hex(12), token.client_id, store.store_id, request, items, time.time(), dict(request.query)
    )
    world.batches.append(batch)
    if not world.switches.batch_step:
        _advance(world, batch, run, len(items))
    return messages.as_json({"ticket": batch.ticket})


def get(world: World, request: Request, found: Mapping[str, str], run: Run) -> Answer:
    """Tell how a batch is getting on, and let it get on; without a ticket, list the batches. Needs no scope."""
    caller = _caller(world, request, found)
    if "ticket" not in request.query:
        return _listed(_of(world, caller), request.query)
    batch = _by_ticket(world, caller, request.query["ticket"])
    told = _told(batch, escaped=request.query.get("escapedJson") == "true")
    _poll(world, batch, run)
    return messages.as_json(told)


def delete(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Stop a batch and forget it."""
    caller = _caller(world, request, found)
    batch = _by_ticket(world, caller, request.query.get("ticketId") or request.query.get("ticket", ""))
    world.batches.remove(batch)
    return messages.as_json({"deleteCount": 1})


def cancel_group(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Leave undone what is left of a group's batches, or of one batch."""
    caller = _caller(world, request, found)
    group, ticket = request.query.get("groupId"), request.query.get("ticketId")
    chosen = [
        one
        for one in _of(world, caller)
        if (group and one.options.get("groupId") == group) or (ticket and one.ticket == ticket)
    ]
    if not chosen:
        return _missing()
    for batch in chosen:
        batch.drop()
    return messages.as_json({"updateCount": len(chosen)})


def _caller(world: World, request: Request, found: Mapping[str, str], *, public: bool = True) -> Caller:
    caller = gate.admit(world, request, found["store_id"])
    if caller.token.public and not public:
        raise RefusedError(messages.error(403, "INSUFFICIENT_APP_SCOPE", "Insufficient app scope"))
    return caller


def _of(world: World, caller: Caller) -> list[Batch]:
    key = caller.token.client_id, caller.store.store_id
    return [one for one in world.batches if (one.client_id, one.store_id) == key]


def _by_ticket(world: World, caller: Caller, ticket: str) -> Batch:
    for batch in _of(world, caller):
        if batch.ticket == ticket:
            return batch
    raise RefusedError(_missing())


def _missing() -> Answer:
    return messages.as_json({"errorMessage": "Batch not found"}, 404)


def _items(request: Request) -> list[Item]:
    if request.content_type != JSON:
        raise RefusedError(messages.error(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json"))
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, list) or not 1 <= len(asked) <= MOST_REQUESTS:
        raise _wrong(f"Send an array of 1 to {MOST_REQUESTS} requests")
    return [_item(one) for one in asked]


def _item(asked: Any) -> Item:
    parts = asked if isinstance(asked, dict) else {}
    method, path, body = parts.get("method"), parts.get("path"), parts.get("body")
    if method not in _VERBS or not isinstance(path, str) or not path.startswith("/"):
        raise _wrong("Every request needs a method and a path that begins with a slash")
    if path.startswith("/batch"):
        raise _wrong("A batch cannot be within a batch")
    sent = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
    return Item(method, path, sent, {"id": parts["id"]} if "id" in parts else {})


def _wrong(message: str) -> RefusedError:
    return RefusedError(messages.error(400, "WRONG_PARAMETER", message))


def _poll(world: World, batch: Batch, run: Run) -> None:
    """Get on after a poll: from queued to begun, then so many requests a poll."""
    step = world.switches.batch_step or len(batch.items)
    if batch.options.get("allowParallelMode") == "true":
        step = max(step, _AT_ONCE)
    if batch.status == "QUEUED":
        step = min(step, len(batch.items) - 1)
    _advance(world, batch, run, step)


def _advance(world: World, batch: Batch, run: Run, most: int) -> None:
    batch.status = "IN_PROGRESS" if batch.status == "QUEUED" else batch.status
    for item in [one for one in batch.items if one.is_open][:most]:
        item.answer = _answered(world, batch, item, run)
        if item.failed and batch.stops:
            batch.drop()
            return
    if not any(item.is_open for item in batch.items):
        batch.status = "COMPLETED"


def _answered(world: World, batch: Batch, item: Item, run: Run) -> Answer:
    """Let a request be answered; one that fails at the server is repeated when the batch is to go on."""
    answer = Answer(500)
    for _ in range(1 if batch.stops else SERVER_ERROR_TRIES):
        answer = run(world, _request(world, batch, item))
        if answer.status < 500:
            break
    return answer


def _request(world: World, batch: Batch, item: Item) -> Request:
    parts = urlsplit(item.path)
    # Not supported inside batches, so it must not help there.
    query = {k: v for k, v in messages.fields_of(parts.query).items() if k != "responseFields"}
    asked = batch.asked
    counted = world.switches.batch_inner_counts
    path = f"/api/v3/{batch.store_id}{parts.path}"
    return Request(item.method, path, query, asked.headers, item.body, asked.address, counted)


def _told(batch: Batch, *, escaped: bool) -> dict[str, Any]:
    done = [item for item in batch.items if not item.is_open]
    return {
        "status": batch.status,
        "totalRequests": len(batch.items),
        "completedRequests": sum(item.answer is not None for item in batch.items),
        "responses": [_response(item, escaped=escaped) for item in done],
    }


def _response(item: Item, *, escaped: bool) -> dict[str, Any]:
    if item.answer is None:
        return {**item.named, "status": "NOT_EXECUTED"}
    status, text = item.answer.status, item.answer.body.decode("utf-8", "replace")
    told = {
        **item.named,
        "status": "FAILED" if item.failed else "COMPLETED",
        "httpStatusCode": status,
        "httpStatusLine": http.HTTPStatus(status).phrase,
    }
    return told | ({"escapedHttpBody": text} if escaped else {"httpBody": _unescaped(text)})


def _unescaped(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _listed(batches: list[Batch], query: Mapping[str, str]) -> Answer:
    wanted = query.get("status")
    limit, offset = query.get("limit", "100"), query.get("offset", "0")
    if (wanted and wanted not in STATUSES) or not (limit + offset).isdecimal():
        raise _wrong("status, limit or offset is wrong")
    chosen = [one for one in batches if wanted in (None, one.status)]
    most = min(int(limit), _AT_ONCE)
    page = chosen[int(offset) : int(offset) + most]
    rows = [{"ticket": one.ticket, "status": one.status, "totalRequests": len(one.items)} for one in page]
    told = {"total": len(chosen), "count": len(rows), "offset": int(offset), "limit": most, "items": rows}
    return messages.as_json(told)
