"""Rate limits that hold across processes and restarts, on either database."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

from django.db import models, transaction

from accounts.models import prepared
from accounts.models.prepared import Given


class Bucket(models.Model):
    """How much of one limit is left for one subject. The subject is kept as a hash."""

    key = models.CharField(max_length=64, primary_key=True)
    left = models.FloatField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.left:.1f} left at {self.at:%F %T}"

    @classmethod
    def take(cls, limit: str, subject: str, *, size: int, refill: timedelta) -> bool:
        """Take one from the bucket of `subject`. False when it is empty; a full one lasts `size` in a row.

        `refill` is how long an empty bucket takes to be full again.
        """
        now = datetime.now(UTC)
        with transaction.atomic():
            bucket, _ = cls.objects.select_for_update().get_or_create(
                key=_key(limit, subject), defaults={"left": size, "at": now}
            )
            bucket.left = bucket.level(now, size, refill) - 1
            if bucket.left < 0:
                return False
            bucket.at = now
            bucket.save()
        return True

    @classmethod
    def is_empty(cls, limit: str, subject: str, *, size: int, refill: timedelta) -> bool:
        """Tell whether `take` would find nothing. Takes nothing itself."""
        return cls.is_any_empty({(limit, subject): size}, refill=refill)

    @classmethod
    def is_any_empty(cls, sizes: Mapping[tuple[str, str], int], *, refill: timedelta) -> bool:
        """Tell the same of several at once; `sizes` has each one's size by its limit and subject."""
        sized = {_key(*one): size for one, size in sizes.items()}
        now, known = datetime.now(UTC), _known(len(sized))(**{f"key{at}": key for at, key in enumerate(sized)})
        return any(one.level(now, sized[one.key], refill) < 1 for one in known)

    def level(self, now: datetime, size: int, refill: timedelta) -> float:
        """Return how much there is at `now`."""
        return min(size, self.left + max(size * ((now - self.at) / refill), 0))


@cache
def _known(count: int) -> prepared.Select[Bucket]:
    """Return the statement that finds so many of them; every visit to the Return URL asks it."""
    keys = [Given(f"key{at}", models.CharField()) for at in range(count)]
    return prepared.Select(lambda: Bucket.objects.filter(key__in=keys))


def _key(limit: str, subject: str) -> str:
    return hashlib.sha256(f"{limit}:{subject}".encode()).hexdigest()
