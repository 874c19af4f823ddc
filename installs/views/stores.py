"""A store's own pages: the first run, its settings, and its connection. A stranger's store is a 404."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access
from accounts.models import Store, User
from installs.models import Installation
from installs.views import answers, panels


class Request(panels.Request):
    """What these views get: login_required has been there."""

    user: User


def _doors(store: Store) -> panels.Doors:
    number = [store.store_id]
    return panels.Doors(
        first_run=reverse("onboarding", args=number),
        store=reverse("store", args=number),
        finish=reverse("finish-onboarding", args=number),
        sync=reverse("sync", args=number),
        settings=f"{reverse('store', args=number)}settings/",
    )


def _installations(store: Store) -> "QuerySet[Installation]":
    return Installation.objects.filter(store=store)


def _page(request: Request, name: str, fragment: str, context: dict[str, Any]) -> HttpResponse:
    """Render a page; for htmx what has changed in it, which is nothing at all most of the time."""
    if request.htmx:
        return panels.news(request, fragment, context)
    return render(request, f"installs/{name}.html", context)


@require_GET
@login_required
def onboarding(request: Request, store_id: int) -> HttpResponse:
    """Show the first-run page: what is known now, the rest as it comes."""
    ours = access.store_of(request, store_id)
    return _page(request, "onboarding", "progress", panels.first_run(ours, _doors(ours), _installations(ours)))


@require_POST
@login_required
def finish_onboarding(request: Request, store_id: int) -> HttpResponse:
    """Finish the first run. It never waits for the prefill."""
    panels.finish(access.store_of(request, store_id))
    return answers.see_other(reverse("store", args=[store_id]))


@require_GET
@login_required
def store(request: Request, store_id: int) -> HttpResponse:
    """Show a store's settings and how it is connected."""
    ours = access.store_of(request, store_id)
    context = panels.all_settings(ours, _doors(ours), _installations(ours))
    if getattr(request, "support", None):  # what changed is told once, and to the merchant
        context["changed"] = []
    return _page(request, "store", "connections", context)


@require_http_methods(["GET", "POST"])
@login_required
def setting(request: Request, store_id: int, name: str) -> HttpResponse:
    """Show one setting's form, or save it as the merchant's own, which every later prefill leaves alone."""
    ours = access.store_of(request, store_id)
    doors = _doors(ours)
    edit = panels.edit(ours, name, doors, request.POST if request.method == "POST" else None)
    if edit.saved and not request.htmx:
        return answers.see_other(f"{doors.home(ours)}#setting-{name}")
    if edit.saved or (request.htmx and "cancel" in request.GET):
        return render(request, "installs/fragments/setting.html", edit.context)
    template = "installs/fragments/setting_form.html" if request.htmx else "installs/setting_page.html"
    status = 422 if edit.form.is_bound and not request.htmx else 200
    return render(request, template, edit.context, status=status)


@require_POST
@login_required
def sync(request: Request, store_id: int) -> HttpResponse:
    """Read the store's settings again, now."""
    ours = access.store_of(request, store_id)
    doors = _doors(ours)
    panels.sync(_installations(ours))
    if request.htmx and ours.onboarded_at:
        return panels.fragment(request, "connections", panels.all_settings(ours, doors, _installations(ours)))
    if request.htmx:
        return panels.fragment(request, "progress", panels.first_run(ours, doors, _installations(ours)))
    return answers.see_other(doors.home(ours))
