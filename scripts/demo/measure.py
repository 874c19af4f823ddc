"""How long the operators' pages take on the database of DATABASE_URL: a Markdown line for each page.

    python -m scripts.demo.measure --rounds 30

The answer's time without the network, what of it the database and this process's own CPU took, and its queries. On a
busy machine the two parts say more than the whole.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
django.setup()

from django.db import connection  # noqa: E402  settings first
from django.db.models import Model  # noqa: E402
from django.test import Client  # noqa: E402

from accounts.models import User  # noqa: E402
from installs.models import Installation, InstallAttempt, WebhookEvent  # noqa: E402
from tests.people import let_in  # noqa: E402

_NAME = "measures-pages"

_FIRST = {"dashboard, 30 days": "/admin/", "dashboard, a year": "/admin/?days=365"}
_LIST = "/admin/installs/installation/"
_VISITS = "/admin/installs/installattempt/"
_EVENTS = "/admin/installs/webhookevent/"
_FILTERS = {
    "uninstalled": "state=uninstalled",
    "token refused": "reason=disconnected",
    "plan or suspension": "reason=paused",
    "permissions missing": "reason=permissions",
    "settings not read": "reason=prefill",
    "degraded": "health=degraded",
    "missing permission": "lacks=update_orders",
    "a rare country": "country=IS",
    "subscription suspended": "subscription_status=SUSPENDED",
    "rare country, paused": "country=IS&reason=paused",
    "a day": "installed_at_from=2026-06-01&installed_at_to=2026-06-01",
}


def pages() -> dict[str, str]:
    """Return what to open, by name."""
    row = Installation.objects.select_related("store__settings").order_by("-pk")[100]
    return _FIRST | _installations(row) | _visits_and_events() | _accounts(row)


def _installations(row: Installation) -> dict[str, str]:
    settings, attempt = row.store.settings, InstallAttempt.objects.latest("pk")
    return {
        "list": _LIST,
        "list, page 100": f"{_LIST}?p=100",
        "list, oldest first": f"{_LIST}?o=8",
        "list, behind half of them": f"{_LIST}?after={_halfway(Installation)}",
        "search: store ID": f"{_LIST}?q={row.store.store_id}",
        "search: part of a name": f"{_LIST}?q={settings.store_name[1:8]}",
        "search: e-mail": f"{_LIST}?q={settings.contact_email}",
        "search: support code": f"{_LIST}?q={attempt.support_code}",
        "search that finds nothing": f"{_LIST}?q=nobody+of+that+name",
        **{f"filter: {name}": f"{_LIST}?{query}" for name, query in _FILTERS.items()},
        "one installation": f"{_LIST}{row.pk}/change/",
    }


def _visits_and_events() -> dict[str, str]:
    attempt, event = InstallAttempt.objects.latest("pk"), WebhookEvent.objects.latest("pk")
    return {
        "visits": _VISITS,
        "one visit by its code": f"{_VISITS}?q={attempt.support_code}",
        "visits of a rare ending": f"{_VISITS}?outcome__exact=secret_wrong",
        "visits of a rare way": f"{_VISITS}?source__exact=native",
        "events": _EVENTS,
        "events, behind half of them": f"{_EVENTS}?after={_halfway(WebhookEvent)}",
        "events of a store": f"{_EVENTS}?q={event.store_id}",
        "one event by its ID": f"{_EVENTS}?q={event.event_id}",
        "events that failed": f"{_EVENTS}?state__exact=failed",
    }


def _accounts(row: Installation) -> dict[str, str]:
    settings = row.store.settings
    return {
        "stores": "/admin/accounts/store/",
        "stores: part of a name": f"/admin/accounts/store/?q={settings.store_name[1:8]}",
        "people": "/admin/accounts/user/",
        "people: e-mail": f"/admin/accounts/user/?q={settings.contact_email}",
        "apps": "/admin/installs/appregistration/",
        "one app": f"/admin/installs/appregistration/{row.app_id}/change/",
        "palette: part of a name": f"/admin/search/?extended=1&s={settings.store_name[1:8]}",
    }


def _halfway(model: type[Model]) -> int:
    """Return the key of a row in the middle of a table."""
    rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
    first, last = rows[0], rows.last()
    return int(rows.filter(pk__gte=(first + last) // 2)[0])


class Database:
    """Notes how long each query took."""

    def __init__(self) -> None:
        self.took: list[float] = []

    def __call__(self, execute: Callable[..., Any], *query: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*query)
        finally:
            self.took.append(time.perf_counter() - began)


def measure(browser: Client, address: str, rounds: int) -> str:
    """Return what is measured of a page: queries, then milliseconds of database, CPU, and p50 and p95 of the whole."""
    status = browser.get(address).status_code
    assert status in (200, 302), (address, status)  # noqa: S101  a measure of a refusal is none
    wall, cpu, database = [], [], []
    for n in range(rounds):
        asked = Database()
        with connection.execute_wrapper(asked):
            began = time.perf_counter(), time.process_time()
            browser.get(f"{address}{n}" if "/search/" in address else address)  # its answers are kept for a while
            wall.append(time.perf_counter() - began[0])
            cpu.append(time.process_time() - began[1])
        database.append(sum(asked.took))
    cuts = quantiles(wall, n=20, method="inclusive")
    figures = (median(database), median(cpu), cuts[9], cuts[18])
    return " | ".join([str(len(asked.took)), *(f"{seconds * 1000:.0f}" for seconds in figures)])


def main() -> None:
    """Measure every page and print a table."""
    parser = argparse.ArgumentParser(prog="python -m scripts.demo.measure", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="answers of each page (%(default)s)")
    rounds = parser.parse_args().rounds
    person, _ = User.objects.get_or_create(username=_NAME, is_staff=True, is_superuser=True)
    browser = let_in(Client(headers={"Host": "localhost"}), person)
    print("| page | queries | database, ms | CPU, ms | p50, ms | p95, ms |\n| --- | --: | --: | --: | --: | --: |")
    try:
        for name, address in pages().items():
            print(f"| {name} | {measure(browser, address, rounds)} |", flush=True)
    finally:
        person.delete()


if __name__ == "__main__":
    main()
