"""Passkeys: made and kept on the account's page, and the quick way in on the sign-in page."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_POST

from accounts import access, browsers, links, passkeys, sign_in
from accounts.forms import PasskeyForm
from accounts.models import Bucket, Passkey, User
from accounts.views import answers, signing_in

_HOUR = timedelta(hours=1)


@require_POST
def sign_in_options(request: HttpRequest) -> HttpResponse:
    """Give the page's script what its browser needs to sign in with a passkey."""
    if not Bucket.take("passkey client", sign_in.client_of(request), size=60, refill=_HOUR):
        return HttpResponse(status=429)
    return _options(*passkeys.request_options())


@require_POST
def sign_in_with(request: HttpRequest) -> HttpResponse:
    """Sign in whom a passkey's answer shows; every refusal is the same page, which still offers the mailed link."""
    client = Bucket.take("passkey answer", sign_in.client_of(request), size=20, refill=_HOUR)
    then = links.local(request.GET.get("next", ""))
    try:
        person = passkeys.sign_in(answer=_answer(request), seal=_seal(request)) if client else None
    except passkeys.Refused as refusal:
        passkeys.log.warning("passkey_refused", extra={"reason": str(refusal)})
        person = None
    if person is None:
        return _without_seal(signing_in.page(request, status=403, refused=True))
    sign_in.sign_in(request, person)
    return _without_seal(answers.see_other(then or reverse("home")))


@require_POST
@login_required
def creation_options(request: HttpRequest) -> HttpResponse:
    """Give the page's script what its browser needs to make a passkey for this account."""
    person = _whole(request)
    if not Bucket.take("passkey person", str(person.pk), size=20, refill=_HOUR):
        return HttpResponse(status=429)
    return _options(*passkeys.creation_options(person))


@require_POST
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """Take over a passkey that this account's browser has made, and tell the account's address."""
    person = _whole(request)
    name = browsers.name(request.headers.get("User-Agent", ""))
    try:
        letter = passkeys.add(
            person=person, answer=_answer(request), seal=_seal(request), name=name, language=get_language() or ""
        )
    except passkeys.Refused as refusal:
        passkeys.log.warning("passkey_refused", extra={"person": person.pk, "reason": str(refusal)})
        return _without_seal(_done("no-passkey"))
    answers.ring([letter] if letter else [])
    return _without_seal(_done("passkey"))


@require_POST
@login_required
def rename(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Give a passkey another name."""
    passkey = _own(request, passkey_id)
    form = PasskeyForm(request.POST)
    if form.is_valid():  # what does not fit leaves the name as it is
        Passkey.objects.filter(pk=passkey.pk).update(name=form.cleaned_data["name"])
    return _done("passkey-name")


@require_POST
@login_required
def remove(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Remove a passkey: whoever holds that device comes in by mail, as everybody may."""
    _own(request, passkey_id).delete()
    return _done("passkey-gone")


def _own(request: HttpRequest, passkey_id: int) -> Passkey:
    return get_object_or_404(_whole(request).passkeys, pk=passkey_id)


def _whole(request: HttpRequest) -> User:
    person = access.person_of(request)
    if not access.is_whole(person):
        raise PermissionDenied(gettext("To see or change your passkeys, sign in with your e-mail address first."))
    return person


def _answer(request: HttpRequest) -> str:
    return request.POST.get("answer", "")


def _seal(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.PASSKEY_COOKIE_NAME, "")


def _options(options: str, seal: str) -> HttpResponse:
    response = HttpResponse(options, content_type="application/json")
    response.set_cookie(
        settings.PASSKEY_COOKIE_NAME,
        seal,
        max_age=passkeys.LIFE,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Strict",
    )
    return response


def _without_seal(response: HttpResponse) -> HttpResponse:
    response.delete_cookie(settings.PASSKEY_COOKIE_NAME, samesite="Strict")
    return response


def _done(what: str) -> HttpResponse:
    return answers.see_other(f"{reverse('account')}?done={what}#passkeys")
