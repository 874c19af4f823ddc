"""From the market's Install button to a signed-in account."""

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Store, User
from installs.models import AppRegistration, Installation
from tests.cast import make_app, work
from tests.people import Merchant

pytestmark = pytest.mark.django_db


def test_an_install_makes_the_account_and_signs_the_merchant_in(merchant: Merchant) -> None:
    answer = merchant.install()

    assert answer.status_code == 303
    assert answer["Location"] == "/stores/1003/onboarding/"
    assert merchant.is_signed_in
    installation = merchant.installation
    assert installation.generation == 1
    assert [installation.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert installation.public_token.startswith("public_")
    assert set(installation.scopes) == {"read_store_profile", "read_catalog", "public_storefront", "read_orders"}
    owner = Membership.objects.get(store=merchant.store)
    assert owner.role == Membership.Role.OWNER
    assert not owner.user.has_usable_password()
    assert not owner.user.is_staff


def test_an_install_makes_one_call_and_few_queries(merchant: Merchant) -> None:
    address = merchant.address()
    with CaptureQueriesContext(connection) as queries:
        merchant.follow(address)

    assert [call.kind for call in merchant.sandbox.calls] == ["token"]
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) <= 14, "\n".join(statements)


def test_the_code_leaves_the_address_and_the_referrer(merchant: Merchant) -> None:
    answer = merchant.install()

    assert "code" not in answer["Location"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"


def test_a_new_session_key_is_made_at_sign_in(merchant: Merchant) -> None:
    merchant.browser.cookies["session"] = "fixed-by-somebody-else"
    merchant.install()

    assert merchant.browser.cookies["session"].value != "fixed-by-somebody-else"


def test_the_older_flow_without_a_store_id_installs_too(merchant: Merchant) -> None:
    merchant.sandbox.switches.old_flow = True
    answer = merchant.install()

    assert answer["Location"] == "/stores/1003/onboarding/"
    assert merchant.sandbox.calls_of("token")[0].path == "/api/oauth/token"


def test_an_e_mail_in_the_older_answer_is_kept_as_contact_only(merchant: Merchant) -> None:
    staff = User.objects.create_superuser("boss", "anna@papertrail.example", "a long pass phrase")
    merchant.sandbox.switches.token_email = True
    merchant.install()

    owner = merchant.store.owner
    assert owner.email == "anna@papertrail.example"
    assert owner != staff
    assert not owner.is_staff


def test_stores_that_share_an_e_mail_stay_separate_accounts(merchant: Merchant, stranger: Merchant) -> None:
    for one in (merchant, stranger):
        profile = one.sandbox.stores[one.store_id].profile
        profile["mailNotifications"] = {"adminNotificationEmails": ["office@agency.example"]}
        one.install()
    work()

    assert merchant.store.owner.email == stranger.store.owner.email == "office@agency.example"
    assert merchant.store.owner != stranger.store.owner
    assert merchant.get(stranger.page).status_code == 404
    assert stranger.get(merchant.page).status_code == 404


def test_a_reinstall_finds_the_account_and_opens_the_next_generation(merchant: Merchant) -> None:
    merchant.install()
    first = merchant.installation
    merchant.sandbox.uninstall("demo-app", 1003)
    merchant.browser.logout()
    merchant.install()

    second = merchant.installation
    assert second.generation == 2
    assert second.pk == first.pk
    assert [second.secret_token] == merchant.sandbox.live_tokens("demo-app", 1003)
    assert Store.objects.count() == 1
    assert User.objects.count() == 1
    assert merchant.is_signed_in


def test_a_second_app_joins_the_store_s_account(merchant: Merchant, settings: LazySettings) -> None:
    merchant.install()
    other = make_app(merchant.sandbox, settings, "demo-two", "Label Maker")
    merchant.app = other
    answer = merchant.install()

    assert answer["Location"] == "/stores/1003/onboarding/"
    assert Installation.objects.filter(store=merchant.store).count() == 2
    assert User.objects.count() == 1


def test_fewer_scopes_than_wanted_install_and_are_named(merchant: Merchant) -> None:
    code = merchant.sandbox.press_install("demo-app", 1003, scopes=("read_store_profile",))
    merchant.follow(f"/apps/demo-app/return/?code={code}&store_id=1003")

    assert merchant.installation.missing_scopes == ("read_catalog", "public_storefront", "read_orders")
    assert merchant.installation.health == "degraded"
    assert "orders" in merchant.get(merchant.page).content.decode().lower()


def test_a_registration_is_live_as_soon_as_it_is_saved(merchant: Merchant) -> None:
    AppRegistration.objects.update(enabled=False)
    assert merchant.install().status_code == 404
    AppRegistration.objects.update(enabled=True)
    assert merchant.install().status_code == 303
