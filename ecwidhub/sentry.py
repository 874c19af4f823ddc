"""Sentry, where SENTRY_DSN is set: failures reach it without a secret. Nobody imports this otherwise.

By itself the library sends local variables, queries, headers and what was logged before: codes, payloads and tokens
among them. Here an event keeps its traceback, the method and path of its request, and the ids of its story.
"""

from typing import Any

import sentry_sdk
from django.apps import AppConfig
from django.conf import settings

from accounts import story
from ecwidhub import logs

Event = dict[str, Any]


class Sentry(AppConfig):
    """The room that is only there when somebody wants it."""

    name = "ecwidhub.sentry"
    label = "sentry"

    def ready(self) -> None:
        """Report to SENTRY_DSN from now on."""
        sentry_sdk.init(
            settings.SENTRY_DSN,
            before_send=scrub,
            before_send_transaction=_none,
            trace_propagation_targets=[],  # else every request to Ecwid carries our public key
            include_local_variables=False,
            max_breadcrumbs=0,
            max_request_body_size="never",
            send_default_pii=False,
            auto_session_tracking=False,
            send_client_reports=False,
        )


def scrub(event: Any, _hint: Event) -> Any:
    """Return what may leave this machine: everything else goes, and the rest goes through our redaction."""
    kept = {name: value for name, value in event.items() if name not in ("user", "breadcrumbs", "extra", "threads")}
    request = event.get("request") or {}
    kept["request"] = {"method": request.get("method", ""), "url": str(request.get("url", "")).partition("?")[0]}
    kept["tags"] = {name: str(value) for name, value in story.ids().items()}
    for failure in kept.get("exception", {}).get("values", []):
        for frame in (failure.get("stacktrace") or {}).get("frames", []):
            frame.pop("vars", None)
    return logs.redact(kept)


def _none(_event: Any, _hint: Event) -> None:
    """Send no transaction: its spans hold queries."""
