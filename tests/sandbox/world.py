"""All that the sandbox knows, and what can happen to it: install, connect, exchange, uninstall.

Everything is done under `lock`, which is never held while an answer is being sent or held back.
"""

import secrets
import string
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from tests.sandbox import scopes, stores
from tests.sandbox.callbacks import Callbacks
from tests.sandbox.calls import Call
from tests.sandbox.courier import Courier
from tests.sandbox.disturb import Disturbances
from tests.sandbox.limiter import Limiter
from tests.sandbox.messages import Request
from tests.sandbox.news import News
from tests.sandbox.records import App, Batch, Code, Installation, Pair, Store, Token
from tests.sandbox.switches import Switches

CALLS_KEPT = 20_000
_ALPHABET = string.ascii_letters + string.digits


class World:
    """The state; `version` grows with every change worth keeping."""

    def __init__(self, apps: Sequence[App]) -> None:
        self.lock = threading.RLock()
        self.origin = ""
        self.version = 0
        self.disturbances = Disturbances()
        self.callbacks = Callbacks()
        self.courier = Courier(lambda: self.switches)
        self.news = News(self)
        self.mail: Path | None = None
        self._first_switches = Switches()
        self._first_apps = tuple(apps)
        self.reset()

    def reset(self) -> None:
        """Go back to the beginning: the made-up stores, the first apps, nothing installed, nothing called."""
        with self.lock:
            self.disturbances.calm()
            self.callbacks.forget()
            self.courier.reset()
            self.switches = replace(self._first_switches)
            self.limiter = Limiter(self.switches)
            self.apps = {app.client_id: app for app in self._first_apps}
            self.stores: dict[int, Store] = stores.all_stores()
            self.installations: dict[tuple[str, int], Installation] = {}
            self.codes: dict[str, Code] = {}
            self.tokens: dict[str, Token] = {}
            self.batches: list[Batch] = []
            self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
            self.version += 1

    def begin_with(self, switches: Switches) -> None:
        """Begin with these switches, now and after every reset."""
        self._first_switches = switches
        self.reset()

    def record(self, kind: str, request: Request) -> Call:
        """Write down a call as it arrives; its status follows when it is answered."""
        body = request.body.decode("utf-8", "replace")
        at = datetime.fromtimestamp(time.time(), UTC)
        call = Call(kind, request.method, request.path, request.query, request.headers, body, 0, at)
        with self.lock:
            self.calls.append(call)
        return call

    def install(self, app: App, store: Store, wanted: Iterable[str] | None = None) -> Code:
        """Install as the Market does and make a code; an older installation of it ends here."""
        with self.lock:
            self._end(app.client_id, store.store_id, void_codes=self.switches.reinstall_voids_codes)
            granted = scopes.with_always(app.scopes if wanted is None else wanted)
            return self._code(self._installed(app, store, granted), app.redirect_url, market=True)

    def connect(self, app: App, store: Store, wanted: Iterable[str], redirect_uri: str) -> Code:
        """Install as the consent page does; an older token works until the new code is exchanged."""
        with self.lock:
            installation = self._installed(app, store, scopes.with_always(wanted))
            return self._code(installation, redirect_uri, market=False)

    def uninstall(self, client_id: str, store_id: int) -> bool:
        """End an installation: its tokens die. Tell whether there was one."""
        with self.lock:
            was = self._end(client_id, store_id, void_codes=True)
            if was:
                self.news.uninstalled(client_id, store_id)
            return was

    def subscribe(self, client_id: str, store_id: int, status: str) -> Installation:
        """Set what the app's subscription in a store is.

        :raises KeyError: when the app is not installed there
        """
        with self.lock:
            installation = self.installations[client_id, store_id]
            old, installation.subscription = installation.subscription, status
            self.news.subscription(client_id, store_id, old, status)
            self.version += 1
            return installation

    def profile_changed(self, store: Store) -> None:
        """Take note that a profile was changed from outside."""
        with self.lock:
            store.changed["profile"] = time.time()
            self.news.profile(store.store_id)
            self.version += 1

    def set_plan(self, store: Store, *, has_api: bool) -> None:
        """Move a store between its paid plan and the free one."""
        with self.lock:
            old, store.plan_has_api = _plan(store), has_api
            self.news.plan(store.store_id, old, _plan(store))
            self.version += 1

    def exchange(self, code: Code) -> Code:
        """Spend a code: give it a new pair of tokens; the older pair dies."""
        with self.lock:
            if code.market or not self.switches.reconnect_keeps_token:
                self._kill(code.client_id, code.store_id)
            pair = self._issue(code)
            code.secret_token, code.public_token = pair.secret, pair.public
            return code

    def open(self, app: App, store: Store) -> Pair:
        """Give the tokens that a native page is opened with; the first opening installs. Source: contract §8.3."""
        with self.lock:
            key = app.client_id, store.store_id
            installation = self.installations.get(key) or self._installed(app, store, scopes.with_always(app.scopes))
            alive = [one for one in self._of(*key) if one.alive]
            secret = [one.value for one in alive if not one.public]
            public = [one.value for one in alive if one.public]
            return Pair(secret[-1], public[-1] if public else "") if secret else self._issue(installation)

    def disable(self, code: Code) -> None:
        """Disable the tokens that a code gave. Source: contract §2.5."""
        with self.lock:
            for value in (code.secret_token, code.public_token):
                if value in self.tokens:
                    self.tokens[value].alive = False
            self.version += 1

    def move(self, secret_token: str, store_id: int) -> None:
        """Make the tokens issued with this one, and an installation, those of another store."""
        with self.lock:
            first = self.tokens[secret_token]
            for token in self._of(first.client_id, first.store_id):
                if token.alive:
                    token.store_id = store_id
            self._installed(self.apps[first.client_id], self.stores[store_id], first.scopes)
            self.version += 1

    def is_fresh(self, code: Code) -> bool:
        """Tell whether a code is still worth something."""
        return not code.void and time.time() - code.made_at < self.switches.code_seconds

    def live_tokens(self, client_id: str, store_id: int) -> list[str]:
        """List the secret tokens that work now, oldest first."""
        with self.lock:
            return [one.value for one in self._of(client_id, store_id) if one.alive and not one.public]

    def _installed(self, app: App, store: Store, granted: tuple[str, ...]) -> Installation:
        key = app.client_id, store.store_id
        is_new = key not in self.installations
        installation = self.installations.setdefault(key, Installation(*key, granted, time.time()))
        installation.scopes = granted
        if is_new:
            self.news.installed(*key)
        return installation

    def _code(self, at: Installation, redirect_uri: str, *, market: bool) -> Code:
        code = Code(_random(10), at.client_id, at.store_id, at.scopes, redirect_uri, time.time(), market)
        self.codes[code.value] = code
        self.version += 1
        return code

    def _end(self, client_id: str, store_id: int, *, void_codes: bool) -> bool:
        self._kill(client_id, store_id)
        for code in self.codes.values():
            if void_codes and (code.client_id, code.store_id) == (client_id, store_id):
                code.void = True
        self.version += 1
        return self.installations.pop((client_id, store_id), None) is not None

    def _kill(self, client_id: str, store_id: int) -> None:
        for token in self._of(client_id, store_id):
            token.alive = False

    def _of(self, client_id: str, store_id: int) -> list[Token]:
        key = client_id, store_id
        return [one for one in self.tokens.values() if (one.client_id, one.store_id) == key]

    def _issue(self, to: Code | Installation) -> Pair:
        self.version += 1
        return Pair(self._token("secret_", to), self._token("public_", to) if scopes.PUBLIC in to.scopes else "")

    def _token(self, prefix: str, to: Code | Installation) -> str:
        value = prefix + _random(32)
        public = prefix == "public_"
        self.tokens[value] = Token(value, to.client_id, to.store_id, to.scopes, public)
        return value


def _plan(store: Store) -> str:
    """Name the plan; the names themselves are made up."""
    return "Business" if store.plan_has_api else "Free"


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
