"""`rotate_keys`: seal every secret anew with the newest of TOKEN_KEYS."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit, sealing
from installs import keys
from installs.actions import rotate
from installs.management import shell


class Command(BaseCommand):
    """Seal every secret anew with the newest key, and say which keys may go."""

    help = (
        "Seal every secret anew with the newest of TOKEN_KEYS, while the service goes on. First make sure that every "
        "process has the new key: put it at the end of TOKEN_KEYS everywhere and restart, then move it to the front "
        "and restart, then run this. It may be stopped and run again. With --check it only says which keys are in use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail while an older key is in use")
        parser.add_argument("--reason", default="rotation from the shell", metavar="TEXT", help="for the record")

    def handle(self, **options: Any) -> None:
        if not options["check"] and rotate.remaining():
            job = rotate.order(reason=options["reason"], by=None)
            audit.record_command("rotate_keys", what=job.title, target=job, reason=job.reason)
            with shell.stoppable("A worker goes on with it, and so does running it again."):
                shell.work_off(job, self.stdout, "secrets")
            self.stdout.write(f"{job.done} sealed anew.")
        self._report()

    def _report(self) -> None:
        in_use, newest = keys.in_use(), sealing.current_key_id()
        left = 0
        for key in sealing.key_ids():
            counts = keys.counts(key) if key != newest else {}
            left += sum(counts.values())
            self.stdout.write(f"{key}  {_words(counts, newest=key == newest)}")
        if lost := sorted(set(in_use) - set(sealing.key_ids())):
            raise CommandError(f"In use and not in TOKEN_KEYS: {', '.join(lost)}. Put them back at its end.")
        if left:
            raise CommandError(f"{left} secrets are still sealed with older keys: run it again.")


def _words(counts: dict[str, int], *, newest: bool) -> str:
    if newest:
        return "seals everything new"
    where = ", ".join(f"{place}: {count}" for place, count in counts.items())
    return f"in use, must stay: {where}" if counts else "seals nothing, may be removed from TOKEN_KEYS"
