"""What both sides are asked: the same installs, webhooks and pages, each install and webhook a new one."""

import copy
import http.client
import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench import load
from tests.bench.servers import Server
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET as SECRET
from tests.signed import event, sign

THREADS = 8
Round = Callable[[], "load.Result"]
Headers = dict[str, str]


@dataclass(frozen=True)
class Visitor:
    """A browser that is signed in, and the store it is about."""

    store_id: int
    cookie: str


@dataclass
class Traffic:
    """Makes requests: `size` of them a round."""

    sandbox: Sandbox
    numbers: Iterator[int]
    size: int

    def new_install(self) -> tuple[int, str, Headers]:
        """Press Install in a store that was never seen; return it, the redirect's query and what a browser sends."""
        number = next(self.numbers)
        store = copy.copy(self.sandbox.stores[1003])
        store.store_id = number
        store.profile = store.profile | {"generalInfo": store.profile["generalInfo"] | {"storeId": number}}
        self.sandbox.stores[number] = store
        code = self.sandbox.press_install("demo-app", number)
        headers = {"Referer": f"{self.sandbox.origin}/", "Sec-Fetch-Dest": "document"}
        return number, f"?code={code}&store_id={number}", headers

    def new_webhook(self, store_id: int = 1003, kind: str = "order.updated") -> tuple[bytes, Headers]:
        """Return a signed delivery: its body and headers."""
        fields = event(kind, store_id, eventId=str(uuid.uuid4()))
        signature = sign(SECRET, fields["eventCreated"], fields["eventId"])
        headers = {"Content-Type": "application/json", "X-Ecwid-Webhook-Signature": signature}
        return json.dumps(fields).encode(), headers

    def installs(self, server: Server, path: str) -> Round:
        """Return a round of fresh installs."""

        def jobs() -> Iterator[load.Send]:
            for _ in range(self.size):
                _number, query, headers = self.new_install()
                yield load.request("GET", path + query, headers=headers)

        # Made before the clock starts: pressing Install is the merchant's work, not the server's.
        return lambda: load.run(server, iter(list(jobs())), threads=THREADS)

    def webhooks(self, server: Server, path: str) -> Round:
        """Return a round of deliveries, each new."""

        def jobs() -> Iterator[load.Send]:
            for _ in range(self.size):
                body, headers = self.new_webhook()
                yield load.request("POST", path, body, headers)

        return lambda: load.run(server, iter(list(jobs())), threads=THREADS)

    def pages(self, server: Server, path: str, visitor: Visitor) -> Round:
        """Return a round of looks at one page."""
        look = load.request("GET", path, headers={"Cookie": visitor.cookie})
        return lambda: load.run(server, itertools.repeat(look, self.size), threads=THREADS)

    def visitor(self, server: Server, path: str) -> Visitor:
        """Install once more and keep the cookies."""
        number, query, headers = self.new_install()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        connection.request("GET", path + query, headers=headers)
        reply = connection.getresponse()
        reply.read()
        connection.close()
        given = reply.headers.get_all("Set-Cookie", [])
        return Visitor(number, "; ".join(one.partition(";")[0] for one in given))
