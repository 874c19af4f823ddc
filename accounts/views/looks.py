"""Support view: asked for with a reason, refused what would change something, and ended."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import access, support
from accounts.models import Store


class ReasonForm(forms.Form):
    """Why an operator looks."""

    reason = forms.CharField(
        label="Why",
        min_length=3,
        max_length=200,
        widget=UnfoldAdminTextInputWidget({"autofocus": True, "autocomplete": "off"}),
        help_text="The merchant can read this: a ticket, or a few words.",
    )


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask why, then open the store's page as its merchant sees it."""
    operator = access.person_of(request)
    if not operator.has_perm(support.RIGHT):
        raise PermissionDenied
    store = get_object_or_404(Store.objects.select_related("settings"), pk=pk)
    nobody = support.merchant_of(store) is None
    form = ReasonForm(request.POST or None)
    if not nobody and form.is_valid():
        support.begin(request, by=operator, store=store, reason=form.cleaned_data["reason"])
        return redirect("store", store_id=store.store_id)
    shown: dict[str, Any] = {"title": f"See {store} as its merchant", "store": store, "form": form, "nobody": nobody}
    shown |= {"minutes": support.LIFE // 60, "back": request.GET.get("back", "")}
    context = {**admin.site.each_context(request), **shown}
    return TemplateResponse(request, "admin/operators/look.html", context, status=422 if form.errors else 200)


@require_POST
def end(request: HttpRequest) -> HttpResponse:
    """End the support view, and go back to the store in the admin."""
    return _back(support.end(request))


def over(request: HttpRequest) -> HttpResponse:
    """Say that the time is up, back in the admin."""
    messages.info(request, "The support view is over. Begin another one if you have not seen everything.")
    return _back(support.end(request))


def refused(request: HttpRequest) -> HttpResponse:
    """Say that this would change something, or is not for other eyes."""
    return render(request, "admin/operators/refused.html", status=403)


def _back(ended: support.SupportView | None) -> HttpResponse:
    where = reverse("admin:accounts_store_change", args=[ended.store.pk]) if ended else reverse("admin:index")
    return HttpResponseRedirect(where, status=303)
