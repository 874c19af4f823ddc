"""Readiness: whether this process can do its part. What it cannot do without is a problem, the rest a warning.

A problem takes the process out of the balancer: database, migrations, queue (interface.md). A warning does not,
because taking every web process away would make it worse; alerts and the doctor tell of it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from installs import spool
from installs.models import Pulse

_BROKER_SECONDS = 0.5
_SILENCE = timedelta(minutes=1)  # of a sweep that comes every five seconds


@dataclass(frozen=True)
class Readiness:
    """What stops this process, and what only hampers it."""

    problems: list[str]
    warnings: list[str]


def look() -> Readiness:
    """Look at everything: milliseconds; half a second where Redis hangs, ten where the database's host is gone."""
    problems = [*_database(), *_queue(), *_room_for_rows()]
    warnings = list(_spool())
    if not problems:
        warnings += _schedule()
    return Readiness(problems, warnings)


def _database() -> Iterator[str]:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except (DatabaseError, InterfaceError):
        connection.close()  # or this thread would go on asking a dead one
        yield "database: does not answer"
        return
    if behind := len(_shipped() - applied):
        yield f"migrations: {behind} not applied"


@lru_cache(maxsize=1)
def _shipped() -> set[tuple[str, str]]:
    """Return the migrations that came with this code; they do not change while it runs."""
    return set(MigrationLoader(None).disk_migrations or {})


def _queue() -> Iterator[str]:
    """Tell whether work can be handed on. Rows wait safely without a worker, so this asks for none."""
    if not settings.REDIS_URL:
        if not settings.QUEUE_DIR.is_dir():
            yield "queue: its directory is missing"
        return
    try:
        _broker(settings.REDIS_URL).ping()
    except redis.RedisError:
        yield "queue: does not answer"


@lru_cache(maxsize=4)
def _broker(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=_BROKER_SECONDS, socket_connect_timeout=_BROKER_SECONDS)


def _room_for_rows() -> Iterator[str]:
    if connection.vendor == "sqlite" and shutil.disk_usage(settings.VAR_DIR).free < settings.DISK_FREE_LEAST:
        yield "database: its disk is full"


def _spool() -> Iterator[str]:
    try:
        spool.prepare()
    except spool.SpoolUnusable as error:
        yield f"spool: {error}"
        return
    if shutil.disk_usage(settings.SPOOL_DIR).free < settings.DISK_FREE_LEAST:
        yield "spool: its disk is full"


def _schedule() -> Iterator[str]:
    last = Pulse.objects.last("sweep")
    if last is None:
        yield "schedule: has never run"
    elif datetime.now(UTC) - last > _SILENCE:
        yield f"schedule: silent since {last:%F %T} UTC"
