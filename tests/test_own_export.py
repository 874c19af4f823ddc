"""The file that a merchant takes along: what is about the store, and of accounts no more than its pages show."""

import pytest
from django.test import Client

from accounts import links
from accounts.models import Membership, Passkey
from installs import actions
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)

ACCOUNT_WIDE = {"language", "last_login", "email_proven_at"}


def exported(browser: Client) -> tuple[dict[str, set[str]], list[str]]:
    """Return which columns an export has for each person, by address, and the names of passkeys in it."""
    told = browser.get("/stores/1003/connection/export/").json()
    return {one["email"]: set(one) for one in told["people"]}, [one["name"] for one in told["passkeys"]]


@pytest.fixture
def with_others(merchant: Merchant, stranger: Merchant) -> Merchant:
    """A store with a member who has stores elsewhere, and where both have a passkey."""
    merchant.install()
    stranger.install()
    work()
    Membership.objects.create(user=stranger.store.owner, store=merchant.store)
    for person, name in ((merchant.store.owner, "Own phone"), (stranger.store.owner, "Other's phone")):
        Passkey.objects.create(person=person, credential_id=name, public_key=b"", name=name)
    return merchant


def test_an_export_in_a_store_s_admin_tells_of_no_account_more_than_its_pages_do(with_others: Merchant) -> None:
    columns, passkeys = exported(with_others.browser)

    assert set(columns) == {"orders@papertrail.example", "post@waldlicht.example"}
    assert not ACCOUNT_WIDE & set().union(*columns.values())
    assert all({"name", "email", "memberships__role"} <= shown for shown in columns.values())
    assert passkeys == []


def test_an_export_after_a_mailed_link_tells_of_one_s_own_account(with_others: Merchant) -> None:
    browser = Client()
    browser.post(links.address(with_others.store.owner).removeprefix("http://testserver"))
    columns, passkeys = exported(browser)

    assert columns["orders@papertrail.example"] >= ACCOUNT_WIDE
    assert not ACCOUNT_WIDE & columns["post@waldlicht.example"]
    assert passkeys == ["Own phone"]


def test_an_operator_s_export_tells_all(with_others: Merchant) -> None:
    told = actions.privacy.export(installation=with_others.installation)

    assert [set(one) >= ACCOUNT_WIDE for one in told["people"]] == [True, True]
    assert [one["name"] for one in told["passkeys"]] == ["Own phone", "Other's phone"]
