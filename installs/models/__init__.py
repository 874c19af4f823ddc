"""Apps registered with Ecwid, their installations on stores, and how each came to be."""

from accounts.models.leases import Leased
from installs.models.alerts import THRESHOLDS, Alert, AlertDelivery, AlertReceiver, AlertRule, Rule
from installs.models.attempts import Arrival, ConnectState, InstallAttempt, Source
from installs.models.events import RejectedDelivery, WebhookEvent
from installs.models.history import Happening, SavedView, Tally
from installs.models.installations import Installation
from installs.models.jobs import ImportLine, Job, JobItem, Outcome
from installs.models.prefills import Prefill
from installs.models.privacy import Erasure, PrivacyRequest
from installs.models.pulses import Pulse
from installs.models.registrations import AppRegistration

__all__ = [
    "THRESHOLDS",
    "Alert",
    "AlertDelivery",
    "AlertReceiver",
    "AlertRule",
    "AppRegistration",
    "Arrival",
    "ConnectState",
    "Erasure",
    "Happening",
    "ImportLine",
    "InstallAttempt",
    "Installation",
    "Job",
    "JobItem",
    "Leased",
    "Outcome",
    "Prefill",
    "PrivacyRequest",
    "Pulse",
    "RejectedDelivery",
    "Rule",
    "SavedView",
    "Source",
    "Tally",
    "WebhookEvent",
]
