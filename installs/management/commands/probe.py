"""`probe`: ask Ecwid now which tokens it still takes."""

from argparse import ArgumentParser
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.template.defaultfilters import pluralize

from accounts import audit
from installs.actions import probe, repeat
from installs.management import shell
from installs.models import Installation
from installs.models.installations import InstallationQuerySet

_FRESH = timedelta(minutes=10)


class Command(BaseCommand):
    """Ask Ecwid now what has become of tokens; the rows follow the answers as always."""

    help = (
        "Ask Ecwid now which tokens it still takes, and count the answers. An uninstalled app has no token and is not "
        "asked about; a token refused a moment ago waits for its confirming probe. Of several stores, those that "
        "answered within ten minutes are left out, so that an interrupted run can be started again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("store_id", nargs="?", type=int, metavar="STORE_ID", help="only this store's")
        parser.add_argument("--app", metavar="CLIENT_ID", help="only this app's")
        parser.add_argument("--all", action="store_true", help="every installation")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def handle(self, **options: Any) -> None:
        chosen = _chosen(options)
        rows = chosen if options["store_id"] else chosen.filter(_not_lately())
        pks = list(rows.installed().filter(held_at=None).order_by("pk").values_list("pk", flat=True))
        if options["dry_run"]:
            self.stdout.write(f"{len(pks)} token{pluralize(len(pks))} would be asked about. Nothing was asked.")
            return
        gone = chosen.exclude(uninstalled_at=None).count()
        held = chosen.installed().exclude(held_at=None).count()
        verdicts: Counter[str] = Counter()
        progress = shell.Progress(self.stdout, len(pks), "tokens")
        with shell.stoppable("Run it again to go on with those that were not asked about yet."):
            for done, pk in enumerate(pks, start=1):
                verdicts[_ask(pk)] += 1
                progress.show(done)
        audit.record_command("probe", what="probed tokens", changes={"rows": len(pks)} | dict(verdicts))
        self.stdout.write(_summary(verdicts, gone, held))


def _chosen(options: dict[str, Any]) -> InstallationQuerySet:
    """Return the installations that the arguments name.

    :raises CommandError: when they name none.
    """
    rows = Installation.objects.all()
    if not (options["store_id"] or options["app"] or options["all"]):
        raise CommandError("Say whose: a store ID, --app or --all.")
    if options["app"]:
        rows = rows.filter(app=shell.app_of(options["app"]))
    if options["store_id"]:
        rows = rows.filter(store__store_id=options["store_id"])
        if not rows.exists():
            raise CommandError(f"No such installation on store {options['store_id']}.")
    return rows


def _not_lately() -> Q:
    return Q(probed_at=None) | Q(probed_at__lt=datetime.now(UTC) - _FRESH)


def _ask(pk: int) -> str:
    """Ask about one token; return the verdict in a word."""
    if not repeat.probing(installations=Installation.objects.filter(pk=pk)):
        return "waiting for the confirming probe"
    verdict = probe.probe(installation_id=pk)
    return verdict.value if verdict else "asked by a worker"


def _summary(verdicts: Counter[str], uninstalled: int, held: int) -> str:
    counts = [f"{count} {verdict}" for verdict, count in verdicts.most_common()]
    if uninstalled:
        counts.append(f"{uninstalled} uninstalled, not asked about")
    if held:
        counts.append(f"{held} paused by an operator, not asked about")
    return f"{', '.join(counts)}." if counts else "Nothing to ask about."
