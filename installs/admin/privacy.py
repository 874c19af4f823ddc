"""Privacy in the admin: requests with their deadlines, and the receipts of erasures."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.template.defaultfilters import pluralize
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from accounts.admin import ReadOnlyAdmin, columns
from installs.actions import privacy, watch
from installs.admin import deeds
from installs.models import Erasure, PrivacyRequest
from installs.models.privacy import PrivacyRequestQuerySet

# A customer's request must not be answered with what we know of the store's owner.
_OWNERS = (PrivacyRequest.Kind.OWNER_EXPORT, PrivacyRequest.Kind.OWNER_REMOVAL)


class OpenFilter(admin.SimpleListFilter):
    """Requests that wait for an answer, or not."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), ("closed", "Closed")]

    def queryset(self, request: HttpRequest, rows: QuerySet[PrivacyRequest]) -> QuerySet[PrivacyRequest]:
        if self.value() == "open":
            return rows.filter(closed_at=None)
        return rows.exclude(closed_at=None) if self.value() == "closed" else rows


@admin.register(PrivacyRequest)
class PrivacyRequestAdmin(deeds.OperatedAdmin):
    """Requests about personal data: an operator answers and closes them before the deadline."""

    list_display = (
        "kind", "store", "app", "deadline",
        columns.at("due_at", "due"), columns.at("opened_at", "opened"), columns.at("closed_at", "closed"),
    )  # fmt: skip
    list_filter = (OpenFilter, "kind", "installation__app")
    list_select_related = ("installation__app", "installation__store__settings")
    search_fields = ("=installation__store__store_id", "installation__store__settings__store_name", "subject")
    search_help_text = "Store ID, store name or whom it concerns"
    ordering = ("closed_at", "due_at")
    fields = ("kind", "store", "app", "subject", "deadline", "opened_at", "due_at", "closed_at", "event")
    actions = ("close",)
    actions_detail = ("download", "close_here")

    @display(description="store", ordering="installation__store__store_id")
    def store(self, row: PrivacyRequest) -> str:
        store = row.installation.store
        return f"{store.display_name} ({store.store_id})"

    @display(description="app", ordering="installation__app__name")
    def app(self, row: PrivacyRequest) -> str:
        return row.installation.app.name

    @display(description="deadline", ordering="due_at")
    def deadline(self, row: PrivacyRequest) -> SafeString:
        if row.closed_at:
            return columns.label("success", "closed")
        now = datetime.now(UTC)
        if row.due_at < now:
            return columns.label("danger", f"overdue by {_days(now - row.due_at)}")
        return columns.label("warning" if row.due_at < now + watch.NEAR else "info", f"{_days(row.due_at - now)} left")

    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether there is something to close, so that the button stands only where it does something."""
        open_here = object_id is None or PrivacyRequest.objects.open().filter(pk=object_id).exists()
        return self.has_operate_permission(request) and open_here

    def has_download_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether this request may be answered with what we hold of the store's owner."""
        owners = PrivacyRequest.objects.filter(pk=object_id, kind__in=_OWNERS)
        return self.has_export_permission(request) and owners.exists()

    @admin.action(description="Close", permissions=["close"])
    def close(self, request: HttpRequest, rows: PrivacyRequestQuerySet) -> None:
        waiting = list(rows.open())
        closed = privacy.close(requests=rows)
        deeds.note(request, waiting, "Closed the request.")
        messages.success(request, f"{closed} request{pluralize(closed)} closed.")

    close_here = deeds.on_page(
        "close",
        title="Close",
        text="Close the request once it is answered: the data handed over, or erased with the command `erase`.",
        icon="task_alt",
        permission="close",
    )

    @action(description="Download what we hold", url_path="download", permissions=["download"], icon="download")
    def download(self, request: HttpRequest, object_id: str) -> JsonResponse:
        row = self.get_queryset(request).filter(pk=object_id).select_related("installation__store").first()
        if row is None:
            raise Http404
        deeds.note(request, [row], "Downloaded the personal data of the store.")
        name = f"personal-data-of-store-{row.installation.store.store_id}.json"
        content = privacy.export(installation=row.installation)
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return JsonResponse(content, headers=headers, json_dumps_params={"indent": 2, "ensure_ascii": False})


def _days(span: timedelta) -> str:
    if span.days == 0:
        return "less than a day"
    return "1 day" if span.days == 1 else f"{span.days} days"


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Receipts: what was erased and when, holding nothing of what it was."""

    list_display = ("store_id", "client_id", "reason", columns.at("at", "erased"), "total")
    list_filter = ("client_id", "reason", "at")
    search_fields = ("=store_id", "client_id")
    search_help_text = "Store ID or client ID"
    date_hierarchy = "at"
    ordering = ("-at",)
    fields = ("store_id", "client_id", "reason", "at", "what")

    @display(description="values removed")
    def total(self, receipt: Erasure) -> int:
        return sum(receipt.counts.values())

    @display(description="values removed")
    def what(self, receipt: Erasure) -> SafeString:
        return format_html_join("", "<div>{}: {}</div>", receipt.counts.items())
