"""Pages of the house itself: health, and what is shown when something is missing, refused or down."""

import logging
import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from ecwidhub import readiness

log = logging.getLogger(__name__)


def _page(name: str, status: int, **context: object) -> HttpResponse:
    # Rendered without the request: these pages must not touch session or database.
    return HttpResponse(render_to_string(f"errors/{name}.html", context), status=status)


def unavailable(request: HttpRequest) -> HttpResponse:
    """Say that we are down for a moment, in a page that needs no database."""
    log.warning("database_unavailable", exc_info=sys.exc_info()[0] is not None)
    response = _page("503", 503)
    response.headers["Retry-After"] = "15"
    if request.method == "GET":  # a form would come back as a GET to an address that takes none
        response.headers["Refresh"] = "15"
    return response


def not_found(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that there is nothing here; the same page whether it never existed or is somebody else's."""
    return _page("404", 404)


def bad_request(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the address or the form was damaged."""
    return _page("400", 400)


def forbidden(_request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that this is not allowed, and who may, where we know."""
    return _page("403", 403, words=str(exception))


def csrf_failure(_request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that the form came from a page that is too old, or from somewhere else."""
    return _page("csrf", 403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say that we failed; a database that went away in the middle is a 503, not a 500."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return unavailable(request)
    return _page("500", 500)


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Say that the process is up, whatever else may be down."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say whether requests can be served: 200, or 503 with the reason; what only hampers is said either way."""
    found = readiness.look()
    answer = {"ready": not found.problems, "problems": found.problems, "warnings": found.warnings}
    return JsonResponse(answer, status=503 if found.problems else 200)
