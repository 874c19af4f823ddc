"""`export_personal_data`: everything personal we hold for a store."""

import json
import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from installs.actions import privacy
from installs.management import shell


class Command(BaseCommand):
    """Print everything personal we hold for a store, as JSON."""

    help = "Everything personal we hold for a store, as JSON on standard output or in a file that only you can read."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("store_id", type=int, metavar="STORE_ID")
        parser.add_argument("--app", required=True, metavar="CLIENT_ID", help="an app that is or was on the store")
        parser.add_argument("--output", type=Path, metavar="FILE", help="write there, replacing what it holds")
        parser.add_argument("--dry-run", action="store_true", help="only say how much there is")

    def handle(self, *, store_id: int, **options: Any) -> None:
        installation = shell.installation_of(store_id, options["app"])
        content = privacy.export(installation=installation)
        if options["dry_run"]:
            self.stdout.write(f"Would export {_sizes(content)}; nothing was written.")
            return
        audit.record_command("export_personal_data", what="exported personal data", target=installation)
        text = json.dumps(content, indent=2, ensure_ascii=False)
        if options["output"] is None:
            self.stdout.write(text)
            return
        try:
            _write(options["output"], text)
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"Wrote {options['output']}: {_sizes(content)}.")


def _sizes(content: dict[str, Any]) -> str:
    counts = {"settings": sum(1 for value in content["settings"].values() if value)}
    counts |= {name: len(rows) for name, rows in content.items() if isinstance(rows, list)}
    return ", ".join(f"{name}: {count}" for name, count in counts.items())


def _write(path: Path, text: str) -> None:
    """Write the file with mode 0600, whole or not at all: an interruption leaves what was there."""
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{text}\n")
        os.replace(unfinished, path)
    finally:
        Path(unfinished).unlink(missing_ok=True)
