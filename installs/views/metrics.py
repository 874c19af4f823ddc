"""The door for Prometheus: what was counted by all processes, and how things stand."""

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from installs import counters
from installs.actions.gauges import Gauges

gauges = Gauges()


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer a scrape that brings METRICS_TOKEN as a bearer token. Without such a token set, nothing is here.

    The address a request comes from proves nothing behind a reverse proxy, so there is no exception for this machine.
    """
    if not settings.METRICS_TOKEN:
        raise Http404
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), _expected()):
        answer = HttpResponse("a bearer token is needed\n", status=401, content_type="text/plain")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=counters.folder())  # type: ignore[no-untyped-call]
    registry.register(gauges)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _expected() -> bytes:
    return f"Bearer {settings.METRICS_TOKEN}".encode()
