"""What every answer needs: security headers, and a plain 503 where the database does not answer."""

import os
from collections.abc import Callable
from typing import cast

from csp.decorators import csp_replace
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware import common
from django.urls import Resolver404, resolve

from accounts import doors, story
from ecwidhub import views

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_POWERS = (
    "accelerometer", "bluetooth", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid",
    "magnetometer", "microphone", "midi", "payment", "serial", "usb",
)  # fmt: skip
_PERMISSIONS = ", ".join(f"{power}=()" for power in _POWERS)


class Story:
    """Begin the story of each request: every line that belongs to it carries its id, and so does the answer.

    The id is ours. One that came along could be anybody's, and of any length.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = os.urandom(8).hex()
        story.begin(request=name)  # the web server's own line comes after the answer, so this is what ends the last
        response = self.get_response(request)
        response.headers["X-Request-Id"] = name
        return response


class DatabaseDown:
    """Answer 503 with a page that needs no database when a view finds that there is none."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, OperationalError | InterfaceError):
            return views.unavailable(request)
        return None


class Programs:
    """Lead programs to their view by the short way. What comes further in is for people and their browsers.

    Only a POST to an address that ends like a program's door is looked up here, so nobody else's is looked up twice.
    """

    _ends = ("/webhook/", "/webhook")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST" or not request.path_info.endswith(self._ends):
            return self.get_response(request)
        try:
            door = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        if not doors.is_for_programs(door.func):
            return self.get_response(request)
        request.resolver_match = door
        try:
            return cast("HttpResponseBase", door.func(request, *door.args, **door.kwargs))
        except (OperationalError, InterfaceError):
            return views.unavailable(request)


class CommonMiddleware(common.CommonMiddleware):
    """Django's own, which refuses a Host that is not ours; but whoever watches us comes by the address of a machine or
    a container, and what they are told is built from no host."""

    _watched = ("/healthz", "/readyz", "/metrics")

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if request.path_info in self._watched else super().process_request(request)


class SecurityHeaders:
    """Add what Django and django-csp leave open, and relax the policy for the admin and nowhere else."""

    def __init__(self, get_response: GetResponse) -> None:
        self.merchants = get_response
        self.operators: GetResponse = csp_replace(settings.ADMIN_CSP)(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        inside_admin = request.path.startswith("/admin/")
        response = self.operators(request) if inside_admin else self.merchants(request)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        # No other site's page may load ours as an image, a script or a frame's picture and measure what it sees.
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Every page here is about one person and often follows an address that held a code.
        if not response.headers.get("Cache-Control"):
            response.headers["Cache-Control"] = "no-store"
        return response
