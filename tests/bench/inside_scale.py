"""The requests of `tests.bench.scale`, made inside one process against the database of DATABASE_URL."""

import json
import os
import random
import statistics
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecwidhub.settings")
django.setup()

from django.conf import settings  # noqa: E402  after the settings
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from accounts import links  # noqa: E402
from accounts.models import Store, User  # noqa: E402
from installs import tasks  # noqa: E402
from installs.models import InstallAttempt, Prefill  # noqa: E402
from tests.people import let_in  # noqa: E402
from tests.signed import event, sign  # noqa: E402

settings.WHITENOISE_USE_FINDERS = False
LISTS = (
    "/admin/",
    "/admin/installs/installation/",
    "/admin/installs/installation/?reason=disconnected",
    "/admin/installs/webhookevent/",
    "/admin/installs/installattempt/",
    "/admin/accounts/store/",
)


@dataclass
class Taken:
    """What requests of one kind took."""

    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(figures) for name, figures in vars(self).items()}


class Clock:
    """Takes the time of what it is given to do, and of the statements in it."""

    def __init__(self) -> None:
        self.taken: dict[str, Taken] = {}
        self._database: list[float] = []

    def take(self, name: str, job: Callable[[], Any]) -> Any:
        self._database = []
        with connection.execute_wrapper(self._note):
            began, worked = time.perf_counter(), time.process_time()
            result = job()
            took, worked = time.perf_counter() - began, time.process_time() - worked
        one = self.taken.setdefault(name, Taken())
        one.ms.append(took * 1000)
        one.cpu_ms.append(worked * 1000)
        one.database_ms.append(sum(self._database) * 1000)
        one.statements.append(len(self._database))
        return result

    def _note(self, execute: Callable[..., Any], *statement: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*statement)
        finally:
            self._database.append(time.perf_counter() - began)


def main(given: dict[str, Any]) -> None:
    """Do everything some times, the first time unmeasured, and print the medians."""
    times, clock = len(given["installs"]), Clock()
    operator, _ = User.objects.get_or_create(username="scale", is_staff=True, is_superuser=True)
    admin = Client(SERVER_NAME="localhost")
    let_in(admin, operator)
    for at, address in enumerate(given["installs"]):
        if at == 1:
            clock.taken.clear()
        _merchant(clock, given, address)
        _returning(clock, _anyone())
        _knock(clock, given, _anyone().store_id)
        code = InstallAttempt.objects.order_by("-pk").values_list("support_code", flat=True)[0]
        for path in LISTS:
            clock.take(f"admin: {path}", partial(_look, admin, path))
        clock.take("admin: search a store", partial(_look, admin, f"{LISTS[1]}?q={_anyone().store_id}"))
        clock.take("admin: search a support code", partial(_look, admin, f"{LISTS[4]}?q={code}"))
    assert times > 1
    print(json.dumps({name: taken.medians() for name, taken in clock.taken.items()}))


def _anyone() -> Store:
    """Return a store of the made-up ones, from anywhere among them."""
    first, last = Store.objects.order_by("pk")[0].pk, Store.objects.order_by("-pk")[0].pk
    return Store.objects.filter(pk__gte=random.randint(first, last)).order_by("pk")[0]


def _look(browser: Client, path: str) -> Any:
    return _ok(browser.get(path))


def _ok(answer: Any) -> Any:
    assert answer.status_code in (200, 302, 303), (answer.status_code, answer.headers.get("Location"))
    return answer


def _merchant(clock: Clock, given: dict[str, Any], address: str) -> None:
    browser = Client(SERVER_NAME="localhost", headers={"Referer": f"{given['admin']}/", "Sec-Fetch-Dest": "document"})
    browser.get("/healthz")  # the first request of a browser here sets up the middleware
    clock.take("install", lambda: _ok(browser.get(address)))
    number = address.rpartition("=")[2]
    pk = Prefill.objects.order_by("-pk").values_list("pk", flat=True)[0]
    clock.take("prefill", lambda: tasks.prefill(pk))
    clock.take("onboarding page", lambda: _ok(browser.get(f"/stores/{number}/onboarding/")))
    clock.take("store page", lambda: _ok(browser.get(f"/stores/{number}/")))


def _returning(clock: Clock, store: Store) -> None:
    browser = Client(SERVER_NAME="localhost")
    link = links.address(store.owner).removeprefix(settings.SITE_URL)
    browser.get("/healthz")
    clock.take("sign in by a link", lambda: _ok(browser.post(link)))
    clock.take("home", lambda: browser.get("/", follow=True))


def _knock(clock: Clock, given: dict[str, Any], store_id: int) -> None:
    fields = event("order.updated", store_id, eventId=str(uuid.uuid4()))
    signature = sign(given["secret"], fields["eventCreated"], fields["eventId"])
    client, path = Client(SERVER_NAME="localhost"), f"/apps/{given['app']}/webhook/"
    client.get("/healthz")
    headers = {"X-Ecwid-Webhook-Signature": signature}
    clock.take(
        "webhook", lambda: _ok(client.post(path, json.dumps(fields), content_type="application/json", headers=headers))
    )


if __name__ == "__main__":
    main(json.load(sys.stdin))
