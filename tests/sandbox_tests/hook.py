"""An app's webhook address: an HTTP server on loopback that keeps what it was sent and answers as told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.sandbox import Sandbox


@dataclass(frozen=True)
class Letter:
    """One request as it came."""

    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """Read the body."""
        return json.loads(self.body)


@dataclass
class Hook:
    """What came, and what to answer: `statuses` one after the other, the last one from then on.

    `before` is called, `seconds` go by and `may_answer` is awaited before an answer.
    """

    letters: list[Letter] = field(default_factory=list)
    statuses: list[int] = field(default_factory=lambda: [200])
    seconds: float = 0.0
    before: Callable[[], object] = bool
    url: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)
    answers: int = 0

    @property
    def types(self) -> list[str]:
        """List the types of the events that came, oldest first."""
        return [letter.json["eventType"] for letter in self.letters]

    def next_status(self) -> int:
        """Give the status to answer with."""
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def listening() -> Iterator[Hook]:
    """Listen on a free port until the end."""
    hook = Hook()
    hook.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.letters.append(Letter(self.path, self.headers, body))
            status = hook.next_status()
            hook.before()
            time.sleep(hook.seconds)
            hook.may_answer.wait()
            hook.answers += 1
            try:
                self.send_response(status)
                if status in {301, 302, 307}:
                    self.send_header("Location", hook.url)
                self.end_headers()
            except ConnectionError:
                return

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        hook.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        try:
            yield hook
        finally:
            hook.may_answer.set()
            server.shutdown()
            thread.join()


def connect(sandbox: Sandbox, hook: Hook, client_id: str = "demo-app") -> None:
    """Make it the webhook address of an app."""
    sandbox.add_app(client_id, webhook_url=hook.url, redirect_url="http://hub.example/return/")
