"""People: merchants, who have no password, and operators, who have one."""

import secrets
import uuid
from typing import ClassVar

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from accounts.models.stores import Store


class Users(UserManager["User"]):
    """Queries and makers of people."""

    def create_merchant(self, *, email: str = "", name: str = "") -> "User":
        """Create a person who can only come in through their store: no usable password, no rights.

        `email` is contact and nothing else; nobody is ever looked up by it (design rule 4).
        """
        user = self.model(username=f"merchant-{uuid.uuid4().hex[:20]}", email=email, name=name)
        # What `set_unusable_password` sets, asked of the system in one call instead of forty.
        user.password = UNUSABLE_PASSWORD_PREFIX + secrets.token_hex(20)
        user.save(force_insert=True)
        return user


class User(AbstractUser):
    """A person. The e-mail is contact, never a key: nobody proved that it is theirs."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(max_length=255, blank=True)
    email = models.EmailField("e-mail", blank=True, help_text="Contact only. Several people may share one.")
    language = models.CharField("language", max_length=20, blank=True, default="", db_default="")
    email_proven_at = models.DateTimeField(null=True, blank=True, editable=False)

    # The one store this person's session is about, by pk; None for all of theirs. Set for each request, never stored.
    confined_to: int | None = None

    objects: ClassVar[Users] = Users()

    class Meta(AbstractUser.Meta):
        verbose_name, verbose_name_plural = "person", "people"
        indexes = [
            models.Index(Upper("email"), name="user_email"),
            models.Index("id", name="user_staff", condition=models.Q(is_staff=True)),  # operators, among all merchants
        ]
        # What operators do beyond looking at rows and editing them; accounts/roles.py says which role may.
        permissions = [
            ("operate", "Can act on installations and events: probe, read again, replay, pause, send links"),
            ("support_view", "Can see a merchant's pages as the merchant does"),
            ("disconnect", "Can disconnect a store"),
            ("erase", "Can erase personal data"),
            ("export", "Can export rows and personal data"),
            ("import_installations", "Can take installations over from a file"),
            ("rotate_secrets", "Can replace client secrets and encryption keys"),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    def get_full_name(self) -> str:
        """Return the best words we have for this person."""
        return self.name or self.email or self.username

    def get_short_name(self) -> str:
        return self.get_full_name()


class Membership(models.Model):
    """A person's role in a store."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        MEMBER = "member", _("Member")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    store = models.ForeignKey(Store, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint("user", "store", name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.store} ({self.role})"
