"""What every answer inside the store's admin has in common: who may frame it, what it may load, and the refusal."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from csp.constants import SELF
from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from installs.models import AppRegistration
from installs.views.panels import Request

P = ParamSpec("P")


def framed(view: Callable[Concatenate[Request, AppRegistration, P], HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Make `view` a door of an app's native page: the app's admins may frame it, and it knows no cookie.

    Without cookies there is nothing that another site could use in a merchant's name, hence no CSRF token.
    Source: contract §8.3
    """

    @csrf_exempt
    @xframe_options_exempt
    @wraps(view)
    def door(request: Request, client_id: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        app = AppRegistration.objects.filter(client_id=client_id, enabled=True).first()
        response = view(request, app, *args, **kwargs) if app else refused(request, client_id)
        # The address that was opened holds the payload: it must reach neither another host nor a cache.
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        policy = {
            "frame-ancestors": app.frame_ancestors() if app else settings.ECWID_ADMIN_ORIGINS,
            "script-src": [SELF, settings.ECWID_APP_SDK_URL],
        }
        return csp_replace(policy)(lambda _: response)(request)

    return door


def refused(request: HttpRequest, client_id: str) -> HttpResponse:
    """Refuse: the same page for every reason, so that nobody learns which check failed."""
    return page(request, "refused", {"client_id": client_id}, status=403)


def page(request: HttpRequest, name: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render a whole page that greets the admin when it loads; `context` names the `client_id` (contract §8.6)."""
    return render(request, f"native/{name}.html", {"sdk": settings.ECWID_APP_SDK_URL} | context, status=status)
