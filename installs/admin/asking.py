"""Asking before a deed: what will happen to how many, to how many not and why, and what for. Then a job is ordered."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from accounts import access, audit, doorbell, step_up
from accounts.admin import AuditedAdmin
from installs import tasks
from installs.actions import deeds, jobs
from installs.models import Job

_AT_ONCE = 100  # rows that need no network are done before the page answers
_PATIENCE = 2.0
_LOGGED = 100  # rows that get a line of their own in their history; a job's page lists them all


class ReasonForm(forms.Form):
    """Why, and a proof that the operator saw what will happen."""

    reason = forms.CharField(
        min_length=3,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True, "autocomplete": "off"}),
        help_text="For the record: a ticket, or a few words.",
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, deed: deeds.Deed, preview: deeds.Preview, data: Any = None) -> None:
        super().__init__(data, initial={"seen": preview.will})
        self._will = preview.will
        if deed.grave and preview.will > 1:
            self.fields["typed"] = forms.IntegerField(
                label=f"Type {preview.will} to confirm",
                widget=UnfoldAdminIntegerFieldWidget(attrs={"autocomplete": "off"}),
            )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("seen", self._will) < self._will:
            # What the page said is no longer true; shown again with the numbers of now.
            self.data = {**self.data, "seen": str(self._will)}
            raise forms.ValidationError("More rows than you saw would be affected. Look again.")
        if "typed" in self.fields and data.get("typed") not in (None, self._will):
            self.add_error("typed", f"That is not {self._will}.")
        return data


@dataclass(frozen=True)
class Question:
    """A deed asked for, and where. `carried` are the fields that name the rows once more."""

    deed: deeds.Deed
    rows: QuerySet[Any]
    back: str
    carried: tuple[tuple[str, str], ...] = ()


def ask(model_admin: ModelAdmin, request: HttpRequest, question: Question) -> HttpResponse:
    """Show what will happen; on a POST that confirms it with a reason, order it and go where it can be watched."""
    preview = deeds.preview(deed=question.deed, rows=question.rows)
    data = request.POST.dict() if "confirmed" in request.POST else None
    form = ReasonForm(question.deed, preview, data)
    if question.deed.grave:
        step_up.ask(form, request)
    if preview.will and form.is_valid() and step_up.passed(form, request):
        return _ordered(request, question, form.cleaned_data["reason"])
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question.deed.title,
        "opts": model_admin.opts,
        "deed": question.deed,
        "preview": preview,
        "only": question.rows.first() if preview.total == 1 else None,
        "form": form,
        "back": question.back,
        "carried": question.carried,
    }
    return TemplateResponse(request, "admin/steering/ask.html", context)


def _ordered(request: HttpRequest, question: Question, reason: str) -> HttpResponse:
    job = deeds.order(deed=question.deed, rows=question.rows, reason=reason, by=access.person_of(request))
    _log(request, question, job)
    if not question.deed.network and job.total <= _AT_ONCE:
        jobs.work(job_id=job.pk, seconds=_PATIENCE)
        doorbell.ring(tasks.sweep)  # what it made due need not wait for the schedule
    else:
        doorbell.ring(tasks.job, job.pk)
    job.refresh_from_db()
    if job.total == 1 and job.is_over and not question.deed.answers:
        words = f"{question.deed.title}: {job.items.get().words}."
        (messages.success if job.done else messages.warning)(request, words)
        return redirect(question.back)
    return redirect(reverse("admin:installs_job_change", args=[job.pk]))


def _log(request: HttpRequest, question: Question, job: Job) -> None:
    """Put the deed on record."""
    by = access.person_of(request)
    audit.record(by=by, what=job.title, target=job, reason=job.reason, request=request, changes={"rows": job.total})
    if job.total <= _LOGGED:
        rows = question.deed.model._default_manager.filter(pk__in=job.items.values("target"))
        audit.record_each(by=by, what=f"{job.title} (job {job.pk})", targets=rows, reason=job.reason, request=request)


class Steered(AuditedAdmin):
    """A list of rows that operators may have deeds done to: to those chosen in the list, or to one on its own page.

    The first two of `offers` have a button of their own there, the others share one.
    """

    offers: tuple[str, ...] = ()
    actions_detail: tuple[Any, ...] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods = []
        for name in cls.__dict__.get("offers", ()):
            methods.append(f"{name.replace('-', '_')}_here")
            setattr(cls, methods[-1], _button(deeds.DEEDS[name]))
        more = [{"title": "More", "items": methods[2:]}] if methods[2:] else []
        cls.actions_detail = (*methods[:2], *more, *cls.actions_detail)

    def may(self, request: HttpRequest, deed: deeds.Deed) -> bool:
        """Tell whether who asks may have this done."""
        return bool(getattr(self, f"has_{deed.right}_permission")(request))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        chosen = super().get_actions(request)
        if IS_POPUP_VAR in request.GET:
            return chosen
        offered = (deeds.DEEDS[name] for name in self.offers)
        return chosen | {d.name: (partial(_choose, d), d.name, d.title) for d in offered if self.may(request, d)}

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Leave out the buttons that would do nothing to this row."""
        shown = super().get_actions_detail(request, object_id)
        idle = self._idle(object_id)
        return [button for button in shown if button.path not in idle]

    def _idle(self, object_id: Any) -> set[str]:
        whys = {
            f"why_{at}": Case(
                *(When(condition, then=Value(True)) for condition in deeds.DEEDS[name].refusals().values()),
                default=Value(False),
            )
            for at, name in enumerate(self.offers)
        }
        row = self.model._default_manager.filter(pk=object_id).values_list(*whys.values()).first()
        return {name for name, idle in zip(self.offers, row or (), strict=False) if idle}


def _choose(deed: deeds.Deed, model_admin: Steered, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse:
    """Ask about the rows chosen in a list, or all that its filters leave."""
    if not model_admin.may(request, deed):
        raise PermissionDenied
    names = ("action", "select_across", "index", ACTION_CHECKBOX_NAME)
    carried = tuple((name, value) for name in names for value in request.POST.getlist(name))
    return ask(model_admin, request, Question(deed, rows, request.get_full_path(), carried))


def _button(deed: deeds.Deed) -> Any:
    """Make the button of a deed on a row's own page. Following it changes nothing; only the answer to its page does."""

    def here(model_admin: Steered, request: HttpRequest, object_id: str) -> HttpResponse:
        rows = model_admin.model._default_manager.filter(pk=object_id)
        opts = model_admin.opts
        back = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[object_id])
        return ask(model_admin, request, Question(deed, rows, back))

    here.__name__ = f"{deed.name.replace('-', '_')}_here"
    variant = ActionVariant.DANGER if deed.grave else ActionVariant.DEFAULT
    make = action(description=deed.title, url_path=deed.name, permissions=[deed.right], icon=deed.icon, variant=variant)
    return make(here)
