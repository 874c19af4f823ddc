"""`replay_events`: put recorded events back to be handled."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from accounts import audit, doorbell
from installs import tasks
from installs.actions import repeat
from installs.ecwid import webhooks
from installs.management import shell
from installs.models import Leased, WebhookEvent
from installs.models.events import WebhookEventQuerySet

_FILTERS = ("event_id", "app", "type", "store", "dead", "since")


def _moment(text: str) -> datetime:
    """Read 2026-11-20 or 2026-11-20T08:00, in UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a time such as 2026-11-20 or 2026-11-20T08:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Put events back to be handled, as if they had just come."""

    help = (
        "Put recorded events back to be handled, as if they had just come; a worker takes them up within seconds. "
        "All or none: an interrupted run has put back nothing. Filters combine; at least one is needed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("event_id", nargs="?", metavar="EVENT_ID", help="one event, by Ecwid's id")
        parser.add_argument("--app", metavar="CLIENT_ID", help="only this app's")
        parser.add_argument("--type", metavar="TYPE", help="only this type, in any spelling: order.updated")
        parser.add_argument("--store", type=int, metavar="STORE_ID", help="only this store's")
        parser.add_argument("--dead", action="store_true", help="only those that failed for good")
        parser.add_argument("--since", type=_moment, metavar="TIME", help="only those received since: 2026-11-20T08:00")
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def handle(self, **options: Any) -> None:
        events = _chosen(options)
        count, busy = repeat.repeatable(events).count(), events.count()
        if options["event_id"] and not busy:
            raise CommandError(f"No recorded event has the id {options['event_id']}.")
        if options["dry_run"]:
            self.stdout.write(f"{count} event{pluralize(count)} would be put back. Nothing was changed.")
            return
        progress = shell.Progress(self.stdout, count, "events")
        with shell.stoppable("Nothing was put back; run it again to begin anew."):
            done = repeat.handling(events=events, tell=progress.show)
        asked = sorted(name for name in _FILTERS if options[name])
        changes = {"rows": done, "filters": asked}
        audit.record_command("replay_events", what="had events handled again", changes=changes)
        doorbell.ring(tasks.drain)
        left = f" Left alone, because a worker is handling them right now: {busy - done}." if busy > done else ""
        self.stdout.write(f"{done} event{pluralize(done)} put back to be handled.{left}")


def _chosen(options: dict[str, Any]) -> WebhookEventQuerySet:
    """Return the events that the filters leave.

    :raises CommandError: when there is no filter: replaying everything is never meant.
    """
    wanted: dict[str, Any] = {
        "event_id": options["event_id"],
        "app": options["app"] and shell.app_of(options["app"]),
        "type": options["type"] and webhooks.normalise(options["type"]),
        "store_id": options["store"],
        "state": Leased.State.FAILED if options["dead"] else None,
        "received_at__gte": options["since"],
    }
    filters = {name: value for name, value in wanted.items() if value is not None}
    if not filters:
        raise CommandError("Say which: an event id, --app, --type, --store, --dead or --since.")
    return WebhookEvent.objects.filter(**filters)
