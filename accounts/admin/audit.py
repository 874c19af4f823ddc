"""The audit trail, to be searched and filtered. Nobody changes or deletes what stands in it."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts import access, audit, sheets
from accounts.admin import columns
from accounts.admin.rows import ReadOnlyAdmin
from accounts.models import AuditEntry, User

_COLUMNS = (
    "at", "by_name", "what", "target_kind", "target_id", "target_name", "store_id", "reason", "address", "changes",
)  # fmt: skip
_WHEN = columns.at("at", "when", "%F %T")


class OperatorFilter(admin.SimpleListFilter):
    """Who did it, among those who may do anything."""

    title = "who"
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        operators = User.objects.filter(is_staff=True).order_by("username")
        others = [("service", "The service itself"), ("command", "A command at the shell")]
        return [*others, *((str(one.pk), one.username) for one in operators[:100])]

    def queryset(self, request: HttpRequest, rows: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        value = self.value() or ""
        if value == "service":
            return rows.filter(by=None, by_name="")
        if value == "command":
            return rows.filter(by=None, by_name__startswith=f"{audit.COMMAND} ")
        return rows.filter(by=int(value)) if value.isdecimal() else rows


@admin.register(AuditEntry)
class AuditTrailAdmin(ReadOnlyAdmin):
    """What operators did: newest first."""

    list_display = (_WHEN, "who", "what", "target", "store_id", "reason", "address")
    list_display_links = (_WHEN,)
    list_filter = (OperatorFilter, "target_kind", "at")
    search_fields = ("what", "reason", "by_name", "target_name", "=store_id", "=address")
    search_help_text = "What, why, who, to what, store ID or address"
    date_hierarchy = "at"
    ordering = ("-at", "-pk")
    show_full_result_count = False
    actions = ("export",)
    fields = ("at", "who", "what", "target", "store_id", "reason", "address", "before_and_after")

    @admin.action(description="Export as CSV", permissions=["export"])
    def export(self, request: HttpRequest, rows: QuerySet[AuditEntry]) -> StreamingHttpResponse:
        """Give the chosen rows, or all that the filters leave, as they are read from the database."""
        audit.record(by=access.person_of(request), what="exported the audit trail", request=request)
        lines = ({**row, "changes": json.dumps(row["changes"])} for row in rows.values(*_COLUMNS).iterator())
        answer = StreamingHttpResponse(sheets.as_csv(_COLUMNS, lines), content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = 'attachment; filename="audit-trail.csv"'
        return answer

    @display(description="who", ordering="by_name")
    def who(self, entry: AuditEntry) -> str:
        return entry.by_name or "the service"

    @display(description="to what", ordering="target_name")
    def target(self, entry: AuditEntry) -> SafeString | str:
        try:
            page = reverse(f"admin:{entry.target_kind.replace('.', '_')}_change", args=[entry.target_id])
        except NoReverseMatch:
            return entry.target_name or "–"
        return format_html(
            '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            page,
            entry.target_name or entry.target_kind,
        )

    @display(description="changes")
    def before_and_after(self, entry: AuditEntry) -> SafeString | str:
        rows = ((name, _spelled(value)) for name, value in entry.changes.items())
        return format_html_join("", "<div><code>{}</code>: {}</div>", rows) or "none"

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        # The way from a row's page to its own trail.
        return lookup == "target_id__exact" or super().lookup_allowed(lookup, value, request)


def _spelled(value: Any) -> SafeString | str:
    if isinstance(value, list) and len(value) == 2:
        return format_html("{} → {}", _words(value[0]), _words(value[1]))
    return _words(value)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nothing"
    return "nothing" if value in (None, "") else str(value)
