"""Sessions: who is signed in where, so that a person can see and end them."""

from typing import Any

from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models

from accounts.models.people import User
from accounts.models.stores import Store


class Session(AbstractBaseSession):
    """One signed-in browser."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    # The store whose admin let this browser in, which is then all it sees; none after a mailed link.
    store = models.ForeignKey(Store, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(AbstractBaseSession.Meta):
        db_table = "accounts_session"

    def save(self, *args: Any, force_update: bool = False, **kwargs: Any) -> None:
        """Save; a session that is written again keeps the time it began, which its engine does not carry."""
        fields = ("session_data", "expire_date", "user", "store") if force_update else None
        super().save(*args, force_update=force_update, update_fields=fields, **kwargs)
