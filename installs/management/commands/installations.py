"""`installations`: list which app is on which store."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Membership
from installs.models import AppRegistration, Installation


class Command(BaseCommand):
    """List installations; never a token."""

    help = "List installations: app, store, state, generation, scopes, person, prefill and health."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="CLIENT_ID", help="only this app's")
        parser.add_argument("--json", action="store_true", help="one JSON array")

    def handle(self, **options: Any) -> None:
        rows = Installation.objects.for_lists().order_by("app__client_id", "store__store_id")
        if client_id := options["app"]:
            if not AppRegistration.objects.filter(client_id=client_id).exists():
                raise CommandError(f"No app registration has the client ID {client_id}.")
            rows = rows.filter(app__client_id=client_id)
        facts = list(_facts(rows.iterator(chunk_size=1000)))
        self.stdout.write(json.dumps(facts, indent=2) if options["json"] else _table(facts))


def _facts(rows: Iterator[Installation]) -> Iterator[dict[str, Any]]:
    owners = dict(
        Membership.objects.filter(role=Membership.Role.OWNER).order_by("-pk").values_list("store_id", "user__email")
    )
    for row in rows:
        yield {
            "client_id": row.app.client_id,
            "store_id": row.store.store_id,
            "state": row.state,
            "generation": row.generation,
            "scopes": row.scopes,
            "user": owners.get(row.store_id, ""),
            "prefill": row.prefill.state,
            "health": row.health,
            "installed_at": row.installed_at.isoformat(),
            "uninstalled_at": row.uninstalled_at.isoformat() if row.uninstalled_at else None,
        }


def _table(facts: list[dict[str, Any]]) -> str:
    if not facts:
        return "No installations yet."
    names = ["client_id", "store_id", "state", "generation", "prefill", "health", "user", "installed_at"]
    lines = [names, *([str(fact[name]) for name in names] for fact in facts)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
