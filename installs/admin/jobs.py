"""Operators' jobs: how far each is, what came of every row, a report to take along, and a way to stop it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.decorators import action, display

from accounts import sheets
from accounts.admin import ReadOnlyAdmin, columns
from installs.actions import deeds
from installs.admin import export_page, import_page, key_page
from installs.models import ImportLine, Installation, Job, JobItem, Outcome

_STATES = {"done": "success", "waiting": "info", "running": "info", "failed": "danger"}
_OUTCOMES = {"done": "success", "left": "warning", "failed": "danger", "": "info"}
_STOPPED = "stopped by an operator"
_A_PAGE = 50
_GROUPS = 12

Rows = QuerySet[JobItem] | QuerySet[ImportLine]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Jobs, to be watched and stopped."""

    list_display = ("title", "state_label", "progress", "reason", "by", columns.at("asked_at", "asked for"))
    list_filter = ("state", "kind", "asked_at")
    list_select_related = ("by",)
    search_fields = ("title", "reason")
    ordering = ("-asked_at",)
    actions_list = ("take_over", "export_all", "encryption_keys")

    @display(description="state", ordering="state")
    def state_label(self, job: Job) -> SafeString:
        return columns.label(_STATES[job.state], "stopped" if job.error == _STOPPED else job.state)

    @display(description="rows")
    def progress(self, job: Job) -> str:
        return f"{job.seen} of {job.total}" if job.total else "–"

    @action(description="Take over", url_path="import", icon="upload_file", permissions=["import"])
    def take_over(self, request: HttpRequest) -> HttpResponse:
        """Take installations over from a file."""
        return import_page.answer(self, request)

    @action(description="Export", url_path="export", icon="download", permissions=["export"])
    def export_all(self, request: HttpRequest) -> HttpResponseBase:
        """Give installations as a file, with everything that is not secret."""
        return export_page.answer(self, request)

    @action(description="Encryption keys", url_path="keys", icon="key", permissions=["secrets"])
    def encryption_keys(self, request: HttpRequest) -> HttpResponse:
        """Show which encryption keys are in use, and have everything sealed with the newest one."""
        return key_page.answer(self, request)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<int:pk>/stop/", self.admin_site.admin_view(self.stop), name="installs_job_stop"),
            path("<int:pk>/report.csv", self.admin_site.admin_view(self.report), name="installs_job_report"),
        ]
        return own + list(super().get_urls())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show a job. The page looks again by itself as long as the job goes on."""
        job = get_object_or_404(Job.objects.select_related("by"), pk=object_id)
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        chosen = request.GET.get("outcome", "")
        rows = rows_of(job)
        page = Paginator(_of(rows, chosen), _A_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.admin_site.each_context(request),
            "title": job.title,
            "opts": self.opts,
            "job": job,
            "label": self.state_label(job),
            "stoppable": not job.is_over and self.has_operate_permission(request),
            "groups": _groups(rows),
            "chosen": chosen,
            "outcomes": [(name, getattr(job, name)) for name in ("done", "left", "failed")],
            "page": page,
            "shown": [(*line, _OUTCOMES[line[2]]) for line in _lines(job, page)],
            "by_line": job.lines.exists(),
            "exportable": self.has_export_permission(request),
        }
        return TemplateResponse(request, "admin/steering/job.html", context)

    @method_decorator(require_POST)
    def stop(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop a job after the step that is under way."""
        if not self.has_operate_permission(request):
            raise PermissionDenied
        job = get_object_or_404(Job, pk=pk)
        if job.stop(_STOPPED):
            self.log_change(request, job, "Stopped.")
            messages.success(request, "Stopped. What was done stays done.")
        else:
            messages.info(request, "It had ended by itself.")
        return redirect(reverse("admin:installs_job_change", args=[pk]))

    def report(self, request: HttpRequest, pk: int) -> StreamingHttpResponse:
        """Give what came of every row, as a file. Only reads."""
        job = get_object_or_404(Job, pk=pk)
        if not self.has_export_permission(request):
            raise PermissionDenied
        names = ("row", "outcome", "what came of it", "at")
        answer = StreamingHttpResponse(sheets.as_csv(names, _report(job)), content_type="text/csv; charset=utf-8")
        answer.headers["Content-Disposition"] = f'attachment; filename="job-{job.pk}.csv"'
        return answer


def rows_of(job: Job) -> Rows:
    """Return a job's rows: lines of a file, or rows of a table."""
    lines = job.lines.order_by("number")
    return lines if lines.exists() else job.items.order_by("pk")


def _of(rows: Rows, outcome: str) -> Rows:
    return rows.filter(outcome=outcome) if outcome in Outcome.values and outcome else rows


def _groups(rows: Rows) -> list[dict[str, Any]]:
    """Return the words that came most often, without those not done yet."""
    counted = rows.exclude(outcome=Outcome.WAITING).order_by().values("outcome", "words").annotate(count=Count("pk"))
    return [group | {"type": _OUTCOMES[group["outcome"]]} for group in counted.order_by("-count")[:_GROUPS]]


def _lines(job: Job, page: "Page[Any]") -> Iterator[tuple[str, str, str, str]]:
    """Yield for each row on a page: its name, its address, the outcome and the words."""
    rows = list(page)
    if rows and isinstance(rows[0], ImportLine):
        for line in rows:
            yield f"line {line.number}: store {line.store_id or '?'}", "", line.outcome, line.words
        return
    known = _named(job, [row.target for row in rows])
    for row in rows:
        name, address = known.get(row.target, (f"no. {row.target}", ""))
        yield name, address, row.outcome, row.words


def _named(job: Job, pks: list[int]) -> dict[int, tuple[str, str]]:
    if job.kind not in deeds.DEEDS:
        return {}
    model = deeds.DEEDS[job.kind].model
    rows = model._default_manager.filter(pk__in=pks)
    rows = rows.select_related("app", "store__settings") if model is Installation else rows
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return {row.pk: (str(row), reverse(name, args=[row.pk])) for row in rows}


def _report(job: Job) -> Iterator[dict[str, Any]]:
    pages = Paginator(rows_of(job), 1000)
    for number in pages.page_range:
        page = pages.page(number)
        rows: list[Any] = list(page)
        for row, line in zip(rows, _lines(job, page), strict=True):
            yield {"row": line[0], "outcome": line[2] or "waiting", "what came of it": line[3], "at": row.at}
