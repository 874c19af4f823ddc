"""The way into a support view, from the page of a store or of something that belongs to one."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import action

from accounts.models import Store


@action(description="See it as the merchant", url_path="support-view", permissions=["support_view"], icon="visibility")
def support_view(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Go where the reason is asked for. Nothing begins before it is given."""
    row = model_admin.get_object(request, object_id)
    if row is None:
        raise Http404
    return redirect("admin:support-view", pk=row.pk if isinstance(row, Store) else row.store_id)
