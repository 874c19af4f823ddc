"""The store's admin with an app's page framed in it, as far as the page can see it. Source: contract §8.1, §8.6."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from tests.sandbox import messages, native, pages, storage
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.native import Opening
from tests.sandbox.records import App, Store
from tests.sandbox.storage import Shelf
from tests.sandbox.world import World

LANGUAGES = ("en", "de", "fr", "nl", "es", "it", "pt", "ru", "ar", "he", "ja")
_SCOPE = "add_to_cp"


def path_of(client_id: str, store_id: int) -> str:
    """Give the address of an app's page in the admin."""
    return f"/admin/{store_id}/apps/{client_id}"


def page(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Open the app: install it where it is not yet, and frame its page with a fresh payload."""
    app, store = _place(world, found)
    opening = _opening(app, store, request.query)
    mode = request.query.get("mode", world.switches.native_mode)
    try:
        address = native.address(world, opening, mode, padded=world.switches.native_padded)
    except ValueError as wrong:
        return pages.problem(404, "This app has no page in the admin", str(wrong))
    body = f"""<p class="quiet">Store {store.store_id} · {pages.e(store.label)}</p>
        {_without_scope(app)}{_choices(opening, mode)}{_frame(world, opening, address)}"""
    return pages.page(app.title, body, script="/admin.js")


def get_storage(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Give the app's storage to the admin's script, which passes it on."""
    return messages.as_json(storage.listed(_shelf(world, found)))


def set_storage(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Keep the values that the page sent through the admin's script: strings by key."""
    shelf = _shelf(world, found)
    try:
        values = json.loads(request.body)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        return messages.error(400, "WRONG_PARAMETER", "Send an object of strings")
    for key, value in values.items():
        answer = storage.write(world, shelf, key, value.encode())
        if answer.status != 200:
            return answer
    return messages.as_json({"updateCount": len(values)})


def sdk(_: World, __: Request, ___: Mapping[str, str]) -> Answer:
    """Serve the stand-in of the SDK."""
    return _script("ecwid-app.js")


def script(_: World, __: Request, ___: Mapping[str, str]) -> Answer:
    """Serve the admin's own script."""
    return _script("admin.js")


def _place(world: World, found: Mapping[str, str]) -> tuple[App, Store]:
    app, number = world.apps.get(unquote(found["client_id"])), found["store_id"]
    store = world.stores.get(int(number)) if len(number) < 19 else None
    if app is None or store is None or not store.exists:
        raise RefusedError(pages.problem(404, "No such page", "There is no such app or store."))
    return app, store


def _shelf(world: World, found: Mapping[str, str]) -> Shelf:
    app, store = _place(world, found)
    return Shelf(app.client_id, store)


def _opening(app: App, store: Store, query: Mapping[str, str]) -> Opening:
    view = query.get("view_mode", "")
    return Opening(
        app,
        store.store_id,
        query.get("lang") or "en",
        query.get("app_state", ""),
        view if view in native.VIEWS else native.VIEWS[0],
    )


def _without_scope(app: App) -> str:
    if _SCOPE in app.scopes:
        return ""
    return f'<p class="note">At Ecwid this app would have no page here: it lacks the scope <code>{_SCOPE}</code>.</p>'


def _choices(opening: Opening, mode: str) -> str:
    languages = LANGUAGES if opening.lang in LANGUAGES else (opening.lang, *LANGUAGES)
    fields = (
        ("Language", pages.select("lang", languages, opening.lang)),
        ("Payload in the", pages.select("mode", native.MODES, mode)),
        ("view_mode", pages.select("view_mode", native.VIEWS, opening.view_mode)),
        ("app_state", f'<input type="text" name="app_state" value="{pages.e(opening.app_state)}">'),
    )
    labels = "".join(f"<label>{name}{control}</label>" for name, control in fields)
    button = '<button type="submit">Open again</button>'
    return f'<form class="bar" method="get"><div class="fields">{labels}</div>{button}</form>'


def _frame(world: World, opening: Opening, address: str) -> str:
    said = {
        "app": opening.app.client_id,
        "src": address,
        "storage": f"{path_of(opening.app.client_id, opening.store_id)}/storage",
        "seconds": f"{world.switches.native_init_seconds:g}",
    }
    data = "".join(f' data-{name}="{pages.e(value)}"' for name, value in said.items())
    return f"""<p class="state" id="state" role="status">Waiting for the app to call <code>EcwidApp.init</code> …</p>
        <ul class="log" id="log" aria-label="What the page asked the admin for"></ul>
        <iframe id="app" class="app" title="{pages.e(opening.app.title)}"{data}></iframe>"""


def _script(name: str) -> Answer:
    kinds = (("Content-Type", "text/javascript; charset=utf-8"), ("Cache-Control", "no-cache"))
    return Answer(200, _text(name), kinds)


@cache
def _text(name: str) -> bytes:
    return (Path(__file__).parent / name).read_bytes()
