"""Operators' sessions: half in after the password, in after the second step, and over after a while."""

import time

import django_otp
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import sign_in
from accounts.models import Authenticator, User

_HALF = "half"  # who gave the right password and is not signed in yet
_TIMES = "operator"  # when the session began and was last used
_PROVEN = "proven"  # when the second factor was last shown inside a session
_PATIENCE = 10 * 60  # seconds between the password and the second step
_GRAIN = 60  # seconds: a session is not written at every click


def let_half_in(request: HttpRequest, person: User) -> None:
    """Remember that the password was right. Nobody is signed in by it."""
    request.session.cycle_key()
    request.session[_HALF] = [person.pk, time.time(), person.get_session_auth_hash()]


def half_in(request: HttpRequest) -> User | None:
    """Return whose second step is awaited here; None when nobody's, or when their password changed meanwhile."""
    pk, at, password = request.session.get(_HALF, (None, 0.0, ""))
    if time.time() - at > _PATIENCE:
        return None
    person = User.objects.filter(pk=pk, is_active=True, is_staff=True).first()
    return person if person and constant_time_compare(person.get_session_auth_hash(), password) else None


def let_in(request: HttpRequest, person: User, authenticator: Authenticator) -> None:
    """Sign an operator in who has passed both steps."""
    request.session.pop(_HALF, None)
    sign_in.sign_in(request, person)
    django_otp.login(request, authenticator)
    request.session[_TIMES] = [time.time(), time.time()]


def prove(request: HttpRequest) -> None:
    """Note that the second factor was shown just now."""
    request.session[_PROVEN] = time.time()


def is_fresh(request: HttpRequest) -> bool:
    """Tell whether the second factor was shown lately, at the door or since."""
    began: float = request.session.get(_TIMES, (0.0,))[0]
    proven: float = request.session.get(_PROVEN, 0.0)
    return time.time() - max(began, proven) < settings.OPERATOR_FRESH.total_seconds()


def is_over(request: HttpRequest) -> bool:
    """Tell whether an operator's session lay idle or lasted too long; else note that it is in use.

    What a page fetches by itself is no use: a page left open would keep its session for ever.
    """
    if _TIMES not in request.session:
        return False  # somebody who also has a store came in by its door, which opens nothing of the admin
    now = time.time()
    began, seen = request.session[_TIMES]
    if now - began > settings.OPERATOR_LONGEST.total_seconds() or now - seen > settings.OPERATOR_IDLE.total_seconds():
        return True
    if now - seen > _GRAIN and "HX-Request" not in request.headers:
        request.session[_TIMES] = [began, now]
    return False
