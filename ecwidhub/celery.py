"""The Celery application and its schedule: `celery -A ecwidhub worker`, `celery -A ecwidhub beat`."""

import os

from celery import Celery
from celery.schedules import crontab, schedule

from ecwidhub import queue

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")

queue.install()
app = Celery("ecwidhub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# What is due stands in rows; the schedule only looks. Two schedulers at once look twice, which is harmless.
app.conf.beat_schedule = {
    "sweep": {"task": "installs.tasks.sweep", "schedule": schedule(5.0), "options": {"expires": 10}},
    "sweep-mails": {"task": "accounts.tasks.sweep_mails", "schedule": schedule(30.0), "options": {"expires": 30}},
    "watch": {"task": "installs.tasks.watch", "schedule": schedule(60.0), "options": {"expires": 50}},
    "tally": {"task": "installs.tasks.tally", "schedule": schedule(300.0), "options": {"expires": 240}},
    "prune": {"task": "installs.tasks.prune", "schedule": crontab(minute="17", hour="3"), "options": {"expires": 3600}},
}
