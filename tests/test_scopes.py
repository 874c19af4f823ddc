"""Permissions: what the app wants against what a store granted. A missing one degrades the feature, not the app."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from installs import features
from tests.cast import work
from tests.people import Merchant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def labels() -> Iterator[features.Feature]:
    """A product on top, with a feature that needs more than the app itself."""
    feature = features.register("labels", "Print labels", scopes=("read_orders", "update_orders"), app="demo-app")
    yield feature
    features.forget(feature)


def connect_scopes(merchant: Merchant) -> list[str]:
    address = merchant.get("/apps/demo-app/connect/")["Location"]
    return parse_qs(urlsplit(address).query)["scope"][0].split()


def test_a_feature_without_its_scope_does_not_work_and_the_app_does(
    merchant: Merchant, labels: features.Feature
) -> None:
    merchant.install()
    work()

    assert labels.missing(merchant.installation.scopes) == ("update_orders",)
    assert merchant.installation.lame_features == [labels]
    assert (merchant.installation.health, merchant.installation.reason) == ("degraded", "permissions")
    assert merchant.get(merchant.page).status_code == 200


def test_connecting_again_asks_for_what_the_feature_needs(merchant: Merchant, labels: features.Feature) -> None:
    assert connect_scopes(merchant) == [
        "read_store_profile", "read_catalog", "public_storefront", "read_orders", "update_orders",
    ]  # fmt: skip


def test_without_the_feature_nothing_more_is_asked(merchant: Merchant) -> None:
    assert "update_orders" not in connect_scopes(merchant)


def test_a_feature_of_another_app_is_no_concern(merchant: Merchant) -> None:
    other = features.register("other", "Something else", scopes=("update_catalog",), app="another-app")
    merchant.install()
    work()

    assert merchant.installation.health == "ok"
    features.forget(other)


def test_no_page_sends_anybody_to_connect_by_itself(merchant: Merchant, labels: features.Feature) -> None:
    """There can be no redirect loop: only a person's click leads to connect/."""
    merchant.install()
    for path in ("/", "/stores/1003/", "/stores/1003/onboarding/", "/apps/demo-app/open/"):
        assert "connect" not in merchant.get(path).headers.get("Location", "")
