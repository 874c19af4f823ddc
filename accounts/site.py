"""The admin's site: closed to a password alone."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from accounts.models import OperatorSignIn, User
from accounts.views import looks, operators


class OperatorsSite(UnfoldAdminSite):
    """Opens to active operators who passed the second step."""

    def has_permission(self, request: HttpRequest) -> bool:
        person = request.user
        inside = isinstance(person, User) and person.is_active and person.is_staff
        return inside and getattr(person, "otp_device", None) is not None

    def extra_urls(self) -> list[URLPattern]:
        return [
            path("second-step/", operators.second_step, name="second-step"),
            path("enrol/", operators.enrol, name="enrol"),
            path("support-view/<int:pk>/", self.admin_view(looks.ask), name="support-view"),
            path("step-up/", self.admin_view(operators.step_up_page), name="step-up"),
            path("second-factor/", self.admin_view(operators.second_factor_page), name="second-factor"),
        ]

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return operators.password(request)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.method == "POST" and isinstance(request.user, User):
            OperatorSignIn.of(request, request.user.username).ended(OperatorSignIn.Outcome.OUT, request.user)
        answer: HttpResponse = super().logout(request, extra_context)
        return answer
