"""Step-up: before what cannot be taken back, an operator shows once more that it is them.

Whoever finds a session open, or has stolen one, may look about in it. They may not disconnect, erase, replace a secret
or make themselves another way in, unless the second factor was shown in the last quarter of an hour. Wrong tries count
to the lock-out at the door. The word is OAuth's: https://www.rfc-editor.org/rfc/rfc9470
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts import access, audit, lockout, operators, second_factor
from accounts.models import OperatorSignIn

FIELD = "code"
CONFIRMED = "confirmed who they are"
_WRONG = "That is not right, or it came too soon after a wrong one. Wait for the next code."
_MISSING = "Show that it is you: enter what the authenticator app shows now, or a recovery code."


class _Once(UnfoldAdminTextInputWidget):
    """An input that never shows again what was typed: a recovery code is a secret, and a wrong code is of no use."""

    def format_value(self, value: Any) -> None:
        return None


def field(help_text: str = "The last time is a while ago, so show once more that it is you.") -> forms.CharField:
    """Return the field for what the authenticator shows, or a recovery code."""
    return forms.CharField(
        label="Code of your authenticator app, or a recovery code",
        max_length=30,
        required=False,
        widget=_Once({"autocomplete": "one-time-code", "spellcheck": "false"}),
        help_text=help_text,
    )


def ask(form: forms.BaseForm, request: HttpRequest) -> None:
    """Add that field to a form, unless the second factor was shown lately."""
    if not operators.is_fresh(request):
        form.fields[FIELD] = field()


def passed(form: forms.BaseForm, request: HttpRequest) -> bool:
    """Tell whether what a valid form asks for may be done; if not, the form says why.

    A form without the field was not asked to bring one. A code is used up by it, so ask this last.
    """
    if FIELD not in form.fields:
        return True
    fault = _fault(request, form.cleaned_data[FIELD])
    if fault:
        form.add_error(FIELD, fault)
        return False
    del form.fields[FIELD]  # it is nobody's value, and the trail of what a form changed need not name it
    return True


def _fault(request: HttpRequest, code: str) -> str:
    """Return what is wrong with a code; "" once it has confirmed who is there."""
    if not code:
        return _MISSING
    person = access.person_of(request)
    attempt, wait = lockout.begin(request, person.username)
    if wait:
        return f"There were too many wrong tries. Please wait {lockout.words(wait)}."
    authenticator, recovered = second_factor.verify(person, code)
    if authenticator is None:
        attempt.ended(OperatorSignIn.Outcome.CODE, person)
        return _WRONG
    attempt.ended(OperatorSignIn.Outcome.CONFIRMED, person)
    operators.prove(request)
    what = f"{CONFIRMED}, with a recovery code" if recovered else CONFIRMED
    audit.record(by=person, what=what, target=person, request=request)
    return ""


class Asked(forms.BaseModelForm):  # type: ignore[type-arg]  # of any model
    """A form with that field, which is saved once what is in it is right. Everything else is checked before."""

    request: HttpRequest

    def clean(self) -> dict[str, Any] | None:
        data = super().clean()
        if not self.errors:
            passed(self, self.request)
        return data


def before(*methods: str) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Make a view send whoever has not shown their second factor lately to the page that asks, by these methods."""

    def guard(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method in methods and not operators.is_fresh(request):
                return away(request)
            return view(request, *args, **kwargs)

        return guarded

    return guard


def away(request: HttpRequest) -> HttpResponse:
    """Lead to the page that asks, and from there back to this one."""
    return redirect(f"{reverse('admin:step-up')}?{urlencode({'next': request.get_full_path()})}")
