"""Fill a database with made-up history for trials and measurements. Run: make demo-data N=10000

Ends with 0, or with 1 and one line. The same seed gives the same history, but for the noise in sealed tokens.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from urllib.parse import urlsplit

import django
from django.db import connection, transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
django.setup()

from django.conf import settings  # noqa: E402  settings first

from installs.actions import tally  # noqa: E402
from installs.models import AppRegistration, Installation, RejectedDelivery  # noqa: E402
from scripts.demo import bulk, history, plot, stores, words  # noqa: E402

_SPAN = timedelta(days=60)
_SECRET = "MadeUpMadeUpMadeUpMadeUpMadeUp01"  # noqa: S105  of apps that no one else has


class Unwanted(Exception):
    """This database is not one to fill with made-up rows. The message is one line that says why."""


def main(arguments: list[str]) -> None:
    """Do what `arguments` ask for.

    :raises Unwanted: when the database holds real installations, or a real Ecwid would be asked about made-up ones.
    """
    asked = _parser().parse_args(arguments)
    if not asked.anyway:
        _require_a_playground()
    began = time.monotonic()
    apps = {app.pk: app.client_id for app in map(_app, words.APPS)}
    fill(_makers(apps, asked.seed, asked.events), asked.number)
    took = time.monotonic() - began
    print(f"\n{asked.number} installations in {took:.1f} s, {asked.number / took:,.0f} a second.")
    _reject(next(iter(apps)), asked.seed)
    bulk.settle([*stores.TABLES, *history.TABLES, RejectedDelivery])
    _count()
    print(f"Numbers of each day counted, {time.monotonic() - began:.1f} s in all.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.demo", description=__doc__)
    parser.add_argument("number", type=int, metavar="N", help="how many installations")
    parser.add_argument("--events", type=float, default=3, help="webhooks for each, in the last 30 days (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another history (%(default)s)")
    parser.add_argument("--anyway", action="store_true", help="even beside real installations, or with the real Ecwid")
    return parser


def _require_a_playground() -> None:
    real = Installation.objects.exclude(app__client_id__in=words.APPS)
    if real.exists():
        raise Unwanted("The database holds real installations. Name another in DATABASE_URL, or say --anyway.")
    host = urlsplit(settings.ECWID_API_URL).hostname or ""
    if host not in ("localhost", "127.0.0.1"):
        raise Unwanted(f"ECWID_API_URL is {host}, which would be asked about made-up tokens. Use the sandbox's.")


def fill(makers: Sequence[plot.Maker], number: int) -> None:
    """Write `number` installations, or none if this is interrupted.

    What one maker made gets its indexes while the rows of the next are being made. Where there are more rows already,
    building indexes anew would take longer than keeping them up.
    """
    anew = Installation.objects.count() <= number
    chunks, written = math.ceil(number / plot.CHUNK), 0
    lines = bulk.ahead(chunk for maker in makers for chunk in maker.made(number))
    with closing(lines), transaction.atomic():
        for maker in makers:
            with bulk.bare(maker.tables if anew else ()):
                for chunk in islice(lines, chunks):
                    maker.write(chunk)
                    written += 1
                    _say(f"\r{written / chunks / len(makers):.0%}", sys.stdout.isatty())


def _makers(apps: dict[int, str], seed: int, events: float) -> Sequence[plot.Maker]:
    story = plot.Plot(apps, seed)
    return [stores.Stores(story), history.Installs(story, events)]


def _app(client_id: str) -> AppRegistration:
    known = AppRegistration.objects.filter(client_id=client_id).first()
    return known or AppRegistration.objects.create(
        client_id=client_id,
        name=words.APPS[client_id],
        client_secret=_SECRET,
        client_secret_set_at=datetime.now(UTC),
        wanted_scopes=list(words.WANTED),
    )


def _reject(app: int, seed: int) -> None:
    """Some deliveries of the last week were not believed."""
    now = datetime.now(UTC)
    RejectedDelivery.objects.bulk_create(
        RejectedDelivery(
            app_id=app,
            reason=words.REJECTIONS[n % 7 % 3],
            signature="made-up",
            body="{}",
            received_at=now - timedelta(minutes=n * 47 + seed % 47),
        )
        for n in range(200)
    )


def _count() -> None:
    """Count all days at once; the worker would need a few runs for them."""
    today = datetime.now(UTC).date()
    day: date = today - timedelta(days=plot.HISTORY)
    while day <= today:
        tally.recount(day, min(day + _SPAN, today))
        day += _SPAN + timedelta(days=1)
    tally.catch_up()


def _say(text: str, aloud: bool) -> None:
    if aloud:
        print(text, end="", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Unwanted as error:
        sys.exit(str(error))
    finally:
        connection.close()
