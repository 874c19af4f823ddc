"""What a store's pages show and do, on our own site and inside the store's admin alike: only the doors differ."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext
from django_htmx.middleware import HtmxDetails

from accounts import doorbell, formats, languages
from accounts.models import Store, StoreSettings
from installs import forms, tasks
from installs.ecwid import scopes
from installs.models import AppRegistration, Installation, Prefill

_USUAL = timedelta(seconds=20)  # reading a store's details takes about one; later, something is slow or down
# How often a page asks again, in seconds, while the reading of the details stands like this.
_EVERY = {"filling": 1, "delayed": 3, "slow": 5, "paused": 60, "held": 60}
_BONDS = {"filling": "works", "delayed": "waits", "slow": "waits", "paused": "waits", "held": "waits"}


class Request(HttpRequest):
    """What these views get: django-htmx has been there."""

    htmx: HtmxDetails


@dataclass(frozen=True)
class Doors:
    """Where one store's pages and forms lead. `settings` ends in a slash; a setting's name and a slash follow."""

    first_run: str
    store: str
    finish: str
    sync: str
    settings: str
    in_frame: bool = False  # inside the store's admin, where no link may lead away
    heartbeat: int = 0  # after how many seconds a page asks again when nothing is about to change; 0 is never

    def home(self, store: Store) -> str:
        """Return the page that is a store's own now."""
        return self.store if store.onboarded_at else self.first_run


@dataclass(frozen=True)
class Setting:
    """One setting as a page shows it. `by` is "store", "merchant" or "" while nothing is known."""

    name: str
    label: str
    words: str
    by: str
    editable: bool
    address: str  # where it is edited
    href: str = ""  # where it is an address on the web
    at: datetime | None = None  # since when it is what `by` says
    store_words: str = ""  # what the store said last, whatever the merchant set since
    store_changed_at: datetime | None = None  # since when it says otherwise than when the merchant set their own


@dataclass(frozen=True)
class Connection:
    """How one app stands in a store, as a page shows it.

    `phase` tells where the reading of the store's details stands: filling, delayed (should be here by now),
    slow (tried again later), held (by an operator), paused (plan or suspension), done, failed, refused (not allowed);
    or why it has ended: removed, disconnected. `minutes` is how long until the next try, at most.
    """

    installation: Installation
    phase: str
    minutes: int
    missing: list[str]  # permissions, in a merchant's words

    @property
    def app(self) -> AppRegistration:
        return self.installation.app

    @property
    def lost(self) -> bool:
        """Tell whether only connecting again helps."""
        return self.phase in ("removed", "disconnected")

    @property
    def bond(self) -> str:
        """Return how the drawing of store and app looks."""
        return "apart" if self.lost else _BONDS.get(self.phase, "whole")

    @property
    def every(self) -> int:
        """Return after how many seconds a page asks again; 0 when nothing changes by itself."""
        return _EVERY.get(self.phase, 0)

    @property
    def hours(self) -> int:
        return math.ceil(self.minutes / 60)

    @property
    def version(self) -> str:
        """Return what is different whenever a page has something new to show."""
        return f"{self.installation.generation}.{self.phase}.{self.installation.prefill.tries}"


@dataclass(frozen=True)
class Edit:
    """One setting's form, answered or not, and what its fragments show."""

    form: "ModelForm[StoreSettings]"
    saved: bool
    context: dict[str, Any]


def connection(installation: Installation) -> Connection:
    """Return how one app stands in a store, as a page shows it. Needs `app` and `prefill` joined."""
    now = datetime.now(UTC)
    next_try = (installation.paused_at and installation.probe_due_at) or installation.prefill.due_at
    return Connection(
        installation=installation,
        phase=_phase(installation, now),
        minutes=math.ceil((next_try - now) / timedelta(minutes=1)),
        missing=[allowed(name) for name in installation.missing_scopes],
    )


def allowed(scope: str) -> str:
    """Return what a scope allows, in a merchant's words; its name where we know no better."""
    words = scopes.SCOPES.get(scope, "")
    return gettext(words) if words else scope.replace("_", " ").capitalize()


def _phase(installation: Installation, now: datetime) -> str:
    prefill = installation.prefill
    if installation.uninstalled_at:
        return "removed"
    if installation.token_died_at:
        return "disconnected"
    if installation.held_at:
        return "held"
    if installation.paused_at:
        return "paused"
    if prefill.state == Prefill.State.DONE:
        return "done"
    if prefill.state == Prefill.State.FAILED:
        return "refused" if "read_store_profile" in installation.missing_scopes else "failed"
    if prefill.state == Prefill.State.WAITING and prefill.due_at > now:
        return "slow"
    return "delayed" if now - prefill.due_at > _USUAL else "filling"


def _setting(settings: StoreSettings, name: str, doors: Doors) -> Setting:
    origin, value = settings.origins.get(name, {}), getattr(settings, name)
    address = name in ("storefront_url", "logo_url") and value.startswith(("https://", "http://"))
    return Setting(
        name=name,
        label=forms.label(name),
        words=formats.words(name, value, country=settings.country_code),
        by=origin.get("by", ""),
        editable=name in forms.EDITABLE,
        address=f"{doors.settings}{name}/",
        href=value if address else "",
        at=_time(origin.get("at")),
        store_words=formats.words(name, origin.get("store"), country=settings.country_code),
        store_changed_at=_time(origin.get("store_changed_at")),
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _connections(store: Store, doors: Doors, installations: "QuerySet[Installation]") -> dict[str, Any]:
    """Return how apps stand in this store, newest first, and whether a page should ask again."""
    rows = installations.select_related("app", "prefill").order_by("-installed_at")
    connections = [connection(installation) for installation in rows]
    # After the rows that say whether it is complete: a page that says so must show all of it.
    store.settings = StoreSettings.objects.get(pk=store.pk)
    return {
        "store": store,
        "doors": doors,
        "connections": connections,
        "connection": connections[0] if connections else None,
        "filling": any(connection.phase in ("filling", "delayed") for connection in connections),
        "every": min(filter(None, (connection.every for connection in connections)), default=doors.heartbeat),
        "syncable": any(not connection.lost and connection.phase != "held" for connection in connections),
        "version": "-".join(connection.version for connection in connections),
    }


def first_run(store: Store, doors: Doors, installations: "QuerySet[Installation]") -> dict[str, Any]:
    """Return what the first-run page and its fragment show of these installations on `store`."""
    shown = _connections(store, doors, installations)
    return shown | {"settings": [_setting(store.settings, name, doors) for name in forms.ESSENTIALS]}


def all_settings(store: Store, doors: Doors, installations: "QuerySet[Installation]") -> dict[str, Any]:
    """Return what the store's page and its fragment show of these installations on `store`."""
    shown, settings = _connections(store, doors, installations), store.settings
    groups = {title: [_setting(settings, name, doors) for name in names] for title, names in forms.GROUPS.items()}
    # Looked up where a page shows it, and forgotten then: an answer that has nothing new leaves it for the next.
    news = {"changed": SimpleLazyObject(lambda: _changed(installations))}
    return shown | {"groups": groups, "address": formats.address(settings), "price": formats.price(settings)} | news


def _changed(installations: "QuerySet[Installation]") -> list[str]:
    """Return what changed in the store since its page was last looked at, in words; once, for it is shown then."""
    names = []
    for prefill in Prefill.objects.filter(installation__in=installations):
        if prefill.changed_since:
            names += prefill.changed_since
            Prefill.objects.filter(pk=prefill.pk).update(changed_since=[])
    return [forms.label(name) for name in dict.fromkeys(names)]


def news(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Render what has changed in a page that is open; nothing at all, as long as it has not.

    A page in another language (the store's own was just learned) is loaded anew, once nothing in it is being edited.
    """
    if request.GET.get("was") == context["version"]:
        return HttpResponse(status=204)
    if request.GET.get("in", languages.spoken()) != languages.spoken():
        editing = any(request.GET.getlist("editing"))
        return HttpResponse(status=204, headers={} if editing else {"HX-Refresh": "true"})
    return fragment(request, name, context)


def fragment(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page's changing part anew, except the rows that the merchant is editing in it."""
    asked = request.GET if request.method == "GET" else request.POST
    context |= {"fresh": True, "editing": asked.getlist("editing")}
    return render(request, f"installs/fragments/{name}.html", context)


def finish(store: Store) -> None:
    """Finish the first run. It never waits for the prefill."""
    now = datetime.now(UTC)
    if Store.objects.filter(pk=store.pk, onboarded_at=None).update(onboarded_at=now):
        store.onboarded_at = now


def edit(store: Store, name: str, doors: Doors, data: QueryDict | None) -> Edit:
    """Make one setting's form; with `data`, save it as the merchant's own, which every later prefill leaves alone.

    :raises Http404: when there is no such setting, or it is not the merchant's to edit.
    """
    if name not in forms.EDITABLE:
        raise Http404
    form = forms.setting_form(StoreSettings.objects.get(pk=store.pk), name, data)
    saved = data is not None and ("release" in data or form.is_valid())
    if saved:
        store.settings = _save(store, name, form)
    context = {"store": store, "doors": doors, "setting": _setting(store.settings, name, doors), "saved": saved}
    context |= {"form": form, "field": form[name], "focus": True, "back": doors.home(store)}
    return Edit(form, saved, context)


def _save(store: Store, name: str, form: "ModelForm[StoreSettings]") -> StoreSettings:
    """Take over what the merchant set, or go back to what the store says. Saving untouched is neither."""
    with transaction.atomic():
        settings = StoreSettings.objects.select_for_update().get(pk=store.pk)
        if "release" in form.data:
            settings.release(name)
        elif form.has_changed() or form.add_initial_prefix(name) not in form.data:
            settings.edit(name, form.cleaned_data[name], datetime.now(UTC))
        settings.save(update_fields=[name, "origins"])
    return settings


def sync(installations: Iterable[Installation]) -> None:
    """Have a store's details read again, now, by these of its apps."""
    for installation in installations:
        if installation.workable and Prefill(pk=installation.pk).restart():
            doorbell.ring(tasks.prefill, installation.pk)
