"""`paste_tokens`: connect the store of a custom app by its tokens."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError

from accounts import audit, doorbell
from installs import tasks
from installs.actions import adopt
from installs.ecwid import api, oauth, scopes, values
from installs.management import shell
from installs.models import AppRegistration, Installation, Source

_WORDS = {
    api.Probe.ALIVE: "Ecwid takes the token",
    api.Probe.PAUSED: "Ecwid knows the token, the store's plan or a suspension stops us for now",
    api.Probe.BLOCKED: "not proven, Ecwid asked us to slow down; it is probed again soon",
    api.Probe.UNKNOWN: "not proven, Ecwid does not answer; it is probed again soon",
}


class Command(BaseCommand):
    """Connect a custom app's store by the tokens of its page at #develop-apps."""

    help = (
        "Connect the one store of a custom app by its tokens. They are asked for, or come as two lines of standard "
        "input, the secret one first; never as an argument. A token that Ecwid refuses is not saved."
    )

    stealth_options = ("stdin",)  # for callers that are not a shell

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client_id", metavar="CLIENT_ID")
        parser.add_argument("store_id", type=int, metavar="STORE_ID")
        parser.add_argument("--scopes", help='granted scopes, if not the usual ones: "read_store_profile read_orders"')

    def handle(self, *, client_id: str, store_id: int, **options: Any) -> None:
        app = _custom_app(client_id, store_id)
        secret, public = _tokens(options.get("stdin") or sys.stdin)
        granted = scopes.parse(options["scopes"]) if options["scopes"] else scopes.CUSTOM
        grant = oauth.Grant(store_id, secret, public, granted, email="")
        verdict = adopt.look(grant)
        if verdict is api.Probe.DEAD:
            raise CommandError(f"Ecwid does not take this token for store {store_id}; nothing was saved.")
        installation = adopt.adopt(app=app, grant=grant, source=Source.PASTED, verdict=verdict)
        changes = {"probe": verdict.value}
        audit.record_command("paste_tokens", what="pasted tokens", target=installation, changes=changes)
        doorbell.ring(tasks.prefill, installation.pk)
        self.stdout.write(f"Connected {installation}, generation {installation.generation}: {_WORDS[verdict]}.")


def _custom_app(client_id: str, store_id: int) -> AppRegistration:
    app = shell.app_of(client_id)
    if app.kind != AppRegistration.Kind.CUSTOM:
        raise CommandError(f"{client_id} is no custom app: its merchants install it.")
    other = Installation.objects.installed().filter(app=app).exclude(store__store_id=store_id).first()
    if other:
        raise CommandError(f"A custom app has one store, and this one is on store {other.store.store_id}.")
    return app


def _tokens(stdin: TextIO) -> tuple[str, str]:
    """Return the secret and the public token."""
    if stdin.isatty():
        given = [getpass.getpass("Secret token: "), getpass.getpass("Public token: ")]
    else:
        given = [line.strip() for line in stdin.read().splitlines() if line.strip()]
    tokens = [token for token in map(values.token, filter(None, given)) if token]
    if len(tokens) != len(list(filter(None, given))) or len(tokens) not in (1, 2):
        raise CommandError("Give one or two lines: the secret token, and the public one if there is any.")
    secret, public = (*tokens, "")[:2]
    if secret.startswith("public_") or public.startswith("secret_"):
        raise CommandError("The secret token comes first, then the public one.")
    return secret, public
