"""Signing in by a mailed link, and out."""

from datetime import timedelta

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_required
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from accounts import access, doorbell, languages, links, sign_in, tasks
from accounts.forms import SignInForm
from accounts.models import Bucket, SignInRequest, Store, User
from accounts.views import answers

_HOUR = timedelta(hours=1)


@require_http_methods(["GET", "POST"])
def ask_for_link(request: HttpRequest) -> HttpResponse:
    """Ask for an e-mail address and always answer the same, whether anybody has it or not."""
    then = links.local(request.GET.get("next", ""))
    if request.user.is_authenticated:
        return redirect(then or "home")
    if "HX-Request" in request.headers:  # a page whose session ended while it was open: leave it as a whole
        return HttpResponseClientRedirect(request.get_full_path())
    form = SignInForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return page(request, 422 if form.is_bound else 200, form=form)
    email = form.cleaned_data["email"]
    _mail_link(request, email, then)
    return render(request, "accounts/link_sent.html", {"email": email, "minutes": settings.SESAME_MAX_AGE // 60})


def page(request: HttpRequest, status: int = 200, **shown: object) -> HttpResponse:
    """Show both ways in, by mail and by passkey; either leads on to where the merchant wanted to go."""
    context = {"form": SignInForm(), "then": links.local(request.GET.get("next", ""))}
    return render(request, "accounts/sign_in.html", context | shown, status=status)


@require_POST
@login_required
def ask_for_own_link(request: HttpRequest) -> HttpResponse:
    """Mail a link to the account's own address, for a session that is about one store only.

    The page does not tell the address: whoever is here may be anybody that the store's admin lets in.
    """
    person = access.person_of(request)
    if person.email:
        _mail_link(request, person.email.lower(), reverse("account"))
    return render(request, "accounts/link_sent.html", {"minutes": settings.SESAME_MAX_AGE // 60})


def _mail_link(request: HttpRequest, email: str, then: str) -> None:
    client = Bucket.take("sign-in client", sign_in.client_of(request), size=20, refill=_HOUR)
    if client and Bucket.take("sign-in address", email, size=5, refill=_HOUR):
        asked = SignInRequest.objects.create(email=email, next=then, language=languages.spoken(), due_at=Now())
        doorbell.ring(tasks.send_sign_in_link, asked.pk)


@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest) -> HttpResponse:
    """Open a mailed link: name what it opens, and sign in by a click, because mail scanners open links too."""
    token = request.GET.get(settings.SESAME_TOKEN_NAME, "")
    person = links.use(token) if request.method == "POST" else links.person_of(token)
    if person is None:
        return answers.dead_link(request, "link_dead")
    if request.method == "GET":
        context = {"person": person, "stores": links.stores_of(person), "here": _stores_here(request)}
        return answers.without_referrer(render(request, "accounts/link.html", context))
    sign_in.sign_in(request, person)
    return answers.without_referrer(redirect(links.local(request.GET.get("next", "")) or "home"))


def _stores_here(request: HttpRequest) -> list[Store]:
    """Return some of the stores that whoever is signed in here sees."""
    return list(Store.objects.of(request.user).by_name()[:5]) if isinstance(request.user, User) else []


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session, and this browser's way back to an install it made."""
    auth.logout(request)
    response = render(request, "accounts/signed_out.html")
    response.delete_cookie(settings.ATTEMPT_COOKIE_NAME)
    return response
