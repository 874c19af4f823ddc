"""Who asks, which of their stores this browser may see, and which language they read."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import SimpleLazyObject

from accounts import audit, languages, operators, support
from accounts.models import User
from accounts.sessions import STORE
from accounts.views import looks

_OPERATORS = "/admin/"  # speaks English only


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Django's own, and the session's store on the person: `Store.objects.of(request.user)` is all a view needs."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        found = request.user

        def confined() -> User | AnonymousUser:
            if not isinstance(found, User):
                return found
            if found.is_staff and operators.is_over(request):
                request.session.flush()
                return AnonymousUser()
            found.confined_to = request.session.get(STORE)
            return found

        request.user = SimpleLazyObject(confined)  # type: ignore[assignment]


class Language:
    """Answer in the reader's language, and say which it is. Pages that need no database need none for this, either."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(_OPERATORS):
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        with translation.override(languages.of_browser(request)):
            response = self.get_response(request)
            if response.headers.get("Content-Type", "").startswith("text/html"):
                response.headers.setdefault("Content-Language", languages.spoken())
                patch_vary_headers(response, ("Accept-Language",))
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any) -> None:
        # A door without CSRF protection knows no cookie: nothing about its answer may depend on who is signed in.
        known = settings.SESSION_COOKIE_NAME in request.COOKIES and not getattr(view, "csrf_exempt", False)
        if known and not request.path.startswith(_OPERATORS) and isinstance(request.user, User):
            languages.speak(languages.of_people([request.user]))


class SupportView:
    """Show an operator who looks at a store what its merchant sees, and let nothing be changed that way.

    Only the pages named in SUPPORT_VIEW_PAGES are shown, only by GET: a page nobody thought of is refused.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponseBase | None:
        page = request.resolver_match.url_name if request.resolver_match else None
        known = settings.SESSION_COOKIE_NAME in request.COOKIES and not getattr(view, "csrf_exempt", False)
        if not known or request.path.startswith(_OPERATORS) or page == "end-support-view":
            return None
        looking = support.of(request)
        if looking is None:
            return None
        merchant = support.merchant_of(looking.store)
        if looking.is_over or merchant is None:
            return looks.over(request)
        request.support = looking  # type: ignore[attr-defined]  # the banner on every page
        request.user = merchant
        languages.speak(languages.of_people([merchant]))
        if request.method not in ("GET", "HEAD") or page not in settings.SUPPORT_VIEW_PAGES:
            return looks.refused(request)
        if "HX-Request" not in request.headers:  # what a page fetches by itself is part of that page
            audit.record(
                by=looking.operator, what=f"{support.LOOKED} {request.path}", target=looking.store, request=request
            )
        return None
