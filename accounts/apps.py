"""The ground floor: who signs in and what store they hold."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

from accounts import roles


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        pre_migrate.connect(_take_your_time, dispatch_uid="accounts.patience")
        # After Django's own receiver, which makes the permissions of the app that was just migrated.
        post_migrate.connect(roles.after_migrate, dispatch_uid="accounts.roles")


def _take_your_time(using: str, **_: Any) -> None:
    """Let a migration run as long as it takes: an index of ten million rows is not made within a page's patience."""
    if connections[using].vendor == "postgresql":
        with connections[using].cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
