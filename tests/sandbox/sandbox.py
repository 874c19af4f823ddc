"""The sandbox in one's hand: start it, act as a merchant, make it misbehave, see what it saw."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, Unpack
from urllib.parse import urlsplit

from tests.sandbox import demo, disturb, events, messages, native, oauth, saved
from tests.sandbox.callbacks import Callback
from tests.sandbox.calls import Call
from tests.sandbox.disturb import Disturbance
from tests.sandbox.events import EventFields
from tests.sandbox.native import Opening
from tests.sandbox.posting import Delivery
from tests.sandbox.records import App, AppFields, Installation, Store
from tests.sandbox.server import Server
from tests.sandbox.switches import Switches
from tests.sandbox.world import World


class Sandbox:
    """Ecwid on a port of its own, in threads of its own. Also a context manager.

    `apps` are those of the beginning, the demo app when none are given; `state` is a file that keeps what is
    installed from one run to the next.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        apps: Sequence[App] = (),
        state: Path | None = None,
    ) -> None:
        self.world = World(apps or (demo.demo_app(),))
        self._address = host, port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self._keeper = saved.Keeper(self.world, state)

    def start(self) -> Self:
        """Listen and answer, until `stop`.

        :raises OSError: when the address cannot be listened on
        :raises ValueError: when the state file cannot be read
        """
        if self._server is not None:
            raise RuntimeError("The sandbox is started already.")
        self._keeper.load()
        server = Server(self._address, self.world, self._keeper.keep)
        self.world.origin = f"http://{self._address[0]}:{server.server_address[1]}"
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.world.courier.start()
        self._server = server
        return self

    def stop(self) -> None:
        """Break off whatever is going on and let go of the port; once is enough, twice does no harm.

        :raises BaseException: what went wrong in a callback of `on_call`, when nobody has heard of it yet
        """
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._calm()
        self.world.courier.stop()
        self._server.hang_up()
        self._keeper.keep()
        self._server = self._thread = None
        self.world.callbacks.raise_errors()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def origin(self) -> str:
        """Where it listens, such as `http://127.0.0.1:54321`."""
        return self.world.origin

    @property
    def oauth_url(self) -> str:
        """What `/authorize` and `/token/{store_id}` hang under."""
        return f"{self.origin}/api/oauth"

    @property
    def api_url(self) -> str:
        """What `/{store_id}/profile` hangs under."""
        return f"{self.origin}/api/v3"

    @property
    def switches(self) -> Switches:
        """The switches, to be set at any time; `reset` puts them back."""
        return self.world.switches

    @property
    def stores(self) -> dict[int, Store]:
        """The stores by id; profiles and flags may be changed at any time."""
        return self.world.stores

    @property
    def calls(self) -> list[Call]:
        """Every call so far, oldest first."""
        with self.world.lock:
            return list(self.world.calls)

    def calls_of(self, kind: str) -> list[Call]:
        """Give the calls of one kind, oldest first."""
        return [call for call in self.calls if call.kind == kind]

    def reset(self) -> None:
        """Go back to the beginning: made-up stores, first apps, no calls, no disturbances, no switches.

        :raises BaseException: what went wrong in a callback of `on_call`
        """
        self.world.reset()
        self.world.callbacks.raise_errors()

    def add_app(self, client_id: str, **record: Unpack[AppFields]) -> App:
        """Register an app, or replace its record; tokens already issued keep their scopes."""
        app = App(client_id, **record)
        with self.world.lock:
            self.world.apps[client_id] = app
        return app

    def press_install(self, client_id: str, store_id: int, scopes: Iterable[str] | None = None) -> str:
        """Install the app as the Market does and give the code of its redirect.

        :raises KeyError: when there is no such app or store
        """
        world = self.world
        code = world.install(world.apps[client_id], world.stores[store_id], scopes).value
        world.courier.wait_for_urgent()
        return code

    def redirect_address(self, client_id: str, store_id: int) -> str:
        """Install the app and give the whole address the browser would be sent to.

        :raises KeyError: when there is no such app or store
        """
        code = self.press_install(client_id, store_id)
        return oauth.market_address(self.world, self.world.codes[code])

    def authorize(self, url: str, store_id: int) -> str:
        """Press Allow on the consent page of `url` as the owner of a store; give where the browser goes.

        :raises tests.sandbox.ConsentError: when the page shows an error instead of asking
        """
        with self.world.lock:
            address = oauth.allow(self.world, oauth.read_wish(self.world, _query(url)), store_id)
        self.world.courier.wait_for_urgent()
        return address

    def deny(self, url: str) -> str:
        """Press Deny on the consent page of `url`; give where the browser goes.

        :raises tests.sandbox.ConsentError: when the page shows an error instead of asking
        """
        return oauth.deny(self.world, oauth.read_wish(self.world, _query(url)))

    def payload(self, client_id: str, store_id: int, /, **fields: Any) -> str:
        """Open the app's native page and give the sealed payload; fields replace what it says, None takes away.

        Opening installs the app where it is not yet.

        :raises KeyError: when there is no such app or store
        """
        app = self.world.apps[client_id]
        told = native.payload(self.world, Opening(app, store_id)) | fields
        self.world.courier.wait_for_urgent()
        return native.seal(app.client_secret, native.written({k: v for k, v in told.items() if v is not None}))

    def native_address(
        self,
        client_id: str,
        store_id: int,
        mode: str = "query",
        lang: str = "en",
        app_state: str = "",
        *,
        padded: bool = True,
    ) -> str:
        """Open the app's native page and give the address that the admin frames.

        Opening installs the app where it is not yet. `mode` is query or fragment.

        :raises KeyError: when there is no such app or store
        :raises ValueError: when the mode is neither, or the app has no iframeUrl
        """
        opening = Opening(self.world.apps[client_id], store_id, lang, app_state)
        address = native.address(self.world, opening, mode, padded=padded)
        self.world.courier.wait_for_urgent()
        return address

    def uninstall(self, client_id: str, store_id: int) -> bool:
        """Uninstall the app: its tokens die. Tell whether it was installed."""
        return self.world.uninstall(client_id, store_id)

    def live_tokens(self, client_id: str, store_id: int) -> list[str]:
        """List the secret tokens that work now, oldest first."""
        return self.world.live_tokens(client_id, store_id)

    def expire_codes(self) -> None:
        """Make every code that is not spent too old."""
        with self.world.lock:
            for code in self.world.codes.values():
                code.void = code.void or not code.spent
            self.world.version += 1

    def subscription(self, client_id: str, store_id: int, status: str = "SUSPENDED") -> Installation:
        """Set what the app's subscription in a store is: TRIAL, ACTIVE or SUSPENDED.

        :raises KeyError: when the app is not installed there
        """
        return self.world.subscribe(client_id, store_id, status)

    # `type` is what Ecwid calls it; nothing here needs the builtin.
    def send_event(
        self,
        type: str,  # noqa: A002
        store_id: int,
        client_id: str = "demo-app",
        **fields: Unpack[EventFields],
    ) -> Delivery:
        """Post an event to an app's webhook address now, once, and say how it went; fields are those of `EventFields`.

        Further tries follow by themselves while `switches.webhook_hour_seconds` is not 0.

        :raises KeyError: when there is no such app
        :raises ValueError: when the app has no webhook address, or a field is none that an event can have
        """
        return self.world.courier.deliver(events.make(self.world.apps[client_id], store_id, type, fields))

    @property
    def deliveries(self) -> list[Delivery]:
        """Every try to deliver an event so far, by event, oldest event first."""
        return [delivery for sending in self.world.courier.sendings for delivery in sending.deliveries]

    def hurry(self) -> None:
        """Let every event that waits for its time go out now, in its order; `settle` waits until they are tried."""
        self.world.courier.hurry()

    def settle(self, seconds: float = 30.0) -> None:
        """Wait until every event so far has been tried once.

        :raises TimeoutError: when that takes longer
        """
        self.world.courier.settle(seconds)

    def disturb(self, kind: str, how: str, times: int = 1, **details: Unpack[disturb.Details]) -> None:
        """Let the next answers of one kind (`*`: of any) go wrong; details are those of `Disturbance`.

        What a call does is done first unless `before` is set, so a lost grant is a token that exists.

        :raises ValueError: when the kind or the way is unknown
        """
        disturb.check(kind, how)
        plain = Disturbance(kind, how, times, before=disturb.HOW[how].before, elsewhere=f"{self.origin}/elsewhere")
        with self.world.lock:
            self.world.disturbances.add(replace(plain, **details))

    def calm(self) -> None:
        """Forget all disturbances; answers that are being held back go out now.

        :raises BaseException: what went wrong in a callback of `on_call`
        """
        self._calm()
        self.world.callbacks.raise_errors()

    def on_call(self, kind: str, callback: Callback) -> None:
        """Run something once, after the next call of a kind (`*`: any) was acted on and before it is answered.

        It runs in the thread of that call. What it raises is raised again by `calm`, `reset` or `stop`.

        :raises ValueError: when the kind is unknown
        """
        disturb.check_kind(kind)
        with self.world.lock:
            self.world.callbacks.add(kind, callback)

    def _calm(self) -> None:
        with self.world.lock:
            self.world.disturbances.calm()


def _query(url: str) -> dict[str, str]:
    return messages.fields_of(urlsplit(url).query)
