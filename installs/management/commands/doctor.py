"""`doctor`: what is wrong here, and what to do about it."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from installs import doctor
from installs.management.shell import app_of

_MARKS = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}


class Command(BaseCommand):
    """Examine configuration, database, queue, worker, clock, keys and each registration."""

    help = "Check configuration, database, queue, worker, clock, keys and each app; say what to do about each finding."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON array of findings")
        parser.add_argument(
            "--outside",
            action="store_true",
            help="also ask our own public address, as Ecwid would, and the mail server",
        )
        parser.add_argument("--request", metavar="CLIENT_ID", help="only print what to write to Ecwid about this app")

    def handle(self, **options: Any) -> None:
        if options["request"]:
            self.stdout.write(doctor.request_text(app_of(options["request"])))
            return
        findings = [finding for found in doctor.examine().values() for finding in found]
        if options["outside"]:
            findings += doctor.look_from_outside()
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        else:
            self.stdout.write("\n".join(map(_line, findings)))
        errors = [finding for finding in findings if finding.level == "error"]
        if errors:
            raise CommandError(f"{len(errors)} of {len(findings)} findings need you: {errors[0].subject}.")


def _line(finding: doctor.Finding) -> str:
    line = f"{_MARKS[finding.level]} {finding.subject}: {finding.text}"
    return f"{line}\n        → {finding.advice}" if finding.advice else line
