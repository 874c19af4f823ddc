"""`operator_code`: the six digits an operator's authenticator would show now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit, second_factor
from accounts.models import User


class Command(BaseCommand):
    """Print an operator's current code."""

    help = (
        "Print the six digits an operator's authenticator shows now, or those of the one they are setting up. For "
        "trying things on one's own machine, and for whoever may run commands here anyway: they could reset it, too."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USERNAME")

    def handle(self, *, username: str, **options: Any) -> None:
        person = User.objects.filter(username=username, is_staff=True).first()
        if person is None:
            raise CommandError(f"There is no operator {username}.")
        authenticator = second_factor.authenticator_of(person) or second_factor.offered_to(person)
        audit.record_command("operator_code", what="showed an operator's code", target=person)
        self.stdout.write(f"{authenticator.totp().token():06}")
