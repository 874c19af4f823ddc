"""Who asks, behind proxies: the one place where X-Forwarded-For is read. After it, REMOTE_ADDR is the visitor's."""

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ClientAddress:
    """Put the visitor's address where everything looks for it: rate limits, lock-out, log lines.

    Anybody can send an X-Forwarded-For; each proxy adds the address it was called from at the right. So only the
    entries that our own proxies wrote count, and NUM_PROXIES says how many those are. With 0 none is read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if settings.NUM_PROXIES > 0:
            hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
            # Fewer entries than proxies: whoever this is came around one of them. The connection does not lie.
            address = _address(hops[-settings.NUM_PROXIES]) if len(hops) >= settings.NUM_PROXIES else ""
            request.META["REMOTE_ADDR"] = address or request.META.get("REMOTE_ADDR", "")
        return self.get_response(request)


def _address(entry: str) -> str:
    """Return the address of one entry without the port that some proxies add, "" for what is none."""
    text = entry.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
