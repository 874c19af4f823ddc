"""Our own start of the OAuth flow, and the plain link behind "Open app"."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts.models import Store, User
from installs.ecwid import oauth
from installs.models import AppRegistration, ConnectState, InstallAttempt
from installs.views import answers

_BROWSER_LIFE = timedelta(hours=1)


@require_GET
def connect(request: HttpRequest, client_id: str) -> HttpResponse:
    """Send the merchant to Ecwid's consent page with a one-time `state` bound to this browser.

    It doubles as "reconnect". Only a person's click leads here, never a redirect of ours, so there is no loop.
    Source: contract §2.3.
    """
    app = AppRegistration.objects.enabled().filter(client_id=client_id).first()
    if app is None:
        return answers.page(request, answers.ANSWERS[InstallAttempt.Outcome.UNKNOWN_APP])
    browser = request.COOKIES.get(settings.BROWSER_COOKIE_NAME, "")
    browser = browser if 32 <= len(browser) <= 64 else secrets.token_urlsafe(32)
    state = ConnectState.issue(app, browser)
    response = HttpResponseRedirect(oauth.authorize_url(app.oauth_client(), app.asked_scopes, state), status=303)
    response.set_cookie(
        settings.BROWSER_COOKIE_NAME,
        browser,
        max_age=_BROWSER_LIFE,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_GET
def open_app(request: HttpRequest, client_id: str) -> HttpResponse:
    """Take a signed-in merchant to their store with this app, anybody else to sign in.

    Ecwid's "Open app" link carries no identity (contract §1.1), so only our own session can tell who this is.
    """
    if not isinstance(request.user, User):
        return redirect(f"{reverse('sign-in')}?next={request.path}")
    stores = Store.objects.of(request.user).filter(installations__app__client_id=client_id)[:2]
    return redirect("store", stores[0].store_id) if len(stores) == 1 else redirect("home")
