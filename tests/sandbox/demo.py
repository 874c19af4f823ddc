"""The made-up apps that the sandbox starts with."""

from dataclasses import replace

from tests.sandbox.records import DEMO_SECRET, App

HUB = "http://localhost:8000"
DEMO_TWO_SECRET = "sandboxSecondSecretNotForReal002"


def demo_app(hub: str = HUB, client_id: str = "demo-app", secret: str = DEMO_SECRET) -> App:
    """Make the app with a public token, whose addresses are below `hub`."""
    return replace(
        _app_at(hub, client_id),
        client_secret=secret,
        name="Demo app",
        scopes=("read_store_profile", "read_catalog", "public_storefront", "read_orders", "add_to_cp"),
        description="Reads a store's settings, products and orders; has a page in the admin.",
    )


def demo_two(hub: str = HUB) -> App:
    """Make the app that asks for the least."""
    return replace(
        _app_at(hub, "demo-two"),
        client_secret=DEMO_TWO_SECRET,
        name="Demo two",
        description="Asks for nothing but the store's settings.",
    )


def _app_at(hub: str, client_id: str) -> App:
    below = f"{hub.rstrip('/')}/apps/{client_id}"
    return App(
        client_id,
        redirect_url=f"{below}/return/",
        open_app_url=f"{below}/open/",
        webhook_url=f"{below}/webhook/",
        iframe_url=f"{below}/native/",
    )
