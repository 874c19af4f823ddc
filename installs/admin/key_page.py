"""The page of the encryption keys: which is in use and where, which may go, and having everything sealed anew."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import access, audit, doorbell, sealing, step_up
from accounts.admin import AuditedAdmin
from installs import keys, tasks
from installs.actions import rotate
from installs.models import Job


class ReasonForm(forms.Form):
    """What the rotation is for."""

    reason = forms.CharField(
        min_length=3,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="For the record: a ticket, or a few words.",
    )


@dataclass(frozen=True)
class Key:
    """One key, by its id; the key itself is never shown."""

    id: str
    words: str
    colour: str
    places: dict[str, int]


def answer(model_admin: AuditedAdmin, request: HttpRequest) -> HttpResponse:
    """Show the keys; on a POST with a reason, order a rotation."""
    known = _keys()
    form = ReasonForm(request.POST if request.method == "POST" else None)
    step_up.ask(form, request)
    if form.is_valid() and step_up.passed(form, request):
        by = access.person_of(request)
        job = rotate.order(reason=form.cleaned_data["reason"], by=by)
        audit.record(by=by, what=job.title, target=job, reason=job.reason, request=request)
        doorbell.ring(tasks.job, job.pk)
        return redirect(reverse("admin:installs_job_change", args=[job.pk]))
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": "Encryption keys",
        "opts": model_admin.opts,
        "keys": known,
        "left": sum(sum(key.places.values()) for key in known),
        "under_way": Job.objects.open().filter(kind=rotate.KIND).first(),
        "form": form,
    }
    return TemplateResponse(request, "admin/steering/keys.html", context)


def _keys() -> list[Key]:
    configured, newest = sealing.key_ids(), sealing.current_key_id()
    missing = [key for key in keys.in_use() if key not in configured]
    found = [Key(newest, "seals everything new", "success", {})]
    for key in [*configured[1:], *missing]:
        places = keys.counts(key)
        if key in missing:
            found.append(Key(key, "missing: put it back at the end of TOKEN_KEYS", "danger", places))
        elif places:
            found.append(Key(key, "in use, must stay", "warning", places))
        else:
            found.append(Key(key, "may be removed from TOKEN_KEYS", "success", places))
    return found
