"""Operators' way in: the password, the second step, and setting that up."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import access, audit, lockout, operators, second_factor, step_up
from accounts.forms import CodeForm
from accounts.models import Authenticator, OperatorSignIn, Session, User

_GET_POST = require_http_methods(["GET", "POST"])
_OUTCOMES = OperatorSignIn.Outcome


@sensitive_post_parameters("password")
@_GET_POST
def password(request: HttpRequest) -> HttpResponse:
    """Ask for name and password. Right ones lead to the second step and sign nobody in."""
    if request.method == "GET" and admin.site.has_permission(request):
        return HttpResponseRedirect(_next(request))
    form_class: Any = admin.site.login_form
    form = form_class(request, data=request.POST or None)
    if request.method == "POST":
        attempt, wait = lockout.begin(request, request.POST.get("username", ""))
        if wait:
            return _locked(request, wait)
        if form.is_valid():
            attempt.ended(_OUTCOMES.HALF, form.get_user())
            operators.let_half_in(request, form.get_user())
            return _on(request, "second-step")
        attempt.ended(_OUTCOMES.PASSWORD)
    return _page(request, "admin/login.html", "Sign in", form=form, app_path=request.get_full_path())


@sensitive_post_parameters("code")
@_GET_POST
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for what the authenticator shows, or for a recovery code; whoever has none yet sets it up."""
    person = operators.half_in(request)
    if person is None:
        return _on(request, "login")
    if second_factor.authenticator_of(person) is None:
        return _on(request, "enrol")
    form = CodeForm(request.POST or None)
    if form.is_valid():
        attempt, wait = lockout.begin(request, person.username)
        if wait:
            return _locked(request, wait)
        authenticator, recovers = second_factor.verify(person, form.cleaned_data["code"])
        if authenticator:
            attempt.ended(_OUTCOMES.RECOVERED if recovers else _OUTCOMES.IN, person)
            return _let_in(request, person, authenticator, recovers)
        attempt.ended(_OUTCOMES.CODE, person)
        form.add_error("code", "That is not right, or it came too soon after a wrong one. Wait for the next code.")
    return _page(request, "admin/operators/second_step.html", "Second step", form=form, person=person)


def _let_in(request: HttpRequest, person: User, authenticator: Authenticator, recovered: bool) -> HttpResponse:
    where = _next(request)
    operators.let_in(request, person, authenticator)
    if recovered:
        audit.record(by=person, what="signed in with a recovery code", target=person, request=request)
        left = person.recovery_codes.filter(used_at=None).count()
        messages.warning(request, f"That recovery code is used up; {left} are left. Lost the device? Set up another.")
        where = reverse("admin:second-factor")
    return HttpResponseRedirect(where)


@sensitive_post_parameters("code")
@_GET_POST
def enrol(request: HttpRequest) -> HttpResponse:
    """Set up an authenticator: the first one after the password, another one from inside the admin."""
    inside = admin.site.has_permission(request)
    person = access.person_of(request) if inside else operators.half_in(request)
    if person is None:
        return _on(request, "login")
    if inside and not operators.is_fresh(request):
        return step_up.away(request)  # whoever found the session open must not take the account over
    if not inside and second_factor.authenticator_of(person):
        return _on(request, "second-step")  # the one there is has to be shown before another may take its place
    form = CodeForm(request.POST or None, enrolling=True)
    if form.is_valid():
        codes = second_factor.take_up(person, form.cleaned_data["code"])
        if codes:
            return _enrolled(request, person, codes, first=not inside)
        form.add_error("code", "That is not what the app shows now. Is the clock of your device right?")
    offered = second_factor.offered_to(person)
    shown = {"picture": second_factor.picture(offered), "seed": offered.seed, "local": _is_local(), "inside": inside}
    return _page(request, "admin/operators/enrol.html", "Set up the second step", form=form, person=person, **shown)


def _enrolled(request: HttpRequest, person: User, codes: list[str], *, first: bool) -> HttpResponse:
    """Let in, and show the recovery codes this once. Other sessions of theirs were opened by what is gone now."""
    where = _next(request)
    authenticator = second_factor.authenticator_of(person)
    assert authenticator is not None  # noqa: S101  just taken up
    operators.let_in(request, person, authenticator)
    Session.objects.filter(user=person).exclude(pk=request.session.session_key or "").delete()
    if first:
        OperatorSignIn.of(request, person.username).ended(_OUTCOMES.ENROLLED, person)
    audit.record(by=person, what="set up a second factor", target=person, request=request)
    return _page(request, "admin/operators/codes.html", "Recovery codes", codes=codes, next=where)


@step_up.before("POST")
@_GET_POST
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Show an operator's own second factor; a POST makes new recovery codes and shows them this once."""
    person = access.person_of(request)
    if request.method == "POST":
        codes = second_factor.renew_codes(person)
        audit.record(by=person, what="made new recovery codes", target=person, request=request)
        return _page(request, "admin/operators/codes.html", "Recovery codes", codes=codes, next=reverse("admin:index"))
    left = person.recovery_codes.filter(used_at=None).count()
    authenticator = second_factor.authenticator_of(person)
    return _page(request, "admin/operators/second_factor.html", "Second factor", authenticator=authenticator, left=left)


@sensitive_post_parameters("code")
@_GET_POST
def step_up_page(request: HttpRequest) -> HttpResponse:
    """Ask once more for the second factor, then go on to where it was wanted."""
    form = CodeForm(request.POST or None)
    if form.is_valid() and step_up.passed(form, request):
        return HttpResponseRedirect(_next(request))
    return _page(request, "admin/operators/step_up.html", "Is it you?", form=form)


def _locked(request: HttpRequest, wait: timedelta) -> HttpResponse:
    """Say how long to wait; the same for every name, whether there is somebody of that name or not."""
    answer = _page(request, "admin/operators/locked.html", "Too many tries", wait=lockout.words(wait))
    answer.status_code = 429
    answer.headers["Retry-After"] = str(max(round(wait.total_seconds()), 1))
    return answer


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    status = 422 if getattr(context.get("form"), "errors", None) else 200
    shown = {**admin.site.each_context(request), "title": title, "next": _next(request), **context}
    return TemplateResponse(request, template, shown, status=status)


def _on(request: HttpRequest, step: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse(f'admin:{step}')}?{urlencode({'next': _next(request)})}")


def _next(request: HttpRequest) -> str:
    """Return the page of the admin somebody was on the way to; never anywhere else."""
    wanted, home = request.GET.get("next", ""), reverse("admin:index")
    here = wanted.startswith(home) and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if here and not wanted.startswith(reverse("admin:login")) else home


def _is_local() -> bool:
    """Tell whether this serves one machine only, whose user may ask the command line for a code."""
    return settings.SITE_URL.startswith(("http://localhost:", "http://127.0.0.1:"))
