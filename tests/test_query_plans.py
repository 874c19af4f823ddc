"""On PostgreSQL the operators' lists are answered by indexes: no plan reads a large table from end to end."""

import re
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.test import Client
from django.urls import reverse

from installs.models import Installation, InstallAttempt, WebhookEvent
from scripts.demo import __main__ as demo
from tests import people
from tests.sandbox import Sandbox

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="plans are PostgreSQL's"),
]

COUNT = 1000
LIST = "/admin/installs/installation/"
LARGE = (
    "installs_installation", "installs_installattempt", "installs_webhookevent", "installs_happening",
    "installs_prefill", "accounts_store", "accounts_storesettings",
    "accounts_user", "accounts_membership",
)  # fmt: skip


@pytest.fixture
def operator(sandbox: Sandbox) -> Client:
    demo.main([str(COUNT), "--events", "3"])
    return people.operator("admin")


def plans(operator: Client, address: str, *avoided: str) -> Iterator[str]:
    """Yield how PostgreSQL would answer each query of a page if its tables were too large to be read through."""
    asked: list[tuple[str, object]] = []

    def note(execute: object, sql: str, params: object, many: bool, context: object) -> object:
        asked.append((sql, params))
        return execute(sql, params, many, context)  # type: ignore[operator]

    with connection.execute_wrapper(note):
        assert operator.get(address).status_code in (200, 302)
    with connection.cursor() as cursor:
        # Where an index serves, it is taken; where none does, a sequential scan is all that is left.
        for way in ("seqscan", *avoided):
            cursor.execute(f"SET enable_{way} = off")
        for sql, params in asked:
            if sql.startswith("SELECT"):
                cursor.execute(f"EXPLAIN {sql}", params)  # type: ignore[arg-type]
                yield sql + "\n" + "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET ALL")


def read_through(operator: Client, address: str) -> list[str]:
    """Return the plans of a page that read a large table from end to end."""
    scans = re.compile(rf"Seq Scan on ({'|'.join(LARGE)})\b")
    return [plan for plan in plans(operator, address) if scans.search(plan)]


def test_every_page_is_answered_by_indexes(operator: Client) -> None:
    row = Installation.objects.select_related("store__settings").latest("pk")
    attempt, event = InstallAttempt.objects.latest("pk"), WebhookEvent.objects.latest("pk")
    name = row.store.settings.store_name
    addresses = [
        "/admin/",
        "/admin/?days=365",
        *(
            f"{LIST}?{query}"
            for query in (
                "", "o=8", "p=10", f"q={row.store.store_id}", f"q={name[1:8]}", f"q={attempt.support_code}",
                f"q={row.store.settings.contact_email}", "state=uninstalled", "reason=disconnected", "reason=paused",
                "reason=held", "reason=permissions", "reason=subscription", "reason=prefill", "health=broken",
                "lacks=update_orders", "subscription_status=SUSPENDED", "country=IS", "prefill=waiting",
                "installed_at_from=2026-06-01&installed_at_to=2026-06-02", "uninstalled_at_from=2026-06-01",
            )
        ),
        f"{LIST}?after={row.pk}",
        f"{LIST}?o=8&after={row.pk}",
        f"{LIST}?country=US&after={row.pk}",
        f"{LIST}{row.pk}/change/",
        "/admin/accounts/store/",
        f"/admin/accounts/store/?q={name[1:8]}",
        f"/admin/accounts/store/?q={row.store.settings.contact_email}",
        "/admin/accounts/user/",
        "/admin/accounts/user/?is_staff__exact=1",
        f"/admin/accounts/user/?q={name[1:8]}",
        f"/admin/accounts/user/?q={row.store.settings.contact_email}",
        f"/admin/accounts/store/?o=1&after={row.store.pk}",
        "/admin/installs/installattempt/",
        f"/admin/installs/installattempt/?after={attempt.pk}",
        f"/admin/installs/webhookevent/?after={event.pk}",
        "/admin/installs/installattempt/?outcome__exact=secret_wrong",
        "/admin/installs/installattempt/?outcome__exact=claimed",
        "/admin/installs/installattempt/?source__exact=native",
        f"/admin/installs/installattempt/?q={row.store.store_id}",
        "/admin/installs/webhookevent/",
        "/admin/installs/webhookevent/?state__exact=failed",
        "/admin/installs/webhookevent/?type=order.created",
        "/admin/installs/webhookevent/?conflicts=yes",
        f"/admin/installs/webhookevent/?q={event.event_id}",
        f"/admin/installs/webhookevent/?q={event.store_id}",
        f"/admin/search/?extended=1&s={name[1:8]}",
    ]  # fmt: skip

    found = {address: plan for address in addresses for plan in read_through(operator, address)}
    assert found == {}


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("outcome__exact=secret_wrong", "attempt_outcome"),
        ("outcome__exact=superseded", "attempt_outcome"),
        ("outcome__exact=claimed", "attempt_claimed"),
        ("source__exact=native", "attempt_source"),
        ("source__exact=imported", "attempt_source"),
    ],
)
def test_a_rare_visit_is_found_by_an_index_of_rare_ones(operator: Client, query: str, index: str) -> None:
    visits = [p for p in plans(operator, f"/admin/installs/installattempt/?{query}") if "installs_installattempt" in p]

    assert visits
    assert all(index in plan or "_pkey" in plan for plan in visits)


def test_the_usual_visit_is_in_no_index_of_rare_ones(operator: Client) -> None:
    usual = InstallAttempt.objects.filter(outcome__in=("claimed", "installed"), source="return").count()
    with connection.cursor() as cursor:
        cursor.execute("REINDEX TABLE installs_installattempt")
        cursor.execute("SELECT relname, reltuples FROM pg_class WHERE relname IN ('attempt_outcome', 'attempt_source')")
        entries = {name: max(count, 0) for name, count in cursor.fetchall()}  # -1 where nothing was counted

    assert usual > COUNT / 2
    assert entries == {"attempt_outcome": InstallAttempt.objects.count() - usual, "attempt_source": 0}


def test_a_page_joins_what_it_shows_to_its_own_rows_alone(operator: Client) -> None:
    keys = [plan for plan in plans(operator, f"{LIST}?p=10") if "OFFSET" in plan.split("\n")[0]]

    assert len(keys) == 1
    assert "JOIN" not in keys[0]


@pytest.mark.parametrize("model", [Installation, InstallAttempt, WebhookEvent])
def test_a_list_goes_on_from_the_very_row_it_stopped_at(operator: Client, model: type[Model]) -> None:
    key = model._default_manager.order_by("pk")[COUNT // 2].pk
    page = reverse(f"admin:installs_{model._meta.model_name}_changelist")
    all_plans = plans(operator, f"{page}?after={key}", "sort", "bitmapscan")
    begins = [plan for plan in all_plans if "ORDER BY" in plan and "<=" in plan]

    assert len(begins) == 1
    assert re.search(r"Index Cond: \(\w+_at <= ", begins[0])
    assert not re.search(r"^ *(->  )?Sort  \(", begins[0], re.MULTILINE)


def test_what_no_index_serves_would_be_noticed() -> None:
    rows: QuerySet[Installation] = Installation.objects.filter(generation=7)
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        assert "Seq Scan on installs_installation" in rows.explain()
        cursor.execute("RESET enable_seqscan")
