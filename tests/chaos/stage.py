"""The stage of one fault: Ecwid's stand-in, the hub's processes, merchants and events, and the verdict at the end."""

import copy
import itertools
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import requests
from django.db import Error, connection

from installs.models import Erasure, Installation, InstallAttempt, WebhookEvent
from tests.cast import SCOPES
from tests.processes import Hub, Process, new_browser
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET, event, sign

PATIENCE = 150.0
_RELOADING = 20.0
APP = "demo-app"
FIRST = 500_000


@dataclass
class Verdict:
    """What a fault came to in one story."""

    fault: str
    story: str
    of: int
    lost: int
    doubled: int
    seconds: float

    def line(self) -> dict[str, object]:
        return asdict(self)


class Stage:
    """One hub with one app, on the database that Django is set up for."""

    def __init__(self, fault: str, folder: Path, market: Sandbox) -> None:
        self.fault = fault
        self.market = market
        folder.mkdir()
        self.hub = Hub(folder, market)
        self.hub.manage("migrate", "--verbosity=0")
        app = (APP, "--name=Parcel Pilot", f"--scopes={' '.join(SCOPES)}")
        self.hub.manage("register_app", *app, CLIENT_SECRET=CLIENT_SECRET)
        back = f"{self.hub.url}/apps/{APP}/return/"
        market.add_app(APP, client_secret=CLIENT_SECRET, redirect_url=back, scopes=SCOPES)
        self._numbers = itertools.count(FIRST)
        self._addresses: dict[int, str] = {}
        self._posted: set[str] = set()

    # What happens

    def press(self, count: int) -> list[int]:
        """Press Install in so many new stores; nobody has followed the redirect yet."""
        stores = list(itertools.islice(self._numbers, count))
        for number in stores:
            store = copy.copy(self.market.stores[1003])
            store.store_id = number
            profile = copy.deepcopy(store.profile)
            profile["generalInfo"]["storeId"] = number
            profile["settings"]["storeName"] = f"Shop {number}"
            store.profile = profile
            self.market.stores[number] = store
            self._point_to(number)
        return stores

    def _point_to(self, number: int) -> None:
        parts = urlsplit(self.market.redirect_address(APP, number))
        self._addresses[number] = f"{parts.path}?{parts.query}"

    def arrive(self, stores: Iterable[int]) -> list[int]:
        """Let every merchant come at once; return the status each one got, 0 for none."""
        with ThreadPoolExecutor(8) as browsers:
            return list(browsers.map(self._visit, [self._addresses[number] for number in stores]))

    def insist(self, stores: Iterable[int]) -> int:
        """Let merchants reload as people do; whoever is not let in presses Install again. Return how many had to."""
        with ThreadPoolExecutor(8) as browsers:
            waits = list(browsers.map(lambda number: self.wait(partial(self._is_let_in, number), _RELOADING), stores))
        again = [number for number, waited in zip(stores, waits, strict=True) if waited >= _RELOADING]
        for number in again:
            self._point_to(number)
        self.arrive(again)
        return len(again)

    def rename(self, stores: Iterable[int]) -> None:
        """Change the stores' names and tell the hub, as Ecwid does: until it takes it."""
        for number in stores:
            profile = copy.deepcopy(self.market.stores[number].profile)
            profile["settings"]["storeName"] = f"Renamed {number}"
            self.market.stores[number].profile = profile
            self.tell("profile.updated", number)

    def tell(self, kind: str, number: int) -> None:
        """Deliver one event, again and again until it is taken."""
        fields = event(kind, number, eventId=str(uuid.uuid4()))
        headers = {"X-Ecwid-Webhook-Signature": sign(CLIENT_SECRET, fields["eventCreated"], fields["eventId"])}
        self._posted.add(str(fields["eventId"]))
        address = f"{self.hub.url}/apps/{APP}/webhook/"

        def taken() -> bool:
            try:
                with new_browser() as ecwid:
                    return ecwid.post(address, json.dumps(fields), headers=headers, timeout=10).status_code == 200
            except requests.RequestException:
                return False

        self.wait(taken)

    def kill_during(self, kind: str, process: Process) -> threading.Event:
        """Kill a process with all it started in the middle of its next call of a kind; return what tells when."""
        done = threading.Event()

        def kill() -> None:
            process.kill()
            done.set()

        self.market.on_call(kind, kill)
        return done

    # What came of it

    def right(self, number: int) -> bool:
        """Tell whether a store is here as it is there: one install, the living token, the present name."""
        rows = Installation.objects.select_related("store__settings", "prefill").filter(store__store_id=number)
        one = rows.first()
        return (
            one is not None
            and [one.secret_token] == self.market.live_tokens(APP, number)
            and one.prefill.state == "done"
            and one.store.settings.store_name == self.market.stores[number].profile["settings"]["storeName"]
        )

    def handled(self) -> int:
        """Count the events of ours that have been handled."""
        return WebhookEvent.objects.filter(event_id__in=self._posted, state="done").count()

    def wait(self, true: Callable[[], bool], seconds: float = PATIENCE) -> float:
        """Wait until it is true, whatever the database does meanwhile; return the seconds, or those of giving up."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            try:
                if true():
                    break
            except Error:
                connection.close()
            time.sleep(0.1)
        return time.monotonic() - began

    def healed(self, story: str, stores: list[int], *, presses: int = 1) -> Verdict:
        """Wait until all is well, and count what is not."""

        def well() -> bool:
            return all(map(self.right, stores)) and self.handled() == len(self._posted)

        seconds = self.wait(well)
        lost = sum(not self.right(number) for number in stores) + len(self._posted) - self.handled()
        return Verdict(self.fault, story, len(stores), lost, self.doubled(stores, presses), round(seconds, 1))

    def doubled(self, stores: list[int], presses: int = 1) -> int:
        """Count codes that were exchanged twice, installs that counted twice, and stores with two receipts."""
        codes = Counter(call.form.get("code") for call in self.market.calls_of("token"))
        rows = Installation.objects.filter(store__store_id__in=stores, generation__gt=presses)
        attempts = Counter(InstallAttempt.objects.exclude(code_hash=None).values_list("code_hash", flat=True))
        receipts = Counter(Erasure.objects.values_list("store_id", flat=True))
        twice = sum(count > 1 for seen in (codes, attempts, receipts) for count in seen.values())
        return twice + rows.count()

    def _is_let_in(self, number: int) -> bool:
        return self._visit(self._addresses[number]) in (200, 303)

    def _visit(self, address: str) -> int:
        try:
            return self.hub.follow(address).status_code
        except requests.RequestException:
            return 0
