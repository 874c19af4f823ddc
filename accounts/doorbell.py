"""Ringing for a worker. A message is only a nudge: the work stands in rows, and a sweep finds what nobody heard."""

import logging
import time
from typing import Any

from celery import Task
from kombu.exceptions import OperationalError

from accounts import story

log = logging.getLogger(__name__)

QUIET_SECONDS = 15.0
_LIFE = 60
_broker = {"quiet_until": 0.0}


def ring(task: "Task[Any, Any]", *ids: int, delay: float = 0.0, queue: str = "") -> bool:
    """Ring for `task` with row ids. False when the broker does not answer; call it after the row is committed.

    `queue` is another queue than the task's own.

    After one failure the broker is left alone for 15 s, so that no visitor waits for it twice.
    """
    if time.monotonic() < _broker["quiet_until"]:
        return False
    try:
        # The request goes along, so that what a worker says later can be found by what a visitor did.
        headers = {"request_id": story.ids().get("request", "")}
        task.apply_async(ids, countdown=delay or None, expires=_LIFE, headers=headers, queue=queue or None)
    except (OperationalError, OSError) as error:
        _broker["quiet_until"] = time.monotonic() + QUIET_SECONDS
        log.warning("broker_unavailable", extra={"reason": type(error).__name__})
        return False
    return True
