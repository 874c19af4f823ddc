"""Letters: mails that wait to be sent, as rows that are their own queue."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.invitations import Invitation, Proof
from accounts.models.leases import Leased, LeasedQuerySet


class Letter(Leased):
    """One mail. A link in it is made when it is sent, from the row it is about; nothing here opens anything."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", "Invitation to a store"
        JOIN = "join", "Link that joins two accounts"
        ADDRESS = "address", "Link that confirms a new contact e-mail"
        JOINED = "joined", "Word that two accounts were joined"
        MOVED = "moved", "Word to the old contact e-mail"
        PASSKEY = "passkey", "Word that a passkey was added"
        RECONNECT = "reconnect", "Link by which an app is connected again"

    kind = models.CharField(max_length=12, choices=Kind)
    language = models.CharField(max_length=20, blank=True)
    invitation = models.ForeignKey(Invitation, models.CASCADE, null=True, related_name="letters")
    proof = models.ForeignKey(Proof, models.CASCADE, null=True, related_name="letters")
    email = models.CharField("e-mail", max_length=254, blank=True, help_text="Only where no other row holds it.")
    facts: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)

    claimed_with = ("invitation", "proof")

    objects: ClassVar[LeasedQuerySet["Letter"]] = LeasedQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index("due_at", name="letter_due", condition=~Q(state__in=["done", "failed"]))]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.state}"

    @property
    def recipient(self) -> str:
        """Return the address it goes to: the one that its link proves, wherever there is a link."""
        about = self.invitation or self.proof
        return about.email if about else self.email
