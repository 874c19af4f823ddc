"""How a store is connected: health, permissions and subscription of each app, what becomes of the data, the way out."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts import access, formats
from accounts.models import Store
from installs import actions, features
from installs.actions.disconnect import SCOPE, Outcome
from installs.ecwid import scopes
from installs.models import Installation
from installs.views import panels

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Source: contract §10
_SUBSCRIPTIONS = {
    "TRIAL": _("Trial period, full service"),
    "ACTIVE": _("Active"),
    "SUSPENDED": _("On hold, most likely because a payment failed. Your store’s admin shows how to fix that."),
    "": _("Not known yet"),
}
_STATUS = {Outcome.NOT_NOW: 503, Outcome.BY_HAND: 409, Outcome.UNCONFIRMED: 202}


@dataclass(frozen=True)
class Permission:
    """One permission: what it allows, and what for."""

    words: str
    reason: str


@dataclass(frozen=True)
class Account:
    """What a merchant is told of one app's connection, beyond its health."""

    connection: panels.Connection
    granted: list[Permission]
    missing: list[Permission]
    subscription: "StrOrPromise"
    kept_until: datetime | None  # of the data, after a removal
    support_code: str
    removable: bool  # by a button here; else in the store's admin

    @property
    def installation(self) -> Installation:
        return self.connection.installation


def _account(connection: panels.Connection) -> Account:
    installation = connection.installation
    wanted = scopes.missing(installation.app.asked_scopes, tuple(installation.scopes))
    attempt = installation.attempts.order_by("-pk").first()
    return Account(
        connection=connection,
        granted=[_permission(installation, name) for name in installation.scopes],
        missing=[_permission(installation, name) for name in wanted],
        subscription=_SUBSCRIPTIONS.get(installation.subscription_status, installation.subscription_status.title()),
        kept_until=installation.erase_due_at,
        support_code=attempt.support_code if attempt else "",
        removable=installation.callable and SCOPE in installation.scopes,
    )


def _permission(installation: Installation, name: str) -> Permission:
    """Say what a permission allows and which features need it; the app asked for the others itself."""
    users = [str(feature.title) for feature in features.of(installation.app.client_id) if name in feature.scopes]
    app = {"app": installation.app.name}
    reason = _OWN_REASONS.get(name) or gettext("Part of what %(app)s does") % app
    return Permission(panels.allowed(name), formats.listed(users) or str(reason))


# What this service itself needs of a store, whatever the app does.
_OWN_REASONS = {
    "read_store_profile": _("To fill in your store’s details, and to see that the connection works"),
    "update_store_profile": _("To remove itself when you disconnect here"),
    "public_storefront": _("Comes with every app"),
}


@require_GET
@login_required
def connection(request: HttpRequest, store_id: int) -> HttpResponse:
    """Show how each app is connected, what it may do and what happens to the data."""
    return _page(request, access.store_of(request, store_id))


def _page(request: HttpRequest, store: Store) -> HttpResponse:
    rows = Installation.objects.filter(store=store).select_related("app", "prefill").order_by("-installed_at")
    accounts = [_account(panels.connection(installation)) for installation in rows]
    context = {"store": store, "accounts": accounts, "is_owner": access.owns(access.person_of(request), store)}
    return render(request, "installs/connection.html", context)


@require_GET
@login_required
def export(request: HttpRequest, store_id: int) -> HttpResponse:
    """Give an owner everything personal we hold for their store, as a file. Never a token, nor others' accounts."""
    store = access.owned_store(request, store_id)
    installation = Installation.objects.filter(store=store).select_related("store").first()
    if installation is None:
        raise Http404
    content = actions.privacy.export(installation=installation, by=access.person_of(request))
    response = JsonResponse(content, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response.headers["Content-Disposition"] = f'attachment; filename="store-{store.store_id}.json"'
    return response


def _installation(store: Store, client_id: str) -> Installation:
    for installation in Installation.objects.filter(store=store).select_related("app", "store", "prefill"):
        if installation.app.client_id == client_id:
            return installation
    raise Http404


@require_http_methods(["GET", "POST"])
@login_required
def disconnect(request: HttpRequest, store_id: int, client_id: str) -> HttpResponse:
    """Explain what disconnecting does, and do it after an owner's click. Source: contract §2.6"""
    store = access.owned_store(request, store_id)
    installation = _installation(store, client_id)
    context: dict[str, Any] = {"store": store, "installation": installation, "app": installation.app}
    if request.method == "GET":
        by_hand = installation.callable and SCOPE not in installation.scopes
        return render(request, "installs/disconnect.html", context | {"by_hand": by_hand})
    outcome = actions.disconnect.disconnect(installation=installation)
    context |= {"outcome": outcome.name}
    # Shown at once and not after a redirect: the removal may have ended this very session.
    return render(request, "installs/disconnected.html", context, status=_STATUS.get(outcome, 200))
