"""The page that gives installations as a file: everything that is not secret, streamed however many there are."""

from django import forms
from django.db.models import Q
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts import access, audit, sheets
from accounts.admin import AuditedAdmin
from installs.actions import export
from installs.models import AppRegistration, Installation
from installs.models.installations import InstallationQuerySet

_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


class ExportForm(forms.Form):
    """Which installations, in which format, and what for: it holds people's data."""

    app = forms.ModelChoiceField(
        AppRegistration.objects.all(), required=False, empty_label="All apps", widget=UnfoldAdminSelectWidget
    )
    state = forms.ChoiceField(
        choices=[("", "All"), ("installed", "Installed"), ("uninstalled", "Uninstalled")],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )
    format = forms.ChoiceField(
        choices=[("csv", "CSV, for spreadsheets"), ("jsonl", "JSON lines, for programs")],
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        min_length=3,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="For the record: a ticket, or a few words. The file holds names and e-mail addresses.",
    )

    def rows(self) -> InstallationQuerySet:
        """Return the installations that were asked for."""
        rows, data = Installation.objects.all(), self.cleaned_data
        rows = rows.filter(app=data["app"]) if data["app"] else rows
        installed = Q(uninstalled_at=None)
        return rows.filter({"installed": installed, "uninstalled": ~installed}.get(data["state"], Q()))


def answer(model_admin: AuditedAdmin, request: HttpRequest) -> HttpResponseBase:
    """Ask for what; on a POST with a reason, stream it."""
    form = ExportForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _file(request, form)
    site = model_admin.admin_site.each_context(request)
    context = {**site, "title": "Export everything", "opts": model_admin.opts, "form": form}
    return TemplateResponse(request, "admin/steering/export.html", context)


def _file(request: HttpRequest, form: ExportForm) -> StreamingHttpResponse:
    data, kind = form.cleaned_data, form.cleaned_data["format"]
    by, app = access.person_of(request), data["app"]
    changes = {"format": kind, "state": data["state"] or "all"}
    audit.record(by=by, what="exported", target=app, reason=data["reason"], request=request, changes=changes)
    lines = sheets.FORMATS[kind](export.NAMES, export.rows(form.rows()))
    file = StreamingHttpResponse(lines, content_type=_TYPES[kind])
    file.headers["Content-Disposition"] = f'attachment; filename="installations.{kind}"'
    return file
