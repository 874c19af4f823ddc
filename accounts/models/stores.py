"""Stores: a merchant's store as an account here."""

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.translation import gettext

if TYPE_CHECKING:
    from accounts.models.people import User


class StoreQuerySet(models.QuerySet["Store"]):
    """Query words for stores."""

    def of(self, user: "User") -> "StoreQuerySet":
        """Return the stores this person belongs to, or the one of them that their session is about.

        Whoever opens an app from one store's admin proves that store and no other (accounts/access.py).
        """
        theirs = self.filter(memberships__user=user)
        return theirs if user.confined_to is None else theirs.filter(pk=user.confined_to)

    def search(self, words: str) -> "StoreQuerySet":
        """Return the stores whose name, company or number holds what somebody typed."""
        found = Q(settings__store_name__icontains=words) | Q(settings__company_name__icontains=words)
        return self.filter(found | Q(store_id__contains=words)) if words else self

    def by_name(self) -> "StoreQuerySet":
        """Return them with their settings, in reading order."""
        return self.select_related("settings").order_by(Lower("settings__store_name"), "store_id")


class Store(models.Model):
    """A merchant's store. `store_id` is Ecwid's number and the account's identity; `pk` stays ours."""

    store_id = models.BigIntegerField("store ID", unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    onboarded_at = models.DateTimeField(null=True, blank=True, help_text="When the first-run page was finished.")

    objects: ClassVar[StoreQuerySet] = StoreQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """Return the store's name, or its number until the name is known."""
        return self.settings.store_name or gettext("Store %(number)s") % {"number": self.store_id}

    @cached_property
    def owner(self) -> "User":
        """The person who speaks for this store: the first of its owners whom no operator has switched off.

        :raises Membership.DoesNotExist: when there is none; that nobody owns it at all, `install` never leaves behind.
        """
        memberships = self.memberships.filter(role="owner", user__is_active=True).select_related("user")
        return memberships.earliest("pk").user
