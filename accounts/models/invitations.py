"""Invitations to a store, and the addresses somebody is asked to prove: rows that live until they are used."""

import uuid
from datetime import timedelta
from typing import ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models.people import User
from accounts.models.stores import Store

INVITATION_LIFE = timedelta(days=7)
PROOF_LIFE = timedelta(hours=1)


OpenT = TypeVar("OpenT", bound=models.Model)


class OpenQuerySet(models.QuerySet[OpenT]):
    """Query words for rows that end at a time. All times are the database's."""

    def open(self) -> Self:
        """Return those that may still be used."""
        return self.filter(expires_at__gt=Now())


class Invitation(models.Model):
    """Somebody is asked into a store. The row goes as soon as it is accepted or withdrawn, so it works once."""

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="invitations")
    inviter = models.ForeignKey(User, models.SET_NULL, null=True, related_name="invitations")
    email = models.CharField("e-mail", max_length=254)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[OpenQuerySet["Invitation"]] = OpenQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        # An erased address is nobody's, so there may be several of those.
        constraints = [
            models.UniqueConstraint(fields=["store", "email"], condition=~Q(email=""), name="invitation_once"),
        ]

    def __str__(self) -> str:
        return f"Invitation to {self.store}"


class Proof(models.Model):
    """A person says that an address is theirs. The row goes as soon as the link mailed there is used."""

    class Purpose(models.TextChoices):
        JOIN = "join", "Join another account"
        ADDRESS = "address", "Change the contact e-mail"

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(max_length=10, choices=Purpose)
    person = models.ForeignKey(User, models.CASCADE, related_name="proofs", db_index=False)
    email = models.CharField("e-mail", max_length=254)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[OpenQuerySet["Proof"]] = OpenQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [models.UniqueConstraint("person", "purpose", name="proof_once")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}, asked by person {self.person_id}"
