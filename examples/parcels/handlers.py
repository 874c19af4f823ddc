"""What the product does with Ecwid's news. A handler may be called twice for one event: the second changes nothing."""

import json

from django.utils.translation import gettext_lazy as _

from installs import events, features
from installs.ecwid import api
from installs.models import Installation, WebhookEvent

KEY = "newest-order"
NEWEST = features.register(KEY, _("Newest order"), scopes=("read_orders", "update_store_profile"))


@events.on("order.created")
def note_order(event: WebhookEvent, installation: Installation) -> None:
    """Write the order's number down in the app's storage, which wants `update_store_profile`."""
    if NEWEST.works_with(installation.scopes):
        order = json.loads(event.body)["entityId"]
        api.put_storage(installation.credentials(), KEY, str(order))
