"""Who may what: every role before every page and every action of the admin. What is new here fails until declared."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver

from accounts.models import User
from installs import tasks
from installs.models import AppRegistration, Job
from tests.cast import work
from tests.deliveries import deliver
from tests.environment import NOBODY
from tests.people import Merchant, let_in
from tests.signed import event

pytestmark = pytest.mark.django_db(transaction=True)

# An operator without a role, the roles from the least to the most, and nobody at all.
STAFF, VIEWER, SUPPORT, MANAGER, ADMIN, NONE = RANKS = ("staff", "viewer", "support", "manager", "admin", "none")

# Model → the least role that may look, add, change, delete.
MODELS = {
    "accounts.auditentry": (VIEWER, NONE, NONE, NONE),
    "accounts.operatorsignin": (MANAGER, NONE, NONE, NONE),
    "accounts.store": (VIEWER, NONE, NONE, NONE),
    "accounts.user": (VIEWER, ADMIN, ADMIN, NONE),
    "auth.group": (ADMIN, ADMIN, ADMIN, ADMIN),
    "installs.alert": (VIEWER, NONE, NONE, NONE),
    "installs.alertreceiver": (VIEWER, MANAGER, MANAGER, MANAGER),
    "installs.alertrule": (VIEWER, NONE, MANAGER, NONE),
    "installs.appregistration": (VIEWER, MANAGER, MANAGER, ADMIN),
    "installs.erasure": (VIEWER, NONE, NONE, NONE),
    "installs.installation": (VIEWER, NONE, NONE, NONE),
    "installs.installattempt": (VIEWER, NONE, NONE, NONE),
    "installs.job": (VIEWER, NONE, VIEWER, NONE),  # its page is its own and takes nothing
    "installs.privacyrequest": (VIEWER, NONE, NONE, NONE),
    "installs.pulse": (VIEWER, NONE, NONE, NONE),
    "installs.rejecteddelivery": (VIEWER, NONE, NONE, NONE),
    "installs.tally": (VIEWER, NONE, NONE, NONE),
    "installs.webhookevent": (VIEWER, NONE, NONE, NONE),
}

# Any other page → the least role that may open it, and that may send it something.
PAGES = {
    "index": (STAFF, STAFF),
    "app_list": (STAFF, STAFF),
    "search": (STAFF, STAFF),  # finds what one may see
    "autocomplete": (NONE, NONE),  # asks for a field, which the test does not name
    "jsi18n": (STAFF, NONE),
    "view_on_site": (STAFF, STAFF),
    "password_change": (STAFF, STAFF),  # one's own
    "password_change_done": (STAFF, NONE),
    "auth_user_password_change": (ADMIN, ADMIN),
    "enrol": (STAFF, STAFF),  # one's own
    "step-up": (STAFF, STAFF),  # one's own
    "second-factor": (STAFF, STAFF),  # one's own
    "support-view": (SUPPORT, SUPPORT),
    "accounts_store_support_view": (SUPPORT, SUPPORT),
    "dashboard_csv": (VIEWER, VIEWER),  # numbers, nobody's rows
    "installs_pulse_changelist": (VIEWER, SUPPORT),  # a POST makes requests: the look from outside
    "runbook": (VIEWER, NONE),
    "save_view": (NONE, VIEWER),
    "forget_view": (NONE, STAFF),  # one's own
    "export_installations": (NONE, MANAGER),
    "installs_installation_probe_here": (SUPPORT, SUPPORT),
    "installs_installation_sync_here": (SUPPORT, SUPPORT),
    "installs_installation_hold_here": (SUPPORT, SUPPORT),
    "installs_installation_resume_here": (SUPPORT, SUPPORT),
    "installs_installation_reconnect_here": (SUPPORT, SUPPORT),
    "installs_installation_mail_reconnect_here": (SUPPORT, SUPPORT),
    "installs_installation_replay_here": (SUPPORT, SUPPORT),
    "installs_installation_support_view": (SUPPORT, SUPPORT),
    "installs_installation_disconnect_here": (MANAGER, MANAGER),
    "installs_installation_erase_here": (MANAGER, MANAGER),
    "installs_webhookevent_handle_again_here": (SUPPORT, SUPPORT),
    "installs_job_stop": (NONE, SUPPORT),
    "installs_job_report": (MANAGER, MANAGER),
    "installs_job_take_over": (MANAGER, MANAGER),
    "installs_job_export_all": (MANAGER, MANAGER),
    "installs_job_encryption_keys": (MANAGER, MANAGER),
    "installs_privacyrequest_download": (MANAGER, MANAGER),
    "installs_privacyrequest_close_here": (SUPPORT, SUPPORT),
    "installs_alertreceiver_send_a_test_here": (MANAGER, MANAGER),
    "installs_appregistration_add_custom_app": (MANAGER, MANAGER),
    "installs_appregistration_paste_tokens": (MANAGER, MANAGER),
    "installs_appregistration_forget_previous_secret_here": (MANAGER, MANAGER),
}
DOORS = {"login", "logout", "second-step"}  # for those who are not in yet, or not any more: test_operators.py

ACTIONS = {
    "accounts.auditentry": {"export": MANAGER},
    "accounts.user": {"end_sessions": ADMIN, "reset_second_factor": ADMIN},
    "auth.group": {"delete_selected": ADMIN},
    "installs.alertreceiver": {"send_a_test": MANAGER, "delete_selected": MANAGER},
    "installs.appregistration": {"forget-previous-secret": MANAGER, "delete_selected": ADMIN},
    "installs.installation": {
        "probe": SUPPORT, "sync": SUPPORT, "hold": SUPPORT, "resume": SUPPORT, "reconnect": SUPPORT,
        "mail-reconnect": SUPPORT, "replay": SUPPORT, "disconnect": MANAGER, "erase": MANAGER,
    },
    "installs.privacyrequest": {"close": SUPPORT},
    "installs.webhookevent": {"handle-again": SUPPORT},
}  # fmt: skip


def addresses(patterns: list[Any] | None = None, before: str = "/admin/") -> Iterator[tuple[str, str]]:
    """Yield every address of the admin: its name, and the pattern that leads there."""
    for one in admin.site.get_urls() if patterns is None else patterns:
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern) and one.name and one.name not in DOORS:
            yield one.name, before + str(one.pattern)


def declared() -> dict[str, tuple[str, str]]:
    """Return for every page that was thought of who may open it and who may send it something."""
    found: dict[str, tuple[str, str]] = {}
    for label, (look, add, change, delete) in MODELS.items():
        name = label.replace(".", "_")
        found |= {f"{name}_changelist": (look, look), f"{name}_history": (look, look), f"{name}_add": (add, add)}
        found |= {f"{name}_change": (look, change), f"{name}_delete": (delete, delete)}
    return found | PAGES


def holder(role: str) -> User:
    person, _ = User.objects.get_or_create(username=role, is_staff=True)
    person.groups.set(Group.objects.filter(name=role))
    return person


@pytest.fixture
def rows(merchant: Merchant, settings: LazySettings) -> dict[str, Any]:
    """One row of what is acted on, by its model."""
    merchant.install()
    work()
    deliver(event("profile.personalDataExportRequest"))
    tasks.drain()
    Job.objects.create(kind="probe", title="Probe", due_at="2026-01-01T00:00Z", state="failed")
    AppRegistration.objects.update(kind=AppRegistration.Kind.CUSTOM)  # tokens are pasted there only
    settings.SITE_URL = NOBODY  # the doctor looks at it from outside
    return {kind._meta.label_lower: kind._default_manager.first() for kind in admin.site._registry}


def is_let(client: Client, method: str, path: str) -> bool:
    answer = getattr(client, method)(path)
    return answer.status_code not in (403, 405) and "/login/" not in answer.headers.get("Location", "")


def wrong(rows: dict[str, Any], method: str, ours: bool) -> Iterator[str]:
    """Name every page where the least role is kept out, or the role below it is let in."""
    clients = {role: let_in(Client(), holder(role)) for role in RANKS[:-1]}
    for name, pattern in addresses():
        if name.startswith("installs_") != ours:
            continue
        least = declared()[name][method == "post"]
        row = rows.get(".".join(name.split("_")[:2]))
        path = re.sub(r"<[^>]+>", str(row.pk if row else 1), pattern)
        rank = RANKS.index(least)
        if rank and is_let(clients[RANKS[rank - 1]], method, path):
            yield f"{method} {name} lets {RANKS[rank - 1]} in"
        if least != NONE and not is_let(clients[least], method, path):
            yield f"{method} {name} keeps {least} out"


def test_every_page_is_declared_and_no_other() -> None:
    assert {name for name, _pattern in addresses()} ^ set(declared()) == set()


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("ours", [True, False], ids=["installs", "the rest"])
def test_every_page_lets_in_who_may_and_nobody_below(rows: dict[str, Any], method: str, ours: bool) -> None:
    assert list(wrong(rows, method, ours)) == []


@pytest.mark.parametrize("role", RANKS[:-1])
def test_every_list_offers_the_actions_that_one_may_do(role: str) -> None:
    request = RequestFactory().get("/")
    request.user = holder(role)
    offered = {kind._meta.label_lower: set(page.get_actions(request)) for kind, page in admin.site._registry.items()}
    rank = RANKS.index(role)
    wanted = {label: {name for name, least in named.items() if RANKS.index(least) <= rank}
              for label, named in ACTIONS.items()}  # fmt: skip
    assert {label: names for label, names in offered.items() if names} == {
        label: names for label, names in wanted.items() if names
    }


def test_who_has_no_second_factor_is_let_in_nowhere() -> None:
    browser = Client()
    browser.force_login(User.objects.create(username="boss", is_staff=True, is_superuser=True))
    paths = {re.sub(r"<[^>]+>", "1", pattern) for _name, pattern in addresses()}
    answers = {path: browser.get(path) for path in paths}
    assert [path for path, answer in answers.items() if "/login/" not in answer.headers.get("Location", "")] == []
