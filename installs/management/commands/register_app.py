"""`register_app`: create or update an app registration from the shell."""

import os
import sys
from argparse import ArgumentParser
from typing import Any, TextIO

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts import audit
from installs.ecwid import scopes
from installs.models import AppRegistration


class Command(BaseCommand):
    """Create or update an app registration and print the addresses to hand to Ecwid."""

    help = (
        "Create or update an app registration. The client secret comes from the variable CLIENT_SECRET or from "
        "standard input, never from an argument, where other users and the shell's history would see it."
    )

    stealth_options = ("stdin",)  # for callers that are not a shell

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("--name", required=True, help="what merchants see")
        parser.add_argument("--scopes", help='wanted scopes: "read_store_profile read_orders"')
        parser.add_argument("--kind", choices=AppRegistration.Kind.values)

    def handle(self, *, client_id: str, **options: Any) -> None:
        app = AppRegistration.objects.filter(client_id=client_id).first() or AppRegistration(client_id=client_id)
        created, before = app.pk is None, _facts(app)
        app.name = options["name"]
        app.kind = options["kind"] or app.kind
        if options["scopes"] is not None:
            app.wanted_scopes = _known_scopes(options["scopes"])
        if secret := _secret(options.get("stdin") or sys.stdin, required=created):
            app.replace_secret(secret)
        try:
            app.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        with transaction.atomic():
            app.save()
            _record(app, before if not created else {})
        self.stdout.write(f"{'Registered' if created else 'Updated'} {app} with secret {app.secret_fingerprint}.")
        for name, address in app.addresses().items():
            self.stdout.write(f"  {name:<12} {address}")


def _facts(app: AppRegistration) -> dict[str, Any]:
    """Return what the command may change; of the secret only since when it is this one."""
    facts = {"name": app.name, "kind": app.kind, "wanted_scopes": list(app.wanted_scopes)}
    return facts | {"client_secret": app.client_secret_set_at}


def _record(app: AppRegistration, before: dict[str, Any]) -> None:
    """Put what has changed on record; running the command once more changes nothing."""
    after = _facts(app)
    changes = {name: [before[name], value] if before else [value] for name, value in after.items()
               if before.get(name) != value}  # fmt: skip
    if changes:
        audit.record_command("register_app", what="changed" if before else "added", target=app, changes=changes)


def _known_scopes(text: str) -> list[str]:
    names = scopes.parse(text)
    if unknown := [name for name in names if name not in scopes.SCOPES]:
        raise CommandError(f"Unknown scopes: {', '.join(unknown)}. Known: {', '.join(sorted(scopes.SCOPES))}.")
    return list(names)


def _secret(stdin: TextIO, *, required: bool) -> str:
    """Return the client secret, or "" to keep the one there is.

    The variable is read here because it belongs to this one call, not to the service's settings.
    """
    secret = os.environ.get("CLIENT_SECRET", "")
    if not secret and not stdin.isatty():
        secret = stdin.read()
    secret = secret.strip()
    if required and not secret:
        raise CommandError("Give the client secret in the variable CLIENT_SECRET or on standard input.")
    if not secret.isprintable():
        raise CommandError("The client secret must be one line of printable text.")
    return secret
