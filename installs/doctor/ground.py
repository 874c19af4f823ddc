"""The ground everything stands on: database, clock, keys, disk, mail."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.console import EmailBackend as ConsoleBackend
from django.core.mail.backends.filebased import EmailBackend as FileBackend
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts import sealing
from installs import keys as sealed
from installs import spool
from installs.doctor.finding import Finding
from installs.models import Rule

_CLOCK_SECONDS = 5


def database() -> Iterator[Finding]:
    """Does it answer, and is it up to date?"""
    try:
        executor = MigrationExecutor(connection)
        behind = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        yield Finding("error", "database", f"does not answer: {type(error).__name__}", "Start it, check DATABASE_URL.")
        return
    if behind:
        advice = "Run: python manage.py migrate"
        yield Finding("error", "database", f"{len(behind)} migrations are missing", advice)
    else:
        yield Finding("ok", "database", f"{connection.vendor}, all migrations applied")


def clock() -> Iterator[Finding]:
    """Do this host and the database agree on the time?"""
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        theirs = cursor.fetchone()[0]
    if isinstance(theirs, str):
        theirs = datetime.fromisoformat(theirs).replace(tzinfo=UTC)
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    if apart > _CLOCK_SECONDS:
        advice = "Synchronise the clocks (NTP); waits and deadlines rely on them."
        yield Finding("warning", "clock", f"this host and the database are {apart:.0f} s apart", advice)
    else:
        yield Finding("ok", "clock", "agrees with the database")


def keys() -> Iterator[Finding]:
    """Can everything that is sealed be opened?"""
    in_use = set(sealed.in_use())
    configured = set(sealing.key_ids())
    if lost := in_use - configured:
        advice = "Put the missing key back at the end of TOKEN_KEYS; without it these secrets cannot be read."
        yield Finding("error", "keys", f"secrets are sealed with unknown keys: {', '.join(sorted(lost))}", advice)
    else:
        yield Finding("ok", "keys", f"{len(configured)} configured, {len(in_use)} in use")


def grants() -> Iterator[Finding]:
    """Could a grant be kept, and does one wait?"""
    try:
        spool.prepare()
    except spool.SpoolUnusable as error:
        advice = "Make SPOOL_DIR writable: no code is exchanged without it."
        yield Finding("error", "spool", str(error), advice, Rule.SPOOL_FULL)
        return
    waiting = len(list(spool.waiting()))
    if waiting:
        advice = "A running worker imports them within seconds; if they stay, look for spool_unreadable in the log."
        yield Finding("warning", "spool", f"{waiting} grants wait to be imported", advice, Rule.SPOOL_FULL)
    else:
        yield Finding("ok", "spool", "writable, empty")


def disk() -> Iterator[Finding]:
    """Is there room for what is kept on disk?"""
    free = min(shutil.disk_usage(folder).free for folder in (settings.VAR_DIR, settings.SPOOL_DIR) if folder.is_dir())
    room = f"{free / 2**30:.1f} GiB free"
    if free < settings.DISK_FREE_LEAST:
        yield Finding("error", "disk", room, "Make room where VAR_DIR and SPOOL_DIR are: nothing can be kept.")
    elif free < settings.DISK_FREE_LEAST * 16:
        yield Finding("warning", "disk", room, "Make room where VAR_DIR and SPOOL_DIR are, before it runs out.")
    else:
        yield Finding("ok", "disk", room)


def mail() -> Iterator[Finding]:
    """Does mail go anywhere?"""
    backend = get_connection()
    if isinstance(backend, FileBackend):
        text = f"goes into files in {backend.file_path}, and to nobody"
        yield Finding("warning", "mail", text, "Set EMAIL_URL where merchants should receive mail.")
    elif isinstance(backend, ConsoleBackend):
        yield Finding("warning", "mail", "goes to the console", "Set EMAIL_URL where merchants should receive mail.")
    else:
        yield Finding("ok", "mail", f"{settings.EMAIL_BACKEND.rsplit('.', 2)[-2]}, from {settings.DEFAULT_FROM_EMAIL}")
