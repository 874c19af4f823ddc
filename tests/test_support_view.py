"""Support view: an operator sees what the merchant sees, changes nothing, and is on record with every page."""

import time
from typing import Any

import pytest
from django.apps import apps
from django.conf import LazySettings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import support
from accounts.models import AuditEntry, Membership, Session, User
from installs.models import Prefill
from tests.cast import work
from tests.people import Merchant, operator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store(merchant: Merchant, stranger: Merchant) -> Merchant:
    for one in (merchant, stranger):
        one.install()
    work()
    return merchant


@pytest.fixture
def helper() -> Client:
    return operator("support", "helper")


def look(browser: Client, merchant: Merchant, reason: str = "ticket 4711") -> Any:
    return browser.post(f"/admin/support-view/{merchant.store.pk}/", {"reason": reason})


def trail() -> list[str]:
    return list(AuditEntry.objects.order_by("pk").values_list("what", flat=True))


def everything() -> dict[str, Any]:
    """Every row there is, but sessions and the trail itself."""
    kinds = [kind for kind in apps.get_models() if kind not in (AuditEntry, Session)]
    return {kind.__name__: list(kind._default_manager.order_by("pk").values()) for kind in kinds}


def test_an_operator_sees_the_merchant_s_page_with_a_banner(helper: Client, store: Merchant) -> None:
    assert look(helper, store)["Location"] == "/stores/1003/"
    page = helper.get("/stores/1003/").content.decode()

    assert "Support view." in page
    assert "Paper Trail" in page
    assert helper.get("/stores/1004/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/account/", "/stores/1003/", "/stores/1003/people/", "/stores/1003/connection/",
                                  "/stores/1003/onboarding/", "/stores/1003/settings/phone/"])  # fmt: skip
def test_every_page_has_the_banner_and_looking_changes_nothing(helper: Client, store: Merchant, path: str) -> None:
    Prefill.objects.update(changed_since=["city"])  # told once, and not to an operator
    look(helper, store)
    before = everything()
    answer = helper.get(path, follow=True)

    assert answer.status_code == 200
    assert "End support view" in answer.content.decode()
    assert everything() == before
    tokens = (store.installation.secret_token, store.installation.public_token)
    assert not [token for token in tokens if token in answer.content.decode()]


def test_the_admin_s_pages_lead_there(helper: Client, store: Merchant) -> None:
    for path in (
        f"/admin/accounts/store/{store.store.pk}/",
        f"/admin/installs/installation/{store.installation.pk}/",
    ):
        assert f"{path}support-view/" in helper.get(f"{path}change/").content.decode()
        asked = helper.get(f"{path}support-view/", follow=True)
        assert "The merchant can read this" in asked.content.decode()
    assert trail() == []


def test_it_needs_a_reason_and_the_right(helper: Client, store: Merchant) -> None:
    assert look(helper, store, reason=" ").status_code == 422
    assert look(operator("viewer", "onlooker"), store).status_code == 403
    assert look(store.browser, store).status_code == 302
    assert trail() == []


def doors(resolver: URLResolver, path: str = "/") -> list[tuple[str, str | None]]:
    """Every address we answer, the admin's aside, with this store in it."""
    found: list[tuple[str, str | None]] = []
    for one in resolver.url_patterns:
        here = path + str(one.pattern)
        if isinstance(one, URLPattern):
            for word, value in FILLING.items():
                here = here.replace(word, value)
            found.append((here, one.name))
        elif "admin/" not in here:
            found += doors(one, here)
    return found


FILLING = {
    "<number:store_id>": "1003", "<app:client_id>": "demo-app", "<slug:name>": "phone", "<number:user_id>": "1",
    "<uuid:uid>": "00000000-0000-0000-0000-000000000000", "<number:invitation_id>": "1", "<number:other_id>": "1",
    "<number:passkey_id>": "1",
}  # fmt: skip
# They know no cookie, so nobody is anybody there.
COOKIELESS = {
    "return", "webhook", "native", "native-verify", "native-onboarding", "native-finish", "native-store",
    "native-setting", "native-sync",
}  # fmt: skip


def test_whatever_might_change_something_is_refused(helper: Client, store: Merchant, settings: LazySettings) -> None:
    look(helper, store)
    before = everything()
    for path, name in doors(get_resolver()):
        if name in COOKIELESS or name == "end-support-view" or name is None:
            continue
        for method in ("post", "put", "patch", "delete"):
            assert getattr(helper, method)(path).status_code == 403, (method, path)
        if name not in settings.SUPPORT_VIEW_PAGES:
            assert helper.get(path).status_code == 403, path
        assert helper.post(path, headers={"HX-Request": "true"}).status_code == 403, path
    assert everything() == before
    assert helper.get("/stores/1003/").status_code == 200


def test_begin_each_page_and_end_are_on_record(helper: Client, store: Merchant) -> None:
    look(helper, store)
    helper.get("/stores/1003/?secret=1")
    helper.get("/stores/1003/", headers={"HX-Request": "true"})
    ended = helper.post("/support-view/end/")

    assert ended["Location"] == f"/admin/accounts/store/{store.store.pk}/change/"
    assert trail() == ["support view begun", "support view: looked at /stores/1003/", "support view ended"]
    assert {(entry.by_name, entry.store_id) for entry in AuditEntry.objects.all()} == {("helper", 1003)}
    assert AuditEntry.objects.earliest("pk").reason == "ticket 4711"
    assert "Support view." not in helper.get("/stores/1003/").content.decode()


def test_it_ends_by_itself_after_a_quarter_of_an_hour(helper: Client, store: Merchant) -> None:
    look(helper, store)
    session = helper.session
    session["support"] = session["support"] | {"until": time.time() - 1}
    session.save()

    assert helper.get("/stores/1003/")["Location"].startswith("/admin/accounts/store/")
    assert trail()[-1] == support.EXPIRED
    assert "Paper Trail" not in helper.get("/stores/1003/").content.decode()


def test_it_ends_with_the_right_to_it(helper: Client, store: Merchant) -> None:
    look(helper, store)
    User.objects.get(username="helper").groups.clear()
    assert helper.get("/stores/1003/").status_code == 404


def test_the_admin_stays_the_operator_s_own(helper: Client, store: Merchant) -> None:
    look(helper, store)
    assert "helper" in helper.get("/admin/").content.decode()


def test_a_store_that_nobody_belongs_to_cannot_be_seen(helper: Client, store: Merchant) -> None:
    Membership.objects.filter(store=store.store).delete()
    assert "Nobody belongs" in look(helper, store).content.decode()


def test_the_merchant_can_read_who_looked_and_why(helper: Client, store: Merchant, stranger: Merchant) -> None:
    assert "Our support" not in store.get("/stores/1003/people/").content.decode()
    look(helper, store)
    assert "ticket 4711" in store.get("/stores/1003/people/").content.decode()
    assert "ticket 4711" not in stranger.get("/stores/1004/people/").content.decode()
