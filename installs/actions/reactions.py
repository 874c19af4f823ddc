"""Reactions: what we do about the events that concern every app. Each asks Ecwid first and then changes rows."""

import logging
from datetime import UTC, datetime

from installs import events
from installs.actions import privacy, probe, uninstall
from installs.actions.handle import NotYet
from installs.ecwid import api
from installs.models import Installation, WebhookEvent

log = logging.getLogger(__name__)


@events.on("application.uninstalled")
def confirm_uninstall(event: WebhookEvent, installation: Installation) -> str:
    """Believe an uninstall when the token is dead, and not before (design rule 6)."""
    if installation.uninstalled_at:
        return "already uninstalled"
    verdict = api.probe(installation.credentials())
    if verdict is api.Probe.DEAD:
        uninstall.close(installation=installation, at=datetime.now(UTC))
        return "uninstalled"
    probe.follow(installation, verdict)
    if verdict is not api.Probe.ALIVE:
        raise NotYet(f"cannot tell whether the token is dead: {verdict.value}")
    if event.occurred_at < installation.installed_at.replace(microsecond=0):  # events come in whole seconds
        return "stale"
    # Somebody knows a signature of ours, or Ecwid was mistaken; an operator should look (contract §7.3).
    log.error("uninstall_contradicted", extra={"app": event.app.client_id, "store": event.store_id})
    return "contradicted"


@events.on("application.installed")
def confirm_install(event: WebhookEvent, installation: Installation) -> str:
    """Make sure that an install we hear of is one we have."""
    if not installation.callable:
        raise NotYet("the store has not come to the Return URL yet")
    verdict = api.probe(installation.credentials())
    probe.follow(installation, verdict)
    return f"token {verdict.value}"


@events.on("application.subscriptionStatusChanged")
def read_subscription(event: WebhookEvent, installation: Installation) -> str:
    """Read what the app's subscription is now."""
    if not installation.callable:
        return "disconnected"
    status = api.get_application(installation.credentials()).status
    if status:
        installation.current().update(subscription_status=status)
    return status.lower() or "unknown"


@events.on("profile.updated", "profile.subscriptionStatusChanged")
def read_profile_again(event: WebhookEvent, installation: Installation) -> str:
    """Have the settings filled again; many events make one prefill."""
    if not installation.callable:
        return "disconnected"
    return "prefill due" if installation.prefill.again() else "prefill to follow"


@events.on(
    "profile.personalDataExportRequest",
    "profile.personalDataRemovalRequest",
    "customer.personalDataExportRequest",
    "customer.personalDataRemovalRequest",
)
def open_privacy_request(event: WebhookEvent, installation: Installation) -> str:
    """Open a request for an operator, with its deadline."""
    return privacy.open_request(event=event, installation=installation)
