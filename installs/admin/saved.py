"""Saved views: a list with its filters under a name, for one operator or for all."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from installs.models import SavedView

_NOT_KEPT = {"p", "after", "_changelist_filters", "_popup"}


class SaveForm(forms.Form):
    """A name for what the list shows now."""

    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=1000, required=False)
    shared = forms.BooleanField(required=False)

    def clean_query(self) -> str:
        """Return the filters alone, so that nothing but a list of this admin can be opened by it."""
        pairs = parse_qsl(self.cleaned_data["query"])
        return urlencode([(name, value) for name, value in pairs if name not in _NOT_KEPT])


class WithViews(ModelAdmin):
    """A list whose views can be saved."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        asked = urlencode([pair for pair in request.GET.lists() if pair[0] not in _NOT_KEPT], doseq=True)
        theirs = SavedView.objects.filter(Q(owner=request.user.pk) | Q(shared=True))
        more = {"saved_views": theirs.select_related("owner"), "asked": asked, "may_share": _may_share(request)}
        answer: HttpResponse = super().changelist_view(request, more | (extra_context or {}))
        return answer

    @method_decorator(require_POST)
    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Save what the list shows under a name; the same name again is changed."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = SaveForm(request.POST)
        if not form.is_valid():
            messages.error(request, "A view needs a name of at most 60 letters.")
            return HttpResponseRedirect(reverse(_LIST))
        view = form.cleaned_data
        facts = {"query": view["query"], "shared": view["shared"] and _may_share(request)}
        SavedView.objects.update_or_create(owner_id=request.user.pk, name=view["name"], defaults=facts)
        return HttpResponseRedirect(f"{reverse(_LIST)}?{view['query']}")

    @method_decorator(require_POST)
    def forget_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Forget one of the operator's own views."""
        get_object_or_404(SavedView, pk=pk, owner=request.user.pk).delete()
        return HttpResponseRedirect(reverse(_LIST))


_LIST = "admin:installs_installation_changelist"


def _may_share(request: HttpRequest) -> bool:
    return request.user.has_perm("accounts.operate")


def urls(model_admin: WithViews) -> list[URLPattern]:
    """Return the addresses behind the list's buttons."""
    wrap = model_admin.admin_site.admin_view
    return [
        path("views/", wrap(model_admin.save_view), name="save_view"),
        path("views/<int:pk>/forget/", wrap(model_admin.forget_view), name="forget_view"),
    ]
