"""Webhooks in the admin: what Ecwid told us and what became of it, and what was refused at the door."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display

from accounts.admin import ReadOnlyAdmin, columns, pages
from installs.admin import asking, filters, shown
from installs.ecwid import webhooks
from installs.models import AppRegistration, RejectedDelivery, WebhookEvent

_STATES = {"done": "success", "waiting": "info", "running": "info", "failed": "danger"}


class ConflictsFilter(admin.SimpleListFilter):
    """Events that came again with another body: their signature covers two fields only (contract §7.3)."""

    title = "conflicts"
    parameter_name = "conflicts"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Came with another body too"), ("no", "None")]

    def queryset(self, request: HttpRequest, rows: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        if self.value() == "yes":
            return rows.filter(conflicts__gt=0)
        return rows.filter(conflicts=0) if self.value() == "no" else rows


class TypeFilter(TextFilter):
    """What the event says happened. One among millions is looked for within a day, unless days are chosen."""

    title = "type (of the last day, unless you choose days)"
    parameter_name = "type"

    def queryset(self, request: HttpRequest, rows: QuerySet[WebhookEvent]) -> QuerySet[WebhookEvent]:
        if not self.value():
            return rows
        if not any(request.GET.get(f"received_at_{end}") for end in ("from", "to")):
            rows = rows.filter(received_at__gt=datetime.now(UTC) - timedelta(days=1))
        return rows.filter(type=webhooks.normalise(self.value() or ""))


@admin.register(WebhookEvent)
class WebhookEventAdmin(asking.Steered, pages.LongLists, ReadOnlyAdmin):
    """Events as Ecwid delivered them; any of them may be handled again."""

    list_display = (
        "type", "store_id", "app_name", "state_label", "outcome", "tries",
        columns.at("received_at", "received"), columns.at("handled_at", "handled"),
    )  # fmt: skip
    list_filter = ("state", "app", TypeFilter, "signer", ConflictsFilter, *filters.dates("received_at"))
    list_filter_submit = True
    sortable_by = ("received_at",)
    list_select_related = ("app",)
    search_fields = ("event_id",)  # what they mean says get_search_results
    search_help_text = "Event ID or store ID"
    ordering = ("-received_at",)
    list_per_page = 50
    fields = (
        "type", "store_id", "app", "event_id", "state_label", "outcome", "tries", "due_at", "failure", "occurred_at",
        "received_at", "handled_at", "signer", "deliveries", "conflicts", "shown_body", "shown_traceback",
    )  # fmt: skip
    offers = ("handle-again",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEvent]:
        rows: QuerySet[WebhookEvent] = super().get_queryset(request)
        page = request.resolver_match.url_name if request.resolver_match else ""
        # A list shows neither, and a hundred bodies are a lot to read for nothing.
        return rows.defer("body", "traceback") if (page or "").endswith("_changelist") else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        words = search_term.strip()
        if not words:
            return queryset, False
        # The index of event IDs begins with the app.
        named = Q(app__in=list(AppRegistration.objects.values_list("pk", flat=True)), event_id=words)
        store = Q(store_id=int(words)) if words.isdecimal() and int(words) < 2**63 else Q(pk__in=[])
        return queryset.filter(named | store), False

    @display(description="app")
    def app_name(self, event: WebhookEvent) -> str:
        return event.app.name

    @display(description="state", ordering="state")
    def state_label(self, event: WebhookEvent) -> SafeString:
        return columns.label(_STATES[event.state], event.state)

    @display(description="last error")
    def failure(self, event: WebhookEvent) -> str:
        return shown.hidden(event.error) or "none"

    @display(description="body")
    def shown_body(self, event: WebhookEvent) -> SafeString:
        return shown.body(event.body)

    @display(description="traceback")
    def shown_traceback(self, event: WebhookEvent) -> SafeString:
        return shown.lines(event.traceback)


@admin.register(RejectedDelivery)
class RejectedDeliveryAdmin(ReadOnlyAdmin):
    """Deliveries that were not believed. Nothing is ever done with them; they go after a week."""

    list_display = ("reason", "app", columns.at("received_at", "received"))
    list_filter = ("reason", "app", "received_at")
    list_select_related = ("app",)
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
    fields = ("reason", "app", "received_at", "shown_body")

    @display(description="body, as far as it was kept")
    def shown_body(self, delivery: RejectedDelivery) -> SafeString:
        return shown.body(delivery.body)
