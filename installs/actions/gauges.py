"""Gauges: how things stand when somebody scrapes, asked of the database in a bounded time and kept for some seconds."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError
from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily, Metric

from installs import spool
from installs.actions import vitals, watch
from installs.models import Alert, AppRegistration, Installation, Pulse, Rule, WebhookEvent

KEPT = 5.0  # seconds; several scrapers together ask the database once


class Gauges:
    """What a scrape is told of the rows. One for each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._known: list[Metric] = []

    def collect(self) -> list[Metric]:
        """Return the gauges, at most five seconds old. Without a database there is one: that it is down."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._known = _measure()
                self._until = time.monotonic() + KEPT
            return self._known

    def forget(self) -> None:
        """Ask again at the next look."""
        self._until = 0.0


def _measure() -> list[Metric]:
    up = GaugeMetricFamily("ecwidhub_database_up", "Whether the database answers.")
    try:
        known = [*_work(), *_stores(), *_life()]
    except (DatabaseError, InterfaceError):
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    return [up, *known]


def _work() -> Iterator[Metric]:
    depth = GaugeMetricFamily("ecwidhub_queue_depth", "Rows that are due, counted to 10 000.", labels=["queue"])
    age = GaugeMetricFamily("ecwidhub_queue_age_seconds", "Since when the oldest of them is due.", labels=["queue"])
    for queue in vitals.backlogs():
        depth.add_metric([queue.name], queue.depth)
        age.add_metric([queue.name], queue.age)
    yield from (depth, age)
    dead = watch.dead_letters()[: vitals.COUNTED].count()
    yield GaugeMetricFamily("ecwidhub_dead_letters", "Events that failed for good, counted to 10 000.", value=dead)
    waiting = len(list(spool.waiting()))
    yield GaugeMetricFamily("ecwidhub_spool_grants", "Grants that wait on this host's disk.", value=waiting)
    alerts = GaugeMetricFamily("ecwidhub_alerts_open", "Alerts that stand.", labels=["rule"])
    standing = dict(Alert.objects.open().values_list("rule").annotate(count=Count("pk")).order_by())
    for rule in Rule:
        alerts.add_metric([rule.value], standing.get(rule.value, 0))
    yield alerts


def _stores() -> Iterator[Metric]:
    stores = GaugeMetricFamily(
        "ecwidhub_installations",
        "Installations by health and reason, counted every five minutes.",
        labels=["app", "health", "reason"],
    )
    health = vitals.health()
    for client_id, reasons in health.reasons.items() if health else ():
        for reason, count in reasons.items():
            stores.add_metric([client_id, Installation.health_of(reason), reason or "fine"], count)
    yield stores


def _life() -> Iterator[Metric]:
    beats = GaugeMetricFamily("ecwidhub_beat_age_seconds", "Since a regular task last ran.", labels=["task"])
    for name, at in Pulse.objects.filter(name__in=["sweep", "watch"], at__isnull=False).values_list("name", "at"):
        beats.add_metric([name], _age(at))
    heard = GaugeMetricFamily(
        "ecwidhub_webhook_age_seconds",
        "Since an app with stores had its last webhook believed; since its first store, where none is known.",
        labels=["app"],
    )
    for app in AppRegistration.objects.enabled():
        stores = Installation.objects.installed().filter(app=app).order_by("installed_at")
        since = stores.values_list("installed_at", flat=True).first()
        received = WebhookEvent.objects.filter(app=app).order_by("-received_at").values_list("received_at", flat=True)
        if since:
            heard.add_metric([app.client_id], _age(received.first() or since))
    yield from (beats, heard)


def _age(at: datetime | None) -> float:
    return max((datetime.now(UTC) - at).total_seconds(), 0.0) if at else 0.0
