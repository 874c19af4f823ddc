"""The house: settings, addresses, and the processes' entries."""

from ecwidhub.celery import app as celery_app

__all__ = ["celery_app"]
