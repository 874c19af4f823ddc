"""What happens in a store, told to the apps it concerns as events. Source: contract §7.4, §7.6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tests.sandbox import events
from tests.sandbox.events import EventFields

if TYPE_CHECKING:
    from tests.sandbox.world import World

# Long enough for a browser to have followed the redirect, short enough to be watched.
AFTER_REDIRECT_SECONDS = 0.5


class News:
    """Makes the events of a world while the switch is on; the caller holds the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def installed(self, client_id: str, store_id: int) -> None:
        """Tell an app that it was installed, before or after the redirect."""
        when = self._world.switches.webhook_installed
        if when != "never":
            wait = AFTER_REDIRECT_SECONDS if when == "after" else 0.0
            self._tell(client_id, store_id, "application.installed", wait=wait, urgent=when == "before")

    def uninstalled(self, client_id: str, store_id: int) -> None:
        """Tell an app that it was uninstalled; late, its event is as old as the uninstall."""
        when = self._world.switches.webhook_uninstalled
        if when != "never":
            wait = self._world.switches.webhook_late_seconds if when == "late" else 0.0
            self._tell(client_id, store_id, "application.uninstalled", wait=wait)

    def subscription(self, client_id: str, store_id: int, old: str, new: str) -> None:
        """Tell an app that its subscription is another now."""
        if old != new:
            data = {"oldSubscriptionStatus": old, "newSubscriptionStatus": new}
            self._tell(client_id, store_id, "application.subscriptionStatusChanged", data)

    def storage(self, client_id: str, store_id: int, key: str) -> None:
        """Tell an app that its storage changed; what the event says is a guess."""
        self._tell(client_id, store_id, "application.storageChanged", {"key": key})

    def profile(self, store_id: int) -> None:
        """Tell every app in a store that the profile changed, the app that changed it too."""
        for client_id in self._in(store_id):
            self._tell(client_id, store_id, "profile.updated")

    def plan(self, store_id: int, old: str, new: str) -> None:
        """Tell every app in a store that the store's plan is another now."""
        for client_id in self._in(store_id) if old != new else ():
            data = {"oldSubscriptionName": old, "newSubscriptionName": new}
            self._tell(client_id, store_id, "profile.subscriptionStatusChanged", data)

    def _in(self, store_id: int) -> list[str]:
        return [client for client, store in self._world.installations if store == store_id]

    def _tell(
        self,
        client_id: str,
        store_id: int,
        event_type: str,
        data: Mapping[str, str] | None = None,
        *,
        wait: float = 0.0,
        urgent: bool = False,
    ) -> None:
        world, app = self._world, self._world.apps.get(client_id)
        if app is None or not app.webhook_url or not self._goes_out(store_id):
            return
        event = events.make(app, store_id, event_type, self._fields(event_type, data))
        world.courier.post(event, wait + world.switches.webhook_delay_seconds, urgent=urgent)

    def _goes_out(self, store_id: int) -> bool:
        switches, store = self._world.switches, self._world.stores[store_id]
        paused = store.suspended or not store.plan_has_api
        return switches.webhooks and (switches.webhook_while_paused or not paused)

    def _fields(self, event_type: str, data: Mapping[str, str] | None) -> EventFields:
        switches = self._world.switches
        spelling = switches.webhook_spelling
        query = f"eventtype={events.spelled(event_type, spelling)}" if switches.webhook_eventtype else ""
        return {
            "data": data,
            "spelling": spelling,
            "string_numbers": switches.webhook_string_numbers,
            "query": query,
        }
