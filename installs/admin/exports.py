"""A list as a file: all that its filters leave, however many; on record, and without a token or a formula."""

import csv
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.admin.rows import AuditedAdmin
from accounts.models import User
from installs.admin import shown
from installs.models import Installation

_BATCH = 1000
_HEAD = (
    "client_id", "store_id", "store", "contact_email", "country", "state", "health", "reason", "generation",
    "installed_at", "uninstalled_at", "subscription", "prefill", "scopes", "missing_scopes",
)  # fmt: skip


class Exported(AuditedAdmin):
    """A list that can be handed out."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        more = {"may_export": self.has_export_permission(request)} | (extra_context or {})
        answer: HttpResponse = super().changelist_view(request, more)
        return answer

    @method_decorator(require_POST)
    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Hand out what the list shows under the filters of this address, all pages of it."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        rows = self.get_changelist_instance(request).queryset
        assert isinstance(request.user, User)  # noqa: S101  only those who signed in have permissions
        # What was searched for may be somebody's address, so only the names of filters go on record.
        asked = sorted(name for name in request.GET if name != "p")
        audit.record(by=request.user, what="exported installations", request=request, changes={"filters": asked})
        answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="installations.csv"'
        return answer


def urls(model_admin: Exported) -> list[URLPattern]:
    """Return the address behind the list's button."""
    return [path("export/", model_admin.admin_site.admin_view(model_admin.export), name="export_installations")]


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: "QuerySet[Installation]") -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(_HEAD)
    for row in _in_batches(rows):
        yield writer.writerow(shown.harmless(_cells(row)))


def _in_batches(rows: "QuerySet[Installation]") -> Iterator[Installation]:
    """Yield all rows by their keys: no cursor stays open, and no batch takes longer than the first."""
    last = 0
    while batch := list(rows.order_by("pk").filter(pk__gt=last)[:_BATCH]):
        yield from batch
        last = batch[-1].pk


def _cells(row: Installation) -> tuple[Any, ...]:
    settings = row.store.settings
    return (
        row.app.client_id, row.store.store_id, settings.store_name, settings.contact_email, settings.country_code,
        row.state, row.health, row.reason, row.generation, row.installed_at.isoformat(),
        row.uninstalled_at.isoformat() if row.uninstalled_at else None, row.subscription_status, row.prefill.state,
        " ".join(row.scopes), " ".join(row.missing_scopes),
    )  # fmt: skip
