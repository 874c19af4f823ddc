"""`export_installations`: everything about installations that is not secret."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit, sheets
from installs.actions import export
from installs.management import shell
from installs.models import Installation


class Command(BaseCommand):
    """Write every installation with all that is not secret, as CSV or JSON lines."""

    help = "Every installation with all that is not secret: never a token. It holds personal data: keep it safe."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", metavar="CLIENT_ID", help="only this app's")
        parser.add_argument("--format", choices=sorted(sheets.FORMATS), default="csv")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write there, for your eyes only")

    def handle(self, **options: Any) -> None:
        rows = Installation.objects.all()
        if options["app"]:
            rows = rows.filter(app=shell.app_of(options["app"]))
        audit.record_command("export_installations", what="exported installations", changes={"app": options["app"]})
        lines = sheets.FORMATS[options["format"]](export.NAMES, export.rows(rows))
        if options["output"] is None:
            for line in lines:
                self.stdout.write(line, ending="")
            return
        try:
            descriptor = os.open(options["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                count = sum(1 for line in lines if file.write(line))
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Wrote {options['output']}: {count} lines.")
