"""The frame of every page and the pieces that several pages use. Plain HTML."""

from collections.abc import Iterable
from html import escape

from tests.sandbox import messages
from tests.sandbox.messages import Answer, Request
from tests.sandbox.records import App, Store
from tests.sandbox.world import World

STORE_COOKIE = "sandbox_store"
_MENU = (
    ("/apps", "App Market"),
    ("/my-apps", "My apps"),
    ("/stores", "Stores"),
    ("/events", "Events"),
    ("/mailbox", "Mailbox"),
    ("/develop-apps", "App records"),
    ("/switches", "Switches"),
    ("/calls", "Calls"),
)


def e(text: object) -> str:
    """Escape for HTML, attributes included."""
    return escape(str(text), quote=True)


def page(title: str, body: str, *, status: int = 200, here: str = "", script: str = "") -> Answer:
    """Answer with a whole page; `here` is the menu's address to mark, `script` one of our own."""
    scripts = f'<script src="{e(script)}" defer></script>' if script else ""
    links = "".join(
        f'<a href="{address}"{" aria-current=page" if address == here else ""}>{e(name)}</a>' for address, name in _MENU
    )
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{e(title)} · Sandbox</title>"
        '<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,">'
        f"{scripts}</head><body>"
        '<header><a class="brand" href="/">Sandbox <span>not Ecwid</span></a>'
        f'<nav aria-label="Pages">{links}</nav></header>'
        f"<main><h1>{e(title)}</h1>{body}</main></body></html>"
    )
    return messages.as_html(text, status)


def problem(status: int, title: str, text: str) -> Answer:
    """Answer with a page that says what is wrong and leads back."""
    return page(title, f'<p>{e(text)}</p><p><a href="/">To the start</a></p>', status=status)


def store_choice(world: World, request: Request, label: str = "Signed in as the owner of") -> str:
    """Draw the choice of the store whose owner one is signed in as; the last one is remembered."""
    last = request.form.get("store_id") or request.cookie(STORE_COOKIE)
    options = "".join(
        f'<option value="{one.store_id}"{" selected" if str(one.store_id) == last else ""}>'
        f"{one.store_id} · {e(one.label)}</option>"
        for one in world.stores.values()
        if one.exists
    )
    return f'<label>{e(label)}<select name="store_id">{options}</select></label>'


def chosen_store(world: World, request: Request) -> Store | None:
    """Give the store that a form names, if there is one."""
    text = request.form.get("store_id", "")
    store = world.stores.get(int(text)) if text.isdecimal() and len(text) < 19 else None
    return store if store and store.exists else None


def remember(store: Store) -> tuple[str, str]:
    """Make the header that remembers the choice of store."""
    return "Set-Cookie", f"{STORE_COOKIE}={store.store_id}; Path=/; HttpOnly; SameSite=Lax"


def scope_list(scopes: Iterable[tuple[str, str]]) -> str:
    """List scopes with what each allows."""
    rows = "".join(f"<li>{e(means)} <code>{e(scope)}</code></li>" for scope, means in scopes)
    return f'<ul class="scopes">{rows}</ul>'


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], empty: str) -> str:
    """Draw a table of ready-made cells that may scroll sideways, or a sentence when there is nothing."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return f'<p class="quiet">{e(empty)}</p>'
    top = "".join(f'<th scope="col">{e(head)}</th>' for head in heads)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def form(action: str, body: str, button: str, kind: str = "") -> str:
    """Draw a form that posts."""
    return (
        f'<form method="post" action="{e(action)}">{body}'
        f'<button class="{e(kind)}" type="submit">{e(button)}</button></form>'
    )


def select(name: str, choices: Iterable[str], chosen: str, said: str = "") -> str:
    """Draw a choice of words; `said` names it where no label stands around it."""
    label = f' aria-label="{e(said)}"' if said else ""
    options = "".join(f"<option{' selected' if choice == chosen else ''}>{e(choice)}</option>" for choice in choices)
    return f'<select name="{e(name)}"{label}>{options}</select>'


def app_path(app: App, *more: object) -> str:
    """Give the path of an app's page in the Market."""
    return "/".join(["/apps", app.client_id, *map(str, more)])
