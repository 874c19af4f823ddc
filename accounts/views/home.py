"""A person's stores, and the way from one to another."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from accounts import access
from accounts.context import SHOWN
from accounts.models import Store

_MOST = 60


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Show a person's stores, or those they look for; straight on when there is only one."""
    words = request.GET.get("q", "").replace("\x00", "").strip()[:100]
    mine = Store.objects.of(access.person_of(request))
    found = mine.search(words)
    stores = list(found.by_name()[: _MOST + 1])
    if len(stores) == 1:
        return redirect("store", stores[0].store_id)
    total = mine.count()
    context = {"stores": stores[:_MOST], "more": len(stores) > _MOST, "words": words}
    return render(request, "accounts/home.html", context | {"total": total, "searchable": total > SHOWN})
