"""The ways about: the sidebar, grouped by what operators are after, and the search that finds a store from any page."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from installs.actions import find
from installs.models import Installation

# Group → (title, icon, model whose viewers see it, page). A page is the model's list unless it has a name of its own.
_GROUPS: dict[str, list[tuple[str, str, str, str]]] = {
    "": [("Dashboard", "monitoring", "installs.installation", "index")],
    "Stores": [
        ("Installations", "power", "installs.installation", ""),
        ("Visits", "door_open", "installs.installattempt", ""),
        ("Stores", "storefront", "accounts.store", ""),
        ("Privacy requests", "policy", "installs.privacyrequest", ""),
        ("Erasures", "delete_forever", "installs.erasure", ""),
    ],
    "Webhooks": [
        ("Events", "bolt", "installs.webhookevent", ""),
        ("Rejected deliveries", "block", "installs.rejecteddelivery", ""),
    ],
    "Running": [
        ("Jobs", "checklist", "installs.job", ""),
        ("Doctor", "stethoscope", "installs.pulse", ""),
        ("Runbook", "menu_book", "installs.pulse", "runbook"),
        ("Alerts", "notifications", "installs.alert", ""),
        ("Alert rules", "tune", "installs.alertrule", ""),
        ("Alert receivers", "forward_to_inbox", "installs.alertreceiver", ""),
        ("Numbers by day", "table_chart", "installs.tally", ""),
    ],
    "Set-up": [
        ("App registrations", "apps", "installs.appregistration", ""),
        ("People", "group", "accounts.user", ""),
        ("Groups", "shield_person", "auth.group", ""),
        ("Audit trail", "history", "accounts.auditentry", ""),
        ("Sign-ins", "login", "accounts.operatorsignin", ""),
    ],
}
_RESULTS = 20


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar of whoever asks: what they may see, and nothing else."""
    groups = [(title, list(_items(request, items))) for title, items in _GROUPS.items()]
    return [{"title": title, "items": items, "separator": bool(title)} for title, items in groups if items]


def _items(request: HttpRequest, items: list[tuple[str, str, str, str]]) -> Iterator[dict[str, Any]]:
    for title, icon, model, page in items:
        app, name = model.split(".")
        if any(request.user.has_perm(f"{app}.{right}_{name}") for right in ("view", "change")):
            link = reverse(f"admin:{page}" if page else f"admin:{app}_{name}_changelist")
            yield {"title": title, "icon": icon, "link": link}


def search(request: HttpRequest, words: str) -> list[SearchResult]:
    """Return the visits and installations that `words` name, for operators who may see them."""
    found: list[SearchResult] = []
    if request.user.has_perm("installs.view_installattempt"):
        for attempt in find.attempts(words).select_related("app"):
            page = reverse("admin:installs_installattempt_change", args=[attempt.pk])
            about = f"{attempt.get_outcome_display()}, {attempt.client_id}, {attempt.arrived_at:%F %H:%M} UTC"
            found.append(SearchResult(attempt.support_code, about, page, "door_open"))
    if request.user.has_perm("installs.view_installation"):
        rows = Installation.objects.for_lists().filter(store__in=find.stores(words)).order_by("-installed_at")
        for row in rows[:_RESULTS]:
            page = reverse("admin:installs_installation_change", args=[row.pk])
            about = f"{row.app.name} on store {row.store.store_id}, {row.reason or 'ok'}"
            found.append(SearchResult(row.store.display_name, about, page, "power"))
    return found
