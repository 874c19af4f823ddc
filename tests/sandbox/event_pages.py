"""The page that sends any event to any app, well or badly, and shows what became of each."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import quote, unquote

from tests.sandbox import courier, events, messages, pages
from tests.sandbox.courier import Sending
from tests.sandbox.events import EventFields
from tests.sandbox.messages import Answer, Request
from tests.sandbox.world import World

HERE = "/events"
SHOWN = 100
MOST_COPIES = 50
_SPELLINGS = ("as named", *events.SPELLINGS)


def page(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Show the form, who is blocked, and the latest events with their tries."""
    return _page(world, request)


def send(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Let an event go out as the form says."""
    form = request.form
    app, store = world.apps.get(form.get("client_id", "")), pages.chosen_store(world, request)
    if app is None or store is None:
        return _page(world, request, "There is no such app or store.")
    try:
        copies, delay = int(form.get("copies") or 1), float(form.get("delay") or 0)
        if not (1 <= copies <= MOST_COPIES and 0 <= delay <= 86_400):
            return _page(world, request, "Copies or delay are out of range.")
        event = events.make(app, store.store_id, form.get("type", "").strip(), _fields(form))
    except (ValueError, OverflowError) as wrong:
        return _page(world, request, f"This event cannot be: {wrong}")
    for _copy in range(copies):
        world.courier.post(event, delay)
    return messages.see_other(HERE, pages.remember(store))


def again(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Send one event once more, unchanged."""
    if not world.courier.again(unquote(found["event_id"])):
        return pages.problem(404, "No such event", "It is not among the latest events.")
    return messages.see_other(HERE)


def unblock(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Lift the block of an app's webhooks."""
    world.courier.unblock(unquote(found["client_id"]))
    return messages.see_other(HERE)


def _fields(form: Mapping[str, str]) -> EventFields:
    data = json.loads(form["data"]) if form.get("data", "").strip() else None
    if not isinstance(data, dict | None):
        raise ValueError("data must be an object")
    spelling = form.get("spelling", "")
    entity = form.get("entity_id", "").strip()
    named = form.get("named_store_id", "").strip()
    return {
        "data": data,
        "entity_id": int(entity) if entity.isdecimal() else entity or None,
        "event_id": form.get("event_id", "").strip() or None,
        "created": int(time.time() - 3600 * float(form.get("age") or 0)),
        "signature": form.get("signature", "good"),
        "spelling": spelling if spelling in events.SPELLINGS else "",
        "string_numbers": "string_numbers" in form,
        "query": form.get("query", "").strip(),
        "named_store_id": int(named) if named else None,
    }


def _page(world: World, request: Request, problem: str = "") -> Answer:
    wrong = f'<p class="problem" role="alert">{pages.e(problem)}</p>' if problem else ""
    is_on = "on" if world.switches.webhooks else "off"
    hour = world.switches.webhook_hour_seconds
    retries = f"An hour of the retries lasts {hour:g} seconds." if hour else "Failed events are not tried again."
    body = f"""{wrong}<p>Events for what happens here are <b>{is_on}</b>. {retries}
        <a href="/switches">Switches</a> change both.</p>{_blocked(world)}
        <h2>Send an event</h2>{_form(world, request)}
        <h2>Latest events</h2>{_sendings(world)}"""
    return pages.page("Events", body, here=HERE, status=400 if problem else 200)


def _form(world: World, request: Request) -> str:
    given = request.form
    names = "".join(f'<option value="{name}"></option>' for name in events.NAMES)
    fields = f"""<datalist id="types">{names}</datalist>
        <div class="fields pairs">{pages.store_choice(world, request, "Store")}
        <label>App{pages.select("client_id", world.apps, given.get("client_id", ""))}</label>
        <label>Event type<input type="text" name="type" list="types" required
        value="{pages.e(given.get("type", "application.uninstalled"))}"></label>
        <label>Signature{pages.select("signature", events.SIGNATURES, given.get("signature", ""))}</label>
        <label>Data, a JSON object<textarea name="data" rows="2">{pages.e(given.get("data", ""))}</textarea></label>
        </div><details><summary>Stale, repeated, swapped …</summary><div class="fields pairs">
        {"".join(_input(given, *row) for row in _MORE)}
        <label>Spelling{pages.select("spelling", _SPELLINGS, given.get("spelling", ""))}</label>
        <label class="box"><input type="checkbox" name="string_numbers"{_checked(given)}>Numbers as strings</label>
        </div></details>"""
    return pages.form(HERE, fields, "Send", "main")


_MORE = (
    ("age", "Hours old", "number"),
    ("delay", "Seconds until it goes out", "number"),
    ("copies", "Copies", "number"),
    ("event_id", "eventId (empty: a new one)", "text"),
    ("entity_id", "entityId (empty: as at Ecwid)", "text"),
    ("named_store_id", "Another storeId in the body", "number"),
    ("query", "Query added to the address", "text"),
)


def _input(given: Mapping[str, str], name: str, label: str, kind: str) -> str:
    step = ' min="0" step="any"' if kind == "number" else ""
    value = pages.e(given.get(name, ""))
    return f'<label>{label}<input type="{kind}" name="{name}" value="{value}"{step}></label>'


def _checked(given: Mapping[str, str]) -> str:
    return " checked" if "string_numbers" in given else ""


def _blocked(world: World) -> str:
    said = ""
    for client_id in sorted(world.courier.blocked):
        path = f"{HERE}/unblock/{client_id}"
        said += f"""<div class="note"><p>The webhooks of <b>{pages.e(client_id)}</b> are blocked:
            they failed for two weeks.</p>{pages.form(path, "", "Unblock")}</div>"""
    return said


def _sendings(world: World) -> str:
    latest = islice(reversed(world.courier.sendings), SHOWN)
    listed = "".join(_shown(one) for one in latest)
    refresh = f'<p><a class="button" href="{HERE}">Refresh</a></p>'
    return refresh + (f'<div class="calls">{listed}</div>' if listed else _NONE)


_NONE = '<p class="quiet">No event has been sent yet.</p>'


def _shown(one: Sending) -> str:
    event = one.event
    body = _pretty(event.body.decode("utf-8", "replace")[:2000])
    again_path = f"{HERE}/again/{quote(event.event_id, safe='')}"
    summary = f"{_time(one.begun)} <b>{one.outcome}</b> {pages.e(event.type)}"
    return f"""<div class="event"><details><summary>{summary}</summary>
        <pre>{pages.e(body)}</pre></details>
        <p>To {pages.e(event.client_id)}, store {event.store_id}. {_tries(one)}</p>
        {pages.form(again_path, "", "Send again")}</div>"""


def _tries(one: Sending) -> str:
    number = len(one.deliveries)
    if not number:
        return f"Goes out at {_time(one.due)}." if one.due else ""
    answers = pages.e(", ".join(f"{each.status or each.problem}" for each in one.deliveries[-5:]))
    following = f" Next try at {_time(one.due)}." if one.due else ""
    return f"Try {number} of {1 + len(courier.RETRY_HOURS)}: {answers}.{following}"


def _pretty(text: str) -> str:
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        return text
    return json.dumps(parsed, ensure_ascii=False, indent=1)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")
