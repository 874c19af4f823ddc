"""The consent page of the full OAuth flow. Source: contract §2.3."""

from collections.abc import Mapping

from tests.sandbox import messages, oauth, pages, scopes
from tests.sandbox.addresses import origin
from tests.sandbox.messages import Answer, Request
from tests.sandbox.world import World

_CARRIED = ("client_id", "redirect_uri", "response_type", "scope", "state")


def ask(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Show who wants what, for which store, and let the merchant decide."""
    try:
        wish = oauth.read_wish(world, request.query)
    except oauth.ConsentError as wrong:
        return pages.problem(400, "This app cannot be connected", str(wrong))
    carried = "".join(
        f'<input type="hidden" name="{name}" value="{pages.e(request.query[name])}">'
        for name in _CARRIED
        if name in request.query
    )
    asked = pages.scope_list((scope, scopes.means(scope)) for scope in wish.scopes)
    place = origin(wish.redirect_uri)
    host = place[1] if place else ""
    body = f"""<p><b>{pages.e(wish.app.title)}</b> at <code>{pages.e(host)}</code> asks to</p>{asked}
        <form method="post" action="/api/oauth/authorize">{carried}{pages.store_choice(world, request)}
        <div class="row"><button class="main" name="decision" value="allow" type="submit">Allow</button>
        <button name="decision" value="deny" type="submit">Deny</button></div></form>"""
    return pages.page(f"Connect {wish.app.title}", body)


def decide(world: World, request: Request, _: Mapping[str, str]) -> Answer:
    """Carry out the decision and send the browser back to the app."""
    form = request.form
    try:
        wish = oauth.read_wish(world, form)
    except oauth.ConsentError as wrong:
        return pages.problem(400, "This app cannot be connected", str(wrong))
    store = pages.chosen_store(world, request)
    if form.get("decision") == "deny":
        return messages.see_other(oauth.deny(world, wish))
    if form.get("decision") != "allow" or store is None:
        return pages.problem(400, "Nothing was decided", "Choose a store, then Allow or Deny.")
    return messages.see_other(oauth.allow(world, wish, store.store_id), pages.remember(store))
