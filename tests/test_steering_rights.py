"""Who may steer what: every role, every deed, every page of it."""

import pytest

from accounts.roles import ADMIN, MANAGER, SUPPORT, TABLE, VIEWER
from installs.actions import deeds
from installs.models import Installation, Job
from tests.cast import work
from tests.people import Merchant, operator

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/installs/installation/"
ROLES = list(TABLE)
MAY = {"operate": ROLES[ROLES.index(SUPPORT) :], "disconnect": ROLES[ROLES.index(MANAGER) :]}
PAGES = {
    "/admin/installs/job/": ROLES,
    "/admin/installs/job/import/": [MANAGER, ADMIN],
    "/admin/installs/job/keys/": [MANAGER, ADMIN],
    "/admin/installs/appregistration/custom/": [MANAGER, ADMIN],
    "/admin/installs/job/export/": [MANAGER, ADMIN],
}


def allowed(deed: deeds.Deed) -> list[str]:
    """Return the roles that may have a deed done: support what can be repeated, managers what cannot be taken back."""
    return MAY["operate"] if deed.right == "operate" else MAY["disconnect"]


@pytest.fixture(autouse=True)
def _installed(merchant: Merchant) -> None:
    merchant.install()
    work()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_sees_the_deeds_it_may_have_done_and_no_other(role: str, merchant: Merchant) -> None:
    browser, pk = operator(role), merchant.installation.pk
    listed = browser.get(LIST).content.decode()
    for deed in deeds.DEEDS.values():
        if deed.model is Installation:
            may = role in allowed(deed)
            assert (f'<option value="{deed.name}">' in listed) is may, deed.name
            assert browser.get(f"{LIST}{pk}/{deed.name}/").status_code == (200 if may else 403), deed.name


@pytest.mark.parametrize("role", ROLES)
def test_a_role_orders_no_deed_that_it_may_not(role: str, merchant: Merchant) -> None:
    browser, pk = operator(role), merchant.installation.pk
    answer = {"confirmed": "yes", "reason": "ticket 7", "seen": "1"}
    for deed in deeds.DEEDS.values():
        if deed.model is Installation and role not in allowed(deed):
            assert browser.post(f"{LIST}{pk}/{deed.name}/", answer).status_code == 403
            browser.post(LIST, answer | {"action": deed.name, "_selected_action": str(pk)})
            browser.post(LIST, answer | {"action": deed.name, "_selected_action": str(pk), "select_across": "1"})
    assert not Job.objects.exists()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_the_pages_it_may(role: str) -> None:
    browser = operator(role)
    for path, roles in PAGES.items():
        assert browser.get(path).status_code == (200 if role in roles else 403), path


def test_who_may_only_look_stops_no_job(merchant: Merchant) -> None:
    job = deeds.order(deed=deeds.DEEDS["hold"], rows=Installation.objects.all(), reason="x", by=merchant.store.owner)
    assert operator(VIEWER).post(f"/admin/installs/job/{job.pk}/stop/").status_code == 403
    assert operator(SUPPORT, "support").post(f"/admin/installs/job/{job.pk}/stop/").status_code == 302
