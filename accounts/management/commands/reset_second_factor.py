"""`reset_second_factor`: let an operator set up a new authenticator."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit, second_factor
from accounts.models import User


class Command(BaseCommand):
    """Forget an operator's second factor, when app and recovery codes are lost."""

    help = (
        "Forget an operator's authenticator and recovery codes and end their sessions: their next sign-in sets up new "
        "ones. Make sure that who asks is who they say; whoever has the password next decides on the second factor."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USERNAME")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="for the audit trail")

    def handle(self, *, username: str, reason: str, **options: Any) -> None:
        person = User.objects.filter(username=username, is_staff=True).first()
        if person is None:
            raise CommandError(f"There is no operator {username}.")
        second_factor.forget(person)
        audit.record_command("reset_second_factor", what="reset the second factor", target=person, reason=reason)
        self.stdout.write(f"{username} sets up a new second factor at the next sign-in.")
