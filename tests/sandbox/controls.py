"""The pages that steer the sandbox: switches, disturbances, store flags, and the calls it saw."""

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from itertools import islice
from pathlib import Path

from tests.sandbox import calls as seen
from tests.sandbox import disturb, messages, pages, store_pages
from tests.sandbox.calls import Call
from tests.sandbox.disturb import Disturbance
from tests.sandbox.messages import Answer, Request
from tests.sandbox.records import Store
from tests.sandbox.switches import Switches
from tests.sandbox.world import World

HERE = "/switches"
SHOWN_CALLS = 50
KINDS = (*seen.KINDS, disturb.ANY)
FLAGS = (("plan_has_api", "Plan has API"), ("suspended", "Suspended"), ("exists", "Exists"))


def page(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """Show everything that can be set, what is pending and the last calls."""
    rows = "".join(_switch_row(world.switches, name) for name in _names(world.switches))
    body = (
        f"<h2>Let the next answers go wrong</h2>{_disturb_form()}{_pending(world)}"
        f"<h2>Last calls</h2>{_last_calls(world)}"
        f"<h2>Switches</h2>{pages.form(HERE, f'<div class=settings>{rows}</div>', 'Save switches', 'main')}"
        f"<h2>Stores</h2>{_stores_form(world)}"
        "<h2>Start again</h2><p>Forgets installations, tokens, calls, disturbances and every change.</p>"
        f"{pages.form('/switches/reset', '', 'Reset', 'danger')}"
    )
    return pages.page("Switches", body, here=HERE)


def set_switches(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Set every switch from the form; an unchecked box is off."""
    form = request.form
    try:
        for name in _names(world.switches):
            is_box = isinstance(getattr(world.switches, name), bool)
            if name in form or is_box:
                world.switches.put(name, form.get(name, ""))
    except ValueError as wrong:
        return pages.problem(400, "That switch cannot be set so", str(wrong))
    return messages.see_other(HERE)


def add_disturbance(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Add a disturbance from the form."""
    form = request.form
    kind, how = form.get("kind", ""), form.get("how", "")
    try:
        disturb.check(kind, how)
        times, seconds = int(form.get("times", "1")), float(form.get("seconds", "2"))
        megabytes = float(form.get("megabytes", "50"))
    except ValueError as wrong:
        return pages.problem(400, "That disturbance cannot be", str(wrong))
    if not (1 <= times <= 10_000 and 0 <= seconds <= 3600 and 0 <= megabytes <= 10_000):
        return pages.problem(400, "That disturbance cannot be", "A number is out of range.")
    before = form.get("before") == "on" or disturb.HOW[how].before
    world.disturbances.add(
        Disturbance(
            kind,
            how,
            times,
            seconds,
            megabytes=megabytes,
            before=before,
            elsewhere=f"{world.origin}/elsewhere",
        )
    )
    return messages.see_other(HERE)


def calm(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """Forget all disturbances."""
    world.disturbances.calm()
    return messages.see_other(HERE)


def set_stores(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Set the flags of every store from the form's boxes."""
    form = request.form
    for store in world.stores.values():
        store_pages.put_flags(world, store, {flag: f"{store.store_id}.{flag}" in form for flag, _ in FLAGS})
    return messages.see_other(HERE)


def reset(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """Go back to the beginning."""
    world.reset()
    return messages.see_other(HERE)


def calls(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """Give the last calls as JSON, newest first, without their secrets."""
    return messages.as_json([seen.shown(call) for call in _latest(world)])


def elsewhere(_: World, __: Request, ___: Mapping[str, str]) -> Answer:
    """Be the address that the `redirect` disturbance points to; a careful caller never comes here."""
    return messages.as_html("<!doctype html><title>Elsewhere</title><h1>Elsewhere</h1>")


def style(_: World, __: Request, ___: Mapping[str, str]) -> Answer:
    """Serve the stylesheet."""
    return Answer(200, _css(), (("Content-Type", "text/css; charset=utf-8"), ("Cache-Control", "no-cache")))


@cache
def _css() -> bytes:
    return (Path(__file__).parent / "style.css").read_bytes()


def _names(switches: Switches) -> list[str]:
    return [one.name for one in fields(switches)]


def _switch_row(switches: Switches, name: str) -> str:
    known = {one.name: one.metadata for one in fields(switches)}[name]
    value = getattr(switches, name)
    if isinstance(value, bool):
        control = f'<input type="checkbox" name="{name}"{" checked" if value else ""}>'
    elif known["choices"]:
        control = pages.select(name, known["choices"], value)
    else:
        control = f'<input type="number" min="0" step="any" name="{name}" value="{value:g}">'
    return f"<label><span>{pages.e(known['says'])} <code>{name}</code></span>{control}</label>"


def _disturb_form() -> str:
    hows = "".join(f'<option value="{how}">{how} - {pages.e(one.says)}</option>' for how, one in disturb.HOW.items())
    body = f"""<div class="fields"><label>Calls of the kind{pages.select("kind", KINDS, "token")}</label>
        <label class="long">go wrong so<select name="how">{hows}</select></label>
        <label>Times<input type="number" name="times" value="1" min="1" max="10000"></label>
        <label>Seconds<input type="number" name="seconds" value="2" min="0" max="3600" step="any"></label>
        <label>Megabytes<input type="number" name="megabytes" value="50" min="0" max="10000"></label>
        <label class="box"><input type="checkbox" name="before">before it is acted on</label></div>"""
    return pages.form("/switches/disturb", body, "Add", "main")


def _pending(world: World) -> str:
    rows = [
        (
            pages.e(one.kind),
            pages.e(one.how),
            str(one.left),
            f"{one.seconds:g}",
            "before" if one.before else "after",
        )
        for one in world.disturbances.pending
    ]
    listed = pages.table(("Kind", "How", "Left", "Seconds", "Acts"), rows, "Nothing is pending.")
    return listed + (pages.form("/switches/calm", "", "Calm down") if rows else "")


def _stores_form(world: World) -> str:
    rows = [
        [f"<b>{store.store_id}</b> {pages.e(store.label)}", *(_flag(store, *flag) for flag in FLAGS)]
        for store in world.stores.values()
    ]
    heads = ("Store", *(label for _, label in FLAGS))
    return pages.form("/switches/stores", pages.table(heads, rows, "No stores."), "Save stores", "main")


def _flag(store: Store, flag: str, label: str) -> str:
    checked = " checked" if getattr(store, flag) else ""
    said = f"{label}, store {store.store_id}"
    return f'<input type="checkbox" name="{store.store_id}.{flag}" aria-label="{pages.e(said)}"{checked}>'


def _last_calls(world: World) -> str:
    listed = "".join(_shown_call(call) for call in _latest(world))
    return f'<div class="calls">{listed}</div>' if listed else '<p class="quiet">Nobody has called yet.</p>'


def _shown_call(call: Call) -> str:
    shown = seen.shown(call)
    rest = {name: shown[name] for name in ("query", "headers", "body") if shown[name]}
    line = f"{call.at:%H:%M:%S} <b>{call.status or 'no answer'}</b> {pages.e(call.kind)}"
    asked = pages.e(f"{call.method} {shown['path'][:200]}")
    return (
        f"<details><summary>{line} <code>{asked}</code></summary>"
        f"<pre>{pages.e(json.dumps(rest, ensure_ascii=False, indent=1)[:4000])}</pre></details>"
    )


def _latest(world: World) -> list[Call]:
    return list(islice(reversed(world.calls), SHOWN_CALLS))
