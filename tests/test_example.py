"""The product of docs/products.md, as a product's author would try it: against the sandbox."""

import sys
from collections.abc import Iterator

import pytest
from django.test import modify_settings

from installs import events, features, tasks
from installs.ecwid import api
from installs.models import WebhookEvent
from tests.cast import make_due
from tests.deliveries import deliver, event
from tests.people import Merchant
from tests.signed import CLIENT_SECRET

PRODUCT = "examples.parcels"
SCOPES = ("read_orders", "update_store_profile")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _parcels() -> Iterator[None]:
    """The product is installed for one test: its app loads as any other, and is taken back whole."""
    with modify_settings(INSTALLED_APPS={"append": "examples.parcels.apps.ParcelsConfig"}):
        product = sys.modules[f"{PRODUCT}.handlers"]
        yield
    features.forget(product.NEWEST)
    events._handlers["order.created", ""].remove(product.note_order)
    del sys.modules[f"{PRODUCT}.handlers"]


def install(merchant: Merchant, *scopes: str) -> None:
    """Let the store grant these scopes and no others."""
    merchant.sandbox.add_app(
        client_id="demo-app", client_secret=CLIENT_SECRET, name="Parcel Pilot",
        redirect_url=merchant.app.address("return"), scopes=("read_store_profile", *scopes),
    )  # fmt: skip
    merchant.install()


def noted(merchant: Merchant) -> str | None:
    return api.get_storage(merchant.installation.credentials(), "newest-order")


def test_a_new_order_is_noted_at_ecwid(merchant: Merchant) -> None:
    install(merchant, *SCOPES)
    deliver(event("order.created", entityId="4711"))
    tasks.drain()

    assert noted(merchant) == "4711"
    assert WebhookEvent.objects.get().state == "done"


def test_while_ecwid_is_out_of_reach_the_event_waits_and_comes_again(merchant: Merchant) -> None:
    install(merchant, *SCOPES)
    merchant.sandbox.disturb("storage", "dropped")
    deliver(event("order.created", entityId="4711"))
    tasks.drain()
    assert WebhookEvent.objects.get().state == "waiting"
    make_due()
    tasks.drain()

    assert noted(merchant) == "4711"


def test_a_store_that_has_not_granted_the_scope_loses_the_feature_and_nothing_else(merchant: Merchant) -> None:
    install(merchant)
    deliver(event("order.created", entityId="4711"))
    tasks.drain()

    assert WebhookEvent.objects.get().state == "done"
    assert noted(merchant) is None
    assert "Newest order" in [one.title for one in merchant.installation.lame_features]
