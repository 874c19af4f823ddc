"""The web server's entry: `gunicorn ecwidhub.wsgi`."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")

_django = get_wsgi_application()

from django.conf import settings  # noqa: E402  after Django is set up, so that a missing variable is named once
from django.urls import resolve  # noqa: E402

from installs import keys  # noqa: E402

keys.require_at_start()
resolve("/healthz")  # has every address and its view loaded now, before processes fork, and not by the first visitor


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve one request.

    Whether the internet reaches us by HTTPS is a fact of SITE_URL. Taking it from there means that no
    X-Forwarded-Proto header, which anyone can send, is ever believed.
    """
    if settings.HTTPS:
        environ["wsgi.url_scheme"] = "https"
    return _django(environ, start_response)
