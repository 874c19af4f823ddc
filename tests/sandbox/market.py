"""The App Market and the merchant's installed apps, as pages. Source: contract §1.4, §2.2."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from tests.sandbox import addresses, admin, messages, oauth, pages, scopes
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.records import App, Installation, Store
from tests.sandbox.world import World

STATUSES = ("TRIAL", "ACTIVE", "SUSPENDED")


def home(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """Say what this is, and lead everywhere."""
    return pages.page(
        "A stand-in for Ecwid",
        f"""<p>This plays the other side of the wire: the App Market, the consent page, the exchange of
        codes, the REST API, the admin and the events, with made-up apps and stores. Nothing here is real,
        and nothing leaves this machine.</p>
        <ul class="cards">
        <li><a href="/apps"><b>App Market</b></a><p>Install an app in a store.</p></li>
        <li><a href="/my-apps"><b>My apps</b></a><p>Open, reinstall or uninstall.</p></li>
        <li><a href="/stores"><b>Stores</b></a><p>Change what a profile says, or the plan.</p></li>
        <li><a href="/events"><b>Events</b></a><p>Send webhooks, good and bad; see the tries.</p></li>
        <li><a href="/mailbox"><b>Mailbox</b></a><p>Read what the service mailed.</p></li>
        <li><a href="/develop-apps"><b>App records</b></a><p>Ids, secrets, scopes and addresses.</p></li>
        <li><a href="/switches"><b>Switches</b></a><p>Spoil answers; see the calls.</p></li>
        </ul>
        <h2>Point a service here</h2>
        <pre>ECWID_OAUTH_URL={pages.e(world.origin)}/api/oauth
ECWID_API_URL={pages.e(world.origin)}/api/v3
ECWID_ADMIN_ORIGINS={pages.e(world.origin)}</pre>""",
    )


def nowhere(_: World, __: Request, ___: Mapping[str, str]) -> Answer:
    """Say that there is no such page."""
    return pages.problem(404, "No such page", "The sandbox has nothing at this address.")


def apps(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """List the apps."""
    cards = "".join(
        f'<li><a href="{pages.e(pages.app_path(app))}"><b>{pages.e(app.title)}</b></a>'
        f"<p>{pages.e(app.description or 'No description.')}</p></li>"
        for app in world.apps.values()
    )
    return pages.page("App Market", f'<ul class="cards">{cards}</ul>', here="/apps")


def details(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Show one app with what it asks for, and offer to install it."""
    app = _app(world, found)
    asked = [(scope, scopes.means(scope)) for scope in scopes.with_always(app.scopes)]
    no = pages.e(pages.app_path(app, "refuse"))
    body = f"""<p>{pages.e(app.description or "No description.")}</p>
        <h2>{pages.e(app.title)} will be able to</h2>{pages.scope_list(asked)}
        <form method="post" action="{pages.e(pages.app_path(app, "install"))}">
        {pages.store_choice(world, request)}
        <div class="row"><button class="main" type="submit">Install</button>
        <button type="submit" formaction="{no}">Don't install</button></div></form>
        <p class="quiet">Install sends the browser to <code>{pages.e(app.redirect_url or "no address")}</code>
        with a code. An installation of the same app in the same store ends first.</p>"""
    return pages.page(app.title, body, here="/apps")


def install(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Install, and send the browser to the app's redirectUrl with a code."""
    app, store = _app(world, found), pages.chosen_store(world, request)
    if store is None:
        return pages.problem(400, "No such store", "Choose a store to install the app in.")
    return _installed(world, app, store)


def refuse(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Do not install; tell the app so unless the switch keeps it silent."""
    app, store = _app(world, found), pages.chosen_store(world, request)
    remembered = [pages.remember(store)] if store else []
    if world.switches.market_refusal == "silent" or not app.redirect_url:
        return messages.see_other(pages.app_path(app), *remembered)
    return messages.see_other(addresses.with_query(app.redirect_url, error="access_denied"), *remembered)


def my_apps(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """List what is installed where."""
    cards = "".join(_installed_card(world, one) for one in world.installations.values())
    nothing = '<p class="quiet">Nothing is installed. Go to the <a href="/apps">App Market</a>.</p>'
    return pages.page("My apps", cards or nothing, here="/my-apps")


def uninstall(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Uninstall: the tokens die."""
    world.uninstall(unquote(found["client_id"]), int(found["store_id"]))
    return messages.see_other("/my-apps")


def reinstall(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Uninstall and install again, with the redirect that follows."""
    app, store = _app(world, found), world.stores.get(int(found["store_id"]))
    if store is None or not store.exists:
        return pages.problem(404, "No such store", "The store is gone.")
    world.uninstall(app.client_id, store.store_id)
    return _installed(world, app, store)


def subscribe(world: World, request: Request, found: Mapping[str, str]) -> Answer:
    """Set the app's subscription in a store."""
    key = unquote(found["client_id"]), int(found["store_id"])
    status = request.form.get("status", "")
    if key not in world.installations or status not in STATUSES:
        return pages.problem(400, "Not possible", "There is no such installation or subscription.")
    world.subscribe(*key, status)
    return messages.see_other("/my-apps")


def develop_apps(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """Show the app records as the app dashboard does: read only. Source: contract §1.2."""
    body = '<p class="quiet">Read only: at Ecwid these are changed by its staff, on request.</p>'
    return pages.page("App records", body + "".join(map(_record, world.apps.values())), here="/develop-apps")


def _app(world: World, found: Mapping[str, str]) -> App:
    app = world.apps.get(unquote(found["client_id"]))
    if app is None:
        raise RefusedError(pages.problem(404, "No such app", "The Market has no app with this id."))
    return app


def _installed(world: World, app: App, store: Store) -> Answer:
    code = world.install(app, store)
    target = oauth.market_address(world, code) if app.redirect_url else "/my-apps"
    if app.kind == "native" and app.iframe_url:
        target = admin.path_of(app.client_id, store.store_id)
    return messages.see_other(target, pages.remember(store))


def _installed_card(world: World, one: Installation) -> str:
    app = world.apps.get(one.client_id, App(one.client_id))
    key = one.client_id, one.store_id
    path = f"/my-apps/{one.client_id}/{one.store_id}"
    opened = f'<a class="button" href="{pages.e(app.open_app_url)}">Open app</a>' if app.open_app_url else ""
    framed = f'<a class="button" href="{pages.e(admin.path_of(*key))}">Open in admin</a>' if app.iframe_url else ""
    buttons = (
        opened
        + framed
        + pages.form(f"{path}/reinstall", "", "Reinstall")
        + pages.form(f"{path}/uninstall", "", "Uninstall", "danger")
    )
    status = pages.select("status", STATUSES, one.subscription, f"Subscription in store {one.store_id}")
    setting = pages.form(f"{path}/subscription", status, "Set")
    shown = (
        ("Store", pages.e(f"{one.store_id} · {world.stores[one.store_id].label}")),
        ("Installed", datetime.fromtimestamp(one.installed_at, UTC).strftime("%d %b %Y, %H:%M UTC")),
        ("Working tokens", str(len(world.live_tokens(one.client_id, one.store_id)))),
        ("Access scopes", f"<code>{pages.e(' '.join(one.scopes))}</code>"),
        ("Subscription", f'<div class="joined">{setting}</div>'),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in shown)
    return f'<section><h2>{pages.e(app.title)}</h2><dl>{rows}</dl><div class="row">{buttons}</div></section>'


def _record(app: App) -> str:
    shown = (
        ("client_id", app.client_id),
        ("client_secret", app.client_secret),
        ("Kind", app.kind),
        ("Access scopes", " ".join(app.scopes)),
        ("redirectUrl", app.redirect_url),
        ("openAppUrl", app.open_app_url),
        ("iframeUrl", app.iframe_url),
        ("Webhook URL", app.webhook_url),
    )
    rows = "".join(f"<dt>{pages.e(name)}</dt><dd><code>{pages.e(value or '-')}</code></dd>" for name, value in shown)
    return f"<section><h2>{pages.e(app.title)}</h2><dl>{rows}</dl></section>"
