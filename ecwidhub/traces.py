"""Traces, where OTLP_ENDPOINT is set: a span for each request, task and call to Ecwid. Nobody imports this otherwise.

The ready-made instrumentations put whole addresses into spans, queries included. These spans know routes and endpoints,
and the ids of the story.
"""

import time
from collections.abc import Callable
from typing import Any

from celery import signals
from django.apps import AppConfig
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode

from accounts import story
from installs import counters
from installs.ecwid import wire

_tracer = trace.get_tracer("ecwidhub")
_running: dict[str, tuple[Span, Any]] = {}


class Traces(AppConfig):
    """The room that is only there when somebody wants it."""

    name = "ecwidhub.traces"
    label = "traces"

    def ready(self) -> None:
        """Send spans to OTLP_ENDPOINT from now on."""
        provider = TracerProvider(resource=Resource.create({"service.name": "ecwidhub"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.OTLP_ENDPOINT)))
        trace.set_tracer_provider(provider)
        wire.observe(_called)
        signals.before_task_publish.connect(_rung)
        signals.task_prerun.connect(_begun)
        signals.task_postrun.connect(_ended)


class Requests:
    """A span for each request, named by its route: never by its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with _tracer.start_as_current_span(str(request.method), kind=SpanKind.SERVER) as span:
            response = self.get_response(request)
            route = request.resolver_match.route if request.resolver_match else "unknown"
            span.update_name(f"{request.method} /{route}")
            span.set_attributes({"http.route": route, "http.response.status_code": response.status_code, **_ids()})
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
            return response


def _called(request: wire.Request, result: str, seconds: float) -> None:
    endpoint = counters.endpoint_of(request)
    if endpoint is None:
        return
    now = time.time_ns()
    started = now - round(seconds * 1e9)
    facts = {"ecwid.endpoint": endpoint, "ecwid.result": result, **_ids()}
    span = _tracer.start_span(f"ecwid {endpoint}", kind=SpanKind.CLIENT, start_time=started, attributes=facts)
    span.end(now)


def _rung(headers: dict[str, Any] | None = None, **_: object) -> None:
    """Let a task know whose trace it belongs to."""
    if headers is not None:
        propagate.inject(headers)


def _begun(task_id: str = "", task: Any = None, **_: object) -> None:
    carrier = {"traceparent": task.request.get("traceparent") or ""}
    span = _tracer.start_span(task.name, context=propagate.extract(carrier), kind=SpanKind.CONSUMER)
    _running[task_id] = span, context.attach(trace.set_span_in_context(span))


def _ended(task_id: str = "", state: str = "", **_: object) -> None:
    if task_id in _running:
        span, token = _running.pop(task_id)
        context.detach(token)
        span.set_attributes({"task.state": str(state), **_ids()})
        span.end()


def _ids() -> dict[str, str]:
    return {f"ecwidhub.{name}": str(value) for name, value in story.ids().items()}
