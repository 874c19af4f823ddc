"""Rotate: seal every secret anew with the newest key while the service goes on, so that the older keys may go.

Reading goes on because all keys open. Writing goes on because a seal is only replaced by its own twin: somebody who
has written another secret meanwhile has sealed it with the newest key anyway.
"""

from datetime import UTC, datetime

from django.db import connection
from django.db.models import Model

from accounts import sealing
from accounts.fields import Sealed
from accounts.models import User
from accounts.sealing import SealBroken
from installs import keys, spool
from installs.actions import jobs
from installs.models import Job

KIND = "rotate keys"
_BATCH = 500
_MOST_BROKEN = 1000


def remaining() -> int:
    """Return how many secrets are not sealed with the newest key."""
    return sum(sum(keys.counts(key).values()) for key in keys.in_use() if key != sealing.current_key_id())


def order(*, reason: str, by: User | None) -> Job:
    """Order a rotation, or return the one that is under way."""
    under_way = Job.objects.open().filter(kind=KIND).first()
    if under_way is not None:
        return under_way
    title = f"Seal everything with key {sealing.current_key_id()}"
    return jobs.order(kind=KIND, title=title, reason=reason, by=by, total=remaining(), params={"broken": {}})


@jobs.kind(KIND)
def _step(job: Job) -> bool:
    """Seal one batch anew; False when nothing is left, or nothing that can be opened."""
    for column in keys.columns():
        for key in column.key_ids():
            if key != sealing.current_key_id() and _reseal(job, column, key):
                return True
    _reseal_spool(job)
    _judge(job)
    return False


def _reseal_spool(job: Job) -> None:
    for uid in list(spool.waiting()):
        if spool.key_id(uid) == sealing.current_key_id():
            continue
        try:
            spool.reseal(uid)
            job.count("done")
        except SealBroken:
            job.params["broken"].setdefault(keys.SPOOL, []).append(str(uid))


def _judge(job: Job) -> None:
    """End the job as failed when something could not be opened: its key must not go."""
    if broken := sum(map(len, job.params["broken"].values())):
        words = f"{broken} secrets cannot be opened, with keys that are missing or because they are damaged"
        job.give_up(words, ended_at=datetime.now(UTC))


def _reseal(job: Job, column: keys.Column, key: str) -> bool:
    """Seal up to a batch of one column's secrets anew; False when there are none that can be opened."""
    broken: list[int] = job.params["broken"].setdefault(str(column), [])
    rows = list(column.keyed().filter(key=key).exclude(pk__in=broken)[:_BATCH])
    if not rows or len(broken) > _MOST_BROKEN:
        return False
    anew, unreadable = _sealed_anew(column, rows)
    if unreadable:
        broken += unreadable
        Job.objects.filter(pk=job.pk).update(params=job.params)
        job.count("failed", len(unreadable))
    _replace(column, anew)
    return job.count("done", len(anew)) and job.extend()


def _sealed_anew(column: keys.Column, rows: list[Model]) -> tuple[dict[int, tuple[Sealed, Sealed]], list[int]]:
    """Return the old and the new seal of each row, and the rows whose seal does not open."""
    anew, unreadable = {}, []
    for row in rows:
        old, place = row.__dict__[column.field.attname], column.field.place(row)
        try:
            anew[row.pk] = (old, Sealed(sealing.seal(sealing.unseal(old, place), place)))
        except SealBroken:
            unreadable.append(row.pk)
    return anew, unreadable


def _replace(column: keys.Column, anew: dict[int, tuple[Sealed, Sealed]]) -> None:
    """Replace each old seal by its new one where it still stands: each row compared and set by itself."""
    meta = column.model._meta
    names = (meta.db_table, column.field.column, meta.pk.column)
    table, name, key = (connection.ops.quote_name(str(one)) for one in names)
    with connection.cursor() as cursor:
        # Through the ORM this takes ten times as long. The names are ours.
        statement = f"UPDATE {table} SET {name} = %s WHERE {key} = %s AND {name} = %s"  # noqa: S608
        cursor.executemany(statement, [(new, pk, old) for pk, (old, new) in anew.items()])
