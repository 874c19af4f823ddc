"""Time, retry, queue: each task loads what it needs, calls one action and returns nothing.

A message is only a nudge. What is to do stands in rows, so a nudge may be lost, doubled or late (design rule 8).
"""

import time
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_init, worker_ready
from django.core.exceptions import ImproperlyConfigured
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts import doorbell
from installs import actions, keys
from installs.models import AlertDelivery, AlertRule, Installation, Job, Prefill, Pulse, WebhookEvent

_DRAIN_EVERY = 0.2
_SWEEP_BATCH = 200
_MOST_BATCHES = 20
_rung = {"drain": 0.0}


def nudge_drain() -> bool:
    """Ring for the events, once for all that come within a fifth of a second.

    The drain starts after that time, so it finds every event whose own ring was left out.
    """
    now = time.monotonic()
    if now - _rung["drain"] < _DRAIN_EVERY:
        return False
    _rung["drain"] = now
    return doorbell.ring(drain, delay=_DRAIN_EVERY)


@shared_task
def prefill(installation_id: int) -> None:
    """Fill one store's settings from Ecwid."""
    actions.prefill.prefill(installation_id=installation_id)


@shared_task
def drain() -> None:
    """Handle the events that are due, batch by batch, and hurry to the prefills they asked for."""
    for _ in range(_MOST_BATCHES):
        if actions.handle.handle_due() < actions.handle.BATCH:
            break
    else:
        doorbell.ring(drain)
    _nudge_prefills()


@shared_task
def probe(installation_id: int) -> None:
    """Ask what has become of one token."""
    actions.probe.probe(installation_id=installation_id)


@shared_task
def erase(installation_id: int) -> None:
    """Erase what is personal about a store whose retention is over."""
    actions.erase.erase_after_retention(installation_id=installation_id)


@shared_task(soft_time_limit=50, time_limit=55)  # less than a lease: a step that asks Ecwid twice may take long
def job(job_id: int) -> None:
    """Work on an operator's job for a while, and let the next worker go on; then see to what it made due."""
    doorbell.ring(job, job_id) if actions.jobs.work(job_id=job_id) else doorbell.ring(sweep)


@shared_task
def sweep() -> None:
    """Find what is still to do and nudge again; finish what something interrupted."""
    Pulse.objects.beat("sweep")
    actions.recover.import_spool()
    actions.recover.close_abandoned()
    _nudge_prefills()
    _ring_for(job, Job.objects.due().order_by("due_at"))
    if WebhookEvent.objects.due().exists():
        doorbell.ring(drain)
    _nudge_deliveries()
    _ring_for(probe, Installation.objects.probe_due().order_by("probe_due_at"))
    _ring_for(erase, Installation.objects.filter(erase_due_at__lte=Now()).order_by("erase_due_at"))


@shared_task
def watch() -> None:
    """Look for what is wrong, let the alerts follow, and hurry to tell the operators."""
    actions.alarm.sound(troubles=actions.troubles.seen(AlertRule.objects.thresholds()))
    _nudge_deliveries()
    Pulse.objects.beat("watch")


@shared_task
def deliver(delivery_id: int) -> None:
    """Tell one receiver of one alert."""
    actions.tell.deliver(delivery_id=delivery_id)


@shared_task
def echo(pulse_id: int) -> None:
    """Answer whoever wants to know whether work is done: write down that this was heard."""
    Pulse.objects.filter(pk=pulse_id).update(at=Now())


@shared_task
def tally() -> None:
    """Count the numbers that operators look at."""
    actions.tally.catch_up()


@shared_task
def prune() -> None:
    """Let go of what is only kept for a while."""
    for _ in range(_MOST_BATCHES):
        if not actions.prune.prune():
            break
    else:
        doorbell.ring(prune)


@worker_init.connect
def require_keys(**_: object) -> None:
    """Refuse to work with a key missing: what stands in rows would be taken for broken that is not."""
    try:
        keys.require_at_start()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from None  # Celery only logs what else a signal raises


@worker_ready.connect
def sweep_at_start(**_: object) -> None:
    """Catch up as soon as a worker is there."""
    doorbell.ring(sweep)


def _nudge_deliveries() -> None:
    _ring_for(deliver, AlertDelivery.objects.due().order_by("due_at"))


def _nudge_prefills() -> None:
    _ring_for(prefill, Prefill.objects.due().order_by("due_at"))


def _ring_for(task: "Task[[int], None]", rows: "QuerySet[Any]") -> None:
    for pk in rows.values_list("pk", flat=True)[:_SWEEP_BATCH]:
        doorbell.ring(task, pk)
