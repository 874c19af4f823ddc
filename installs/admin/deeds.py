"""What operators may do to rows they may not write: each a POST, allowed by a permission, put on record."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect
from unfold.admin import ModelAdmin
from unfold.decorators import action

from accounts import access, audit
from accounts.admin import ReadOnlyAdmin


class OperatedAdmin(ReadOnlyAdmin):
    """Facts that operators act on. Each deed names the permission it takes (accounts/roles.py)."""


def note(request: HttpRequest, rows: Iterable[Any], what: str) -> None:
    """Write down in the audit trail who did what to these rows."""
    audit.record_each(by=access.person_of(request), what=what, targets=rows, request=request)


def on_page(deed: str, *, title: str, text: str, icon: str, permission: str = "operate") -> Any:
    """Offer the list's action `deed` on a row's own page too, behind a question that only a POST answers.

    The result goes into the admin class as `<deed>_here`, a name for its `actions_detail`.
    """

    def act(model_admin: ModelAdmin, request: HttpRequest, _form: Any, object_id: str) -> HttpResponse:
        getattr(model_admin, deed)(request, model_admin.get_queryset(request).filter(pk=object_id))
        opts = model_admin.opts
        page = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id])
        return HttpResponseClientRedirect(page) if "HX-Request" in request.headers else redirect(page)

    act.__name__ = f"{deed}_here"
    dialog = {"title": title, "description": text, "form_class": None, "form_submit_text": title}
    path = deed.replace("_", "-")
    return action(description=title, url_path=path, permissions=[permission], icon=icon, dialog=dialog)(act)
