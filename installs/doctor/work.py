"""Work: does somebody do it, on time, and does the schedule run?"""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.conf import settings

from accounts import doorbell
from installs import tasks
from installs.actions import vitals, watch
from installs.doctor.finding import Finding
from installs.models import AlertDelivery, AlertReceiver, Leased, Pulse, Rule

_LOOK_EVERY = 0.05
_SILENCE = timedelta(minutes=1)  # of a sweep that comes every five seconds
_DAY = timedelta(days=1)


def round_trip() -> Iterator[Finding]:
    """Send a message through each queue and wait until workers have written down that they heard."""
    pulses = {queue: Pulse.objects.create(name=f"echo {uuid.uuid4().hex}") for queue in settings.CELERY_TASK_QUEUES}
    try:
        started = time.monotonic()
        if not all(doorbell.ring(tasks.echo, pulse.pk, queue=queue) for queue, pulse in pulses.items()):
            advice = "Check REDIS_URL. Rows wait safely meanwhile; everything is done later."
            yield Finding("error", "queue", "the broker does not answer", advice, Rule.QUEUE_OLD)
            return
        silent = _unheard(pulses)
        took = (time.monotonic() - started) * 1000
    finally:
        Pulse.objects.filter(pk__in=[pulse.pk for pulse in pulses.values()]).delete()
    if not silent:
        text = f"messages went through {len(pulses)} queues and back in {took:.0f} ms"
        yield Finding("ok", "worker", text)
        return
    where = "no queue" if len(silent) == len(pulses) else "all queues but " + ", ".join(silent)
    text = f"messages came back from {where} within {settings.DOCTOR_PATIENCE:g} s"
    advice = "Start a worker, or more: celery -A ecwidhub worker. Installs work without one; pages fill once it runs."
    yield Finding("warning", "worker", text, advice, Rule.QUEUE_OLD)


def _unheard(pulses: dict[str, Pulse]) -> list[str]:
    """Wait, and return the queues whose message nobody has heard."""
    deadline = time.monotonic() + settings.DOCTOR_PATIENCE
    while True:
        waiting = Pulse.objects.filter(pk__in=[pulse.pk for pulse in pulses.values()], at=None)
        names = set(waiting.values_list("name", flat=True))
        if not names or time.monotonic() > deadline:
            return [queue for queue, pulse in pulses.items() if pulse.name in names]
        time.sleep(_LOOK_EVERY)


def schedule() -> Iterator[Finding]:
    """Was there a sweep lately?"""
    last = Pulse.objects.last("sweep")
    advice = "Start the schedule: celery -A ecwidhub beat. Without it nothing interrupted is taken up again."
    if last is None:
        yield Finding("warning", "schedule", "has never run", advice, Rule.QUEUE_OLD)
    elif datetime.now(UTC) - last > _SILENCE:
        yield Finding("warning", "schedule", f"silent since {last:%F %T} UTC", advice, Rule.QUEUE_OLD)
    else:
        yield Finding("ok", "schedule", f"last sweep {last:%F %T} UTC")


def queues() -> Iterator[Finding]:
    """Does something wait for too long, or has it failed for good?"""
    minutes = watch.PATIENCE.seconds // 60
    stuck = [queue for queue in vitals.backlogs() if queue.age > watch.PATIENCE.total_seconds()]
    for queue in stuck:
        text = f"waiting longer than {minutes} minutes: {queue.depth} due, the oldest for {queue.age / 60:.0f} minutes"
        advice = "Nobody works them off. Start a worker: celery -A ecwidhub worker"
        yield Finding("error", queue.name.replace("_", " "), text, advice, Rule.QUEUE_OLD)
    dead = watch.dead_letters()[: vitals.COUNTED].count()
    if dead:
        advice = "See why in the admin, then run: python manage.py replay_events --dead"
        yield Finding("warning", "events", f"failed for good: {dead}", advice, Rule.DEAD_LETTERS)
    if not (dead or stuck):
        yield Finding("ok", "events", "none waits, none failed for good")


def privacy() -> Iterator[Finding]:
    """Is a deadline near?"""
    pressing = watch.pressing_requests()
    late = pressing.filter(due_at__lt=datetime.now(UTC)).count()
    near = pressing.count() - late
    advice = "Answer and close them in the admin under Privacy requests."
    if late:
        yield Finding("error", "privacy requests", f"past their deadline: {late}", advice, Rule.PRIVACY_DUE)
    if near:
        text = f"due within {watch.NEAR.days} days: {near}"
        yield Finding("warning", "privacy requests", text, advice, Rule.PRIVACY_DUE)
    if not (late or near):
        yield Finding("ok", "privacy requests", "none is near its deadline")


def alerts() -> Iterator[Finding]:
    """Would somebody be told?"""
    receivers = AlertReceiver.objects.filter(enabled=True).count()
    failing = AlertDelivery.objects.exclude(state=Leased.State.DONE).filter(tries__gt=1)
    lately = failing.filter(due_at__gt=datetime.now(UTC) - _DAY).values("receiver").distinct().count()
    if not receivers:
        advice = "Add one in the admin under Alert receivers: an e-mail address, or a webhook of yours."
        yield Finding("warning", "alerts", "nobody is told of them", advice)
    elif lately:
        advice = "See why in the admin, on the alerts’ pages."
        yield Finding("warning", "alerts", f"{lately} of {receivers} could not be told lately", advice)
    else:
        yield Finding("ok", "alerts", f"told to {receivers}")
