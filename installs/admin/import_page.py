"""The page where installations are taken over from a file."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts import access, audit, doorbell
from accounts.admin import AuditedAdmin
from installs import manifests, tasks, uploads
from installs.actions import takeover
from installs.models import AppRegistration, Job


class ImportForm(forms.Form):
    """Which file, for which app, and whether only to try."""

    app = forms.ModelChoiceField(AppRegistration.objects.all(), widget=UnfoldAdminSelectWidget)
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        error_messages={"required": "There is no file, or it is too large."},
        help_text=f"At most {uploads.LARGEST // 2**20} MB, CSV or JSON. It is kept nowhere; its tokens are sealed at "
        "once and wiped line by line. Delete your own copy afterwards.",
    )
    dry_run = forms.BooleanField(
        label="Only try",
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        help_text="Every token is probed, nothing is saved, and the report says what would be.",
    )
    reason = forms.CharField(
        min_length=3,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="For the record: a ticket, or a few words.",
    )


def answer(model_admin: AuditedAdmin, request: HttpRequest) -> HttpResponse:
    """Take a file and order the job; its page tells what comes of every line."""
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        try:
            return _ordered(request, form)
        except manifests.Unreadable as error:
            form.add_error("file", str(error))
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": "Take over installations",
        "opts": model_admin.opts,
        "form": form,
    }
    return TemplateResponse(request, "admin/steering/import.html", context)


def _ordered(request: HttpRequest, form: ImportForm) -> HttpResponse:
    data, by = form.cleaned_data, access.person_of(request)
    job: Job = takeover.order(
        app=data["app"], content=data["file"].read(), dry_run=data["dry_run"], reason=data["reason"], by=by
    )
    changes = {"rows": job.total, "dry_run": data["dry_run"]}
    audit.record(by=by, what=job.title, target=job, reason=job.reason, request=request, changes=changes)
    doorbell.ring(tasks.job, job.pk)
    return redirect(reverse("admin:installs_job_change", args=[job.pk]))
