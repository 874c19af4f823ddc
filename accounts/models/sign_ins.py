"""Requests for a sign-in link: rows that are their own queue."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models.leases import Leased, LeasedQuerySet


class SignInRequest(Leased):
    """Somebody asked for a link. A worker finds out whether anybody has the address, so the answer tells nothing."""

    NEXT_MAX: ClassVar = 500  # characters

    email = models.CharField(max_length=254)
    next = models.CharField(max_length=NEXT_MAX, blank=True)
    language = models.CharField(max_length=20, blank=True)
    asked_at = models.DateTimeField(db_default=Now(), db_index=True)

    objects: ClassVar[LeasedQuerySet["SignInRequest"]] = LeasedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index("due_at", name="sign_in_due", condition=~Q(state__in=["done", "failed"]))]

    def __str__(self) -> str:
        return f"Sign-in link asked at {self.asked_at:%F %T}"
