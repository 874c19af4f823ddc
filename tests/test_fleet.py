"""What is true of all installations at once agrees with what each row says of itself."""

import itertools
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Store, StoreSettings
from installs import features
from installs.actions import fleet
from installs.models import AppRegistration, Installation, Prefill
from tests.cast import SCOPES, make_app
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


def put(app: AppRegistration, number: int, **facts: Any) -> Installation:
    """Put an installation into the database without a merchant."""
    store = Store.objects.create(store_id=number)
    StoreSettings.objects.create(store=store)
    now = datetime.now(UTC)
    fields: dict[str, Any] = {"scopes": list(SCOPES), "installed_at": now} | facts
    state = fields.pop("prefill", "done")
    made = Installation.objects.create(app=app, store=store, **fields)
    Prefill.objects.create(installation=made, due_at=now, state=state)
    return made


@pytest.fixture
def other(sandbox: Sandbox, settings: LazySettings) -> AppRegistration:
    return make_app(sandbox, settings, "demo-two", "Label Maker")


def test_missing_permissions_are_counted_by_name(app: AppRegistration, other: AppRegistration) -> None:
    granted = [SCOPES, SCOPES[:3], SCOPES[:3], SCOPES[:2], ("read_store_profile",)]
    for number, names in enumerate(granted, start=2000):
        put(app, number, scopes=list(names))
    put(other, 3000, scopes=[])

    assert fleet.missing_scopes(app, fleet.grants()) == (
        4,
        Counter(read_orders=4, public_storefront=2, read_catalog=1),
    )


def test_what_is_uninstalled_lacks_nothing(app: AppRegistration) -> None:
    put(app, 2000, scopes=[], uninstalled_at=datetime.now(UTC))
    assert fleet.missing_scopes(app, fleet.grants()) == (0, Counter())


def test_a_scope_that_only_a_feature_needs_counts_as_well(app: AppRegistration) -> None:
    put(app, 2000)
    labels = features.register("labels", "Print labels", scopes=("read_invoices",), app="demo-app")
    try:
        assert fleet.missing_scopes(app, fleet.grants()) == (1, Counter(read_invoices=1))
        fleet.mark_gaps()
        assert list(fleet.in_trouble(Installation.objects.all(), "permissions")) == [Installation.objects.get()]
    finally:
        features.forget(labels)


def test_counting_asks_once_however_many_there_are(app: AppRegistration) -> None:
    for number in range(2000, 2020):
        put(app, number, scopes=["read_store_profile"])
    with CaptureQueriesContext(connection) as asked:
        assert fleet.missing_scopes(app, fleet.grants())[0] == 20
    assert len(asked) == 1


def test_every_mixture_of_troubles_is_found_under_its_worst(app: AppRegistration, other: AppRegistration) -> None:
    now = datetime.now(UTC)
    troubles: list[dict[str, object]] = [
        {"uninstalled_at": now},
        {"token_died_at": now},
        {"held_at": now},
        {"paused_at": now},
        {"subscription_status": "SUSPENDED"},
        {"scopes": ["read_store_profile", "read_orders"]},
        {"prefill": "failed"},
    ]
    mixtures = itertools.product((False, True), repeat=len(troubles))
    for number, chosen in enumerate(mixtures, start=2000):
        facts: dict[str, object] = {}
        for trouble, is_there in zip(troubles, chosen, strict=True):
            facts |= trouble if is_there else {}
        put(app if number % 2 else other, number, **facts)

    fleet.mark_gaps()
    rows = Installation.objects.for_lists()
    for reason in ("", *fleet.REASONS):
        found = set(fleet.in_trouble(rows, reason))
        assert found == {row for row in rows if row.reason == reason}, reason
        assert found, reason


def test_who_lacks_one_scope_is_found_by_its_name(app: AppRegistration, other: AppRegistration) -> None:
    whole, short, shorter = put(app, 2000), put(app, 2001, scopes=SCOPES[:3]), put(other, 2002, scopes=SCOPES[:1])
    assert fleet.mark_gaps() == 2
    rows = Installation.objects.all()

    assert set(fleet.lacking_scope(rows, "read_orders")) == {short, shorter}
    assert set(fleet.lacking_scope(rows, "read_catalog")) == {shorter}
    assert whole not in fleet.lacking_scope(rows, "read_store_profile")


def test_marks_follow_what_an_app_asks_for(app: AppRegistration) -> None:
    put(app, 2000)
    app.wanted_scopes = [*SCOPES, "read_invoices"]
    app.save()
    assert fleet.mark_gaps() == 1
    assert Installation.objects.filter(gap=True).exists()
    app.wanted_scopes = list(SCOPES)
    app.save()

    assert (fleet.mark_gaps(), fleet.mark_gaps()) == (1, 0)
    assert not Installation.objects.filter(gap=True).exists()
