"""`erase`: remove what is personal about a store."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from installs.actions import erase
from installs.management import shell
from installs.models import Erasure


class Command(BaseCommand):
    """Erase a store's personal data and print the receipt."""

    help = (
        "Erase the personal data we hold for a store that has no connected app, and print the receipt. One "
        "transaction; repeating it erases nothing more. Try it with --dry-run first: there is no way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("store_id", type=int, metavar="STORE_ID")
        parser.add_argument("--app", required=True, metavar="CLIENT_ID", help="the app the receipt names")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="for the receipt: who asked, in few words")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *, store_id: int, **options: Any) -> None:
        longest = Erasure._meta.get_field("reason").max_length or 0
        reason = options["reason"].strip()
        if not 0 < len(reason) <= longest:
            raise CommandError(f"Give a reason of 1 to {longest} characters.")
        installation = shell.installation_of(store_id, options["app"])
        try:
            with shell.stoppable("Nothing was erased; run it again to begin anew."):
                receipt = erase.erase(installation=installation, reason=reason, dry_run=options["dry_run"])
        except erase.StillInstalled as error:
            raise CommandError(f"Nothing was erased: {error}. Its merchant has to uninstall it first.") from error
        if receipt.pk:  # the reason is the receipt's
            audit.record_command("erase", what="erased personal data", target=receipt)
        self.stdout.write(_printed(receipt))


def _printed(receipt: Erasure) -> str:
    """Return the receipt in lines; one that was not saved only says what would go."""
    about = f"store {receipt.store_id}, {receipt.client_id}, reason: {receipt.reason}"
    head = (
        f"Erasure {receipt.pk}: {about}; values removed:"
        if receipt.pk
        else f"Would erase: {about}; nothing was changed; values found:"
    )
    return "\n".join([head, *(f"  {label:<12} {count}" for label, count in receipt.counts.items())])
