"""Making the cast: apps known on both sides, and the workers' share of a story."""

from datetime import UTC, datetime, timedelta

from django.conf import LazySettings

from installs import tasks
from installs.models import AppRegistration, Prefill, WebhookEvent
from tests.sandbox import Sandbox
from tests.signed import CLIENT_SECRET

SCOPES = ("read_store_profile", "read_catalog", "public_storefront", "read_orders")


def make_app(sandbox: Sandbox, settings: LazySettings, client_id: str, name: str) -> AppRegistration:
    """Register an app on both sides."""
    app = AppRegistration.objects.create(
        client_id=client_id,
        name=name,
        client_secret=CLIENT_SECRET,
        client_secret_set_at=datetime.now(UTC),
        wanted_scopes=list(SCOPES),
    )
    sandbox.add_app(
        client_id=client_id,
        client_secret=CLIENT_SECRET,
        name=name,
        redirect_url=app.address("return"),
        open_app_url=app.address("open"),
        iframe_url=app.address("native"),
        scopes=SCOPES,
    )
    return app


def work() -> None:
    """Do what workers would do now: every prefill that is due."""
    for pk in Prefill.objects.due().values_list("pk", flat=True):
        tasks.prefill(pk)


def make_due() -> None:
    """Let the time pass that retries wait for."""
    for model in (Prefill, WebhookEvent):
        model.objects.filter(state="waiting").update(due_at=long_ago())


def long_ago() -> datetime:
    """Return a time that is over, whatever the precision of the database's clock."""
    return datetime.now(UTC) - timedelta(seconds=1)
