"""`import_installations`: take installations over from a file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from installs import manifests
from installs.actions import takeover
from installs.management import shell
from installs.models import ImportLine, Job, Outcome


class Command(BaseCommand):
    """Take installations over from CSV or JSON, each probed first."""

    help = (
        "Take over the installations that FILE lists as CSV (store_id,secret_token,public_token,scopes), as a JSON "
        "array, or as one JSON object a line. Each token is probed; a store that is here already keeps its own. "
        "Stopped, it goes on with --resume. Try it with --dry-run first, and delete FILE afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
        parser.add_argument("--app", metavar="CLIENT_ID", help="the app whose tokens they are")
        parser.add_argument("--dry-run", action="store_true", help="probe every token and save nothing")
        parser.add_argument("--resume", type=int, metavar="JOB", help="go on with a job that was stopped")
        parser.add_argument("--reason", default="import from the shell", metavar="TEXT", help="for the record")

    def handle(self, **options: Any) -> None:
        job = _resumed(options["resume"]) if options["resume"] else _ordered(options)
        with shell.stoppable(f"A worker goes on with it; or run: import_installations --resume {job.pk}"):
            shell.work_off(job, self.stdout, "lines")
        for line in ImportLine.objects.filter(job=job).exclude(outcome=Outcome.DONE).order_by("number").iterator():
            self.stdout.write(f"line {line.number}, store {line.store_id or '?'}: {line.words}")
        done = "would be taken over" if job.params["dry_run"] else "taken over"
        self.stdout.write(f"Job {job.pk}: {job.done} {done}, {job.left} left alone, {job.failed} failed.")
        if job.failed:
            raise CommandError(f"{job.failed} of {job.total} lines failed.")


def _ordered(options: dict[str, Any]) -> Job:
    if not (options["file"] and options["app"]):
        raise CommandError("Say which FILE, and whose tokens they are by --app.")
    try:
        content = options["file"].read_bytes()
    except OSError as error:
        raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
    app, reason = shell.app_of(options["app"]), options["reason"]
    try:
        job = takeover.order(app=app, content=content, dry_run=options["dry_run"], reason=reason, by=None)
    except manifests.Unreadable as error:
        raise CommandError(f"Nothing was taken over. {error}") from error
    changes = {"rows": job.total, "dry_run": options["dry_run"]}
    audit.record_command("import_installations", what=job.title, target=job, reason=job.reason, changes=changes)
    return job


def _resumed(pk: int) -> Job:
    job = Job.objects.filter(pk=pk, kind=takeover.KIND).first()
    if job is None:
        raise CommandError(f"No import has the number {pk}.")
    return job
