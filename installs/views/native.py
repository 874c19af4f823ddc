"""The native page: a store's own pages inside the store's admin, opened by a payload, kept open by a context."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import doorbell, languages, sign_in
from accounts.models import Store
from installs import actions, tasks
from installs.ecwid import errors
from installs.ecwid import native as protocol
from installs.models import AppRegistration, Installation
from installs.views import contexts, frames, panels
from installs.views.panels import Request

log = logging.getLogger(__name__)

P = ParamSpec("P")
_HEARTBEAT = 300  # seconds; well within contexts.LIFE, so a page that stays open stays usable


@dataclass(frozen=True)
class Visitor:
    """Whoever opened the page: the app's full power over one store (contract §8.3). `context` is fresh and sealed."""

    installation: Installation
    context: str

    @property
    def store(self) -> Store:
        return self.installation.store

    @property
    def client_id(self) -> str:
        return self.installation.app.client_id

    @property
    def doors(self) -> panels.Doors:
        app = [self.client_id]
        return panels.Doors(
            first_run=reverse("native-onboarding", args=app),
            store=reverse("native-store", args=app),
            finish=reverse("native-finish", args=app),
            sync=reverse("native-sync", args=app),
            settings=f"{reverse('native', args=app)}settings/",
            in_frame=True,
            heartbeat=_HEARTBEAT,
        )

    def shown(self) -> dict[str, Any]:
        """Return what every page and fragment knows."""
        return {"context": self.context, "client_id": self.client_id}

    def first_run(self) -> dict[str, Any]:
        """Return what the first-run page shows. Other apps of the store are none of this one's business."""
        return panels.first_run(self.store, self.doors, self._rows()) | self.shown()

    def all_settings(self) -> dict[str, Any]:
        """Return what the store's page shows."""
        return panels.all_settings(self.store, self.doors, self._rows()) | self.shown()

    def _rows(self) -> "QuerySet[Installation]":
        return Installation.objects.filter(pk=self.installation.pk)


def _inside(
    view: Callable[Concatenate[Request, Visitor, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Make `view` a door that a context opens and nothing else; its answer brings a fresh one."""

    @wraps(view)
    def door(request: Request, app: AppRegistration, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            context = contexts.read(request, app)
            visitor = Visitor(context.installation(), context.sealed())
        except contexts.Stale:
            return frames.refused(request, app.client_id)
        languages.speak(context.language)
        response = view(request, visitor, *args, **kwargs)
        response.headers[contexts.HEADER] = visitor.context
        return response

    return door


@frames.framed
@require_GET
def native(request: Request, app: AppRegistration) -> HttpResponse:
    """Open the page with the payload in its address, or let its script bring what stands in the fragment.

    Never a redirect: the page has to greet the admin first (contract §8.3). Its script takes the payload out of the
    address. Source: contract §8.1, §8.2
    """
    payload = request.GET.get("payload")
    if payload is None:
        return frames.page(request, "opening", {"client_id": app.client_id})
    return _enter(request, app, lambda: actions.visit.read_payload(app=app, payload=payload), sealed=True)


@frames.framed
@require_POST
def verify(request: Request, app: AppRegistration) -> HttpResponse:
    """Open the page with the hex of its fragment, posted once by its script. Source: contract §8.1, mode A"""
    fragment = request.POST.get("fragment", "")
    return _enter(request, app, lambda: protocol.open_fragment(fragment), sealed=False)


def _enter(request: Request, app: AppRegistration, read: Callable[[], protocol.Visit], *, sealed: bool) -> HttpResponse:
    client = sign_in.client_of(request)
    try:
        opening = actions.visit.Opening(read(), sealed, client)
        admission = actions.visit.admit(app=app, opening=opening)
    except errors.Paused:
        log.warning("native_paused", extra={"app": app.client_id})
        return frames.page(request, "paused", {"client_id": app.client_id}, status=403)
    except errors.EcwidError as error:
        log.warning("native_refused", extra={"app": app.client_id, "reason": type(error).__name__})
        if not isinstance(error, errors.Unreachable):  # that is nobody's fault
            actions.visit.note_failure(client=client)
        return frames.refused(request, app.client_id)
    installation = admission.installation
    if admission.changed:
        doorbell.ring(tasks.prefill, installation.pk)
    language = languages.nearest(opening.visit.lang) or languages.of_store(installation.store) or languages.spoken()
    context = contexts.Context.of(installation, language)
    log.info("native_opened", extra={"app": app.client_id, "store": context.store_id})
    visitor = Visitor(installation, context.sealed())
    languages.speak(language)
    response = _panel(request, visitor)
    response.headers[contexts.HEADER] = visitor.context
    return response


def _panel(request: Request, visitor: Visitor) -> HttpResponse:
    """Render the page that is the store's own now: its middle for htmx, else the whole."""
    shown = visitor.all_settings() if visitor.store.onboarded_at else visitor.first_run()
    if request.htmx:
        return render(request, "native/panel.html", shown)
    return frames.page(request, "page", shown)


@frames.framed
@require_GET
@_inside
def onboarding(request: Request, visitor: Visitor) -> HttpResponse:
    """Bring the first-run page up to date."""
    return panels.news(request, "progress", visitor.first_run())


@frames.framed
@require_GET
@_inside
def store(request: Request, visitor: Visitor) -> HttpResponse:
    """Bring the store's page up to date."""
    return panels.news(request, "connections", visitor.all_settings())


@frames.framed
@require_POST
@_inside
def finish(request: Request, visitor: Visitor) -> HttpResponse:
    """Finish the first run and show the store's page."""
    panels.finish(visitor.store)
    return _panel(request, visitor)


@frames.framed
@require_http_methods(["GET", "POST"])
@_inside
def setting(request: Request, visitor: Visitor, name: str) -> HttpResponse:
    """Show one setting's form, or save it as the merchant's own, as outside the admin (design rule 11)."""
    edit = panels.edit(visitor.store, name, visitor.doors, request.POST if request.method == "POST" else None)
    shown = edit.context | visitor.shown()
    if edit.saved and not request.htmx:
        return _panel(request, visitor)
    if edit.saved or "cancel" in request.GET:
        return render(request, "installs/fragments/setting.html", shown)
    if request.htmx:
        return render(request, "installs/fragments/setting_form.html", shown)
    return frames.page(request, "setting", shown)


@frames.framed
@require_POST
@_inside
def sync(request: Request, visitor: Visitor) -> HttpResponse:
    """Read the store's settings again, now."""
    panels.sync([visitor.installation])
    if request.htmx and visitor.store.onboarded_at:
        return panels.fragment(request, "connections", visitor.all_settings())
    if request.htmx:
        return panels.fragment(request, "progress", visitor.first_run())
    return _panel(request, visitor)
