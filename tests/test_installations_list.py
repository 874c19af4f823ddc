"""Operators find any installation: by filters, by words, by views they saved; and take the list along as a file."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Store, StoreSettings
from installs.actions import fleet
from installs.admin.installations import InstallationAdmin
from installs.models import AppRegistration, Installation, Prefill, SavedView
from tests import people
from tests.cast import SCOPES

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/admin/installs/installation/"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def put(app: AppRegistration, number: int, name: str = "", country: str = "NL", **facts: object) -> Installation:
    store = Store.objects.create(store_id=number)
    StoreSettings.objects.create(
        store=store, store_name=name, country_code=country, contact_email=f"{number}@x.example"
    )
    state = str(facts.pop("prefill", "done"))
    fields = {"scopes": list(SCOPES), "installed_at": NOW} | facts
    made = Installation.objects.create(app=app, store=store, **fields)
    Prefill.objects.create(installation=made, due_at=NOW, state=state)
    return made


def sign_in(role: str) -> Client:
    return people.operator(role, f"a-{role}")


@pytest.fixture
def operator() -> Client:
    return sign_in("manager")


@pytest.fixture
def fleet_of_ten(app: AppRegistration) -> AppRegistration:
    put(app, 2000, "Paper Trail")
    put(app, 2001, "Trail Mix", uninstalled_at=NOW, installed_at=NOW - timedelta(days=40))
    put(app, 2002, token_died_at=NOW)
    put(app, 2003, paused_at=NOW)
    put(app, 2004, held_at=NOW)
    put(app, 2005, subscription_status="SUSPENDED")
    put(app, 2006, scopes=list(SCOPES[:3]))
    put(app, 2007, prefill="failed")
    put(app, 2008, prefill="waiting", country="DE")
    put(app, 2009, subscription_status="TRIAL", installed_at=NOW - timedelta(days=1))
    fleet.mark_gaps()
    return app


def found(operator: Client, query: str) -> set[int]:
    answer = operator.get(f"{LIST}?{query}")
    assert answer.status_code == 200
    return {row.store.store_id for row in answer.context["cl"].result_list}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("state=uninstalled", {2001}),
        ("health=ok", {2000, 2008, 2009}),
        ("health=degraded", {2003, 2004, 2005, 2006, 2007}),
        ("health=broken", {2001, 2002}),
        ("reason=paused", {2003}),
        ("reason=held", {2004}),
        ("reason=permissions", {2006}),
        ("reason=prefill", {2007}),
        ("lacks=read_orders", {2006}),
        ("lacks=read_catalog", set()),
        ("subscription_status=SUSPENDED", {2005}),
        ("subscription_status=TRIAL", {2009}),
        ("prefill=waiting", {2008}),
        ("country=DE", {2008}),
        ("installed_at_to=2026-11-25", {2001, 2009}),
        ("installed_at_from=2026-11-25&installed_at_to=2026-11-25", {2009}),
        ("uninstalled_at_from=2026-11-26", {2001}),
        ("installed_at_from=nonsense", set(range(2000, 2010))),
        ("state=nonsense&health=nonsense&reason=nonsense", set(range(2000, 2010))),
        ("q=trail", {2000, 2001}),
        ("q=paper+tr", {2000}),
        ("q=2005", {2005}),
        ("q=2006%40X.example", {2006}),
        ("q=99999999999999999999999", set()),
        ("q=tr", set()),
        ("q=trail&state=installed", {2000}),
    ],
)
def test_each_filter_leaves_what_it_says(
    operator: Client, fleet_of_ten: AppRegistration, query: str, numbers: set[int]
) -> None:
    assert found(operator, query) == numbers


def test_health_filters_say_what_each_row_says_of_itself(operator: Client, fleet_of_ten: AppRegistration) -> None:
    for health in ("ok", "degraded", "broken"):
        rows = {row.store.store_id for row in Installation.objects.for_lists() if row.health == health}
        assert found(operator, f"health={health}") == rows


@pytest.mark.parametrize("query", ["", "?reason=permissions", "?lacks=read_orders", "?q=trail", "?country=NL"])
def test_the_number_of_queries_does_not_grow_with_rows(operator: Client, app: AppRegistration, query: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            operator.get(LIST + query)
        return len(captured)

    put(app, 2000, "Paper Trail", scopes=list(SCOPES[:3]))
    fleet.mark_gaps()
    queries()
    few = queries()
    for number in range(3000, 3030):
        put(app, number, "Paper Trail", scopes=list(SCOPES[:3]))
    fleet.mark_gaps()

    assert queries() == few


def test_pages_end_where_counting_would_take_long(
    operator: Client, app: AppRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.admin.pages.COUNTED", 5)
    for number in range(2000, 2010):
        put(app, number)

    assert operator.get(LIST).context["cl"].result_count == 5


@pytest.mark.parametrize("order", ["", "o=8", "o=-8.1", "country=NL", "q=Trail"])
def test_next_goes_on_to_the_last_row_and_shows_each_once(
    operator: Client, app: AppRegistration, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    for number in range(2000, 2011):  # some of them at the same time
        put(app, number, "Paper Trail", installed_at=NOW - timedelta(days=number % 4))
    whole = shown(operator.get(f"{LIST}?{order}"))
    in_small_steps(monkeypatch)

    page, seen = f"?{order}", list[int]()
    while page:
        first, last = (operator.get(f"{LIST}{page}&p={number}") for number in (1, 2))
        assert ("Back to the first" in first.text) == bool(seen)
        seen += shown(first) + shown(last)
        page = last.context["cl"].next_rows
    assert len(seen) == 11
    assert seen == whole


def test_whoever_filters_or_saves_it_begins_at_the_beginning(
    operator: Client, app: AppRegistration, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_small_steps(monkeypatch)
    rows = [put(app, number) for number in range(2000, 2011)]
    page = operator.get(f"{LIST}?after={rows[8].pk}&p=2")

    assert shown(page) == [2005, 2004]
    ways = {way for way in re.findall(r'href="(\?[^"]*)"', page.text) if "after" in way}
    assert ways == {f"?after={rows[4].pk}&amp;p=1", f"?after={rows[8].pk}&amp;p=1"}  # next, and the page before
    assert 'name="after"' not in page.text
    assert 'name="p"' not in page.text


def test_a_row_that_is_gone_is_nothing_to_go_on_from(operator: Client, fleet_of_ten: AppRegistration) -> None:
    everybody = shown(operator.get(LIST))
    for key in ("999999", "9" * 30, "x", ""):
        assert shown(operator.get(f"{LIST}?after={key}")) == everybody


def test_no_address_sorts_by_what_has_no_index_or_counts_every_choice(
    operator: Client, fleet_of_ten: AppRegistration
) -> None:
    usual = shown(operator.get(LIST))
    for column in (1, 2, 3, 4, 5, 6, 7, 9):
        assert shown(operator.get(f"{LIST}?o={column}")) == usual
    assert "Show counts" not in operator.get(f"{LIST}?_facets=True").text


def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let four rows be counted, and two shown on a page."""
    monkeypatch.setattr("accounts.admin.pages.COUNTED", 4)
    monkeypatch.setattr(InstallationAdmin, "list_per_page", 2)


def shown(answer: Any) -> list[int]:
    return [row.store.store_id for row in answer.context["cl"].result_list]


class TestViews:
    """A list with its filters, under a name."""

    def save(self, client: Client, name: str, query: str, **more: str) -> None:
        assert client.post(f"{LIST}views/", {"name": name, "query": query, **more}).status_code == 302

    def test_a_saved_view_is_one_click_away(self, operator: Client, fleet_of_ten: AppRegistration) -> None:
        self.save(operator, "Trials", "subscription_status=TRIAL&p=3")
        page = operator.get(LIST).content.decode()

        assert 'href="?subscription_status=TRIAL"' in page
        assert found(operator, SavedView.objects.get().query) == {2009}

    def test_it_is_its_owners_alone_unless_shared(self, operator: Client, fleet_of_ten: AppRegistration) -> None:
        self.save(operator, "Mine", "state=installed")
        self.save(operator, "Ours", "reason=paused", shared="on")
        page = sign_in("viewer").get(LIST).content.decode()

        assert "Ours" in page
        assert "Mine" not in page

    def test_the_same_name_again_is_changed(self, operator: Client) -> None:
        self.save(operator, "Mine", "state=installed")
        self.save(operator, "Mine", "state=uninstalled")
        assert SavedView.objects.get().query == "state=uninstalled"

    def test_only_who_operates_can_share_and_only_the_owner_can_forget(self, operator: Client) -> None:
        viewer = sign_in("viewer")
        self.save(viewer, "Mine", "state=installed", shared="on")
        view = SavedView.objects.get()

        assert not view.shared
        assert operator.post(f"{LIST}views/{view.pk}/forget/").status_code == 404
        assert viewer.get(f"{LIST}views/{view.pk}/forget/").status_code == 405
        viewer.post(f"{LIST}views/{view.pk}/forget/")
        assert not SavedView.objects.exists()

    def test_a_view_leads_to_this_list_and_nowhere_else(self, operator: Client) -> None:
        self.save(operator, "Away", "//evil.example/?next=https://evil.example")
        answer = operator.post(f"{LIST}views/", {"name": "Away", "query": "https://evil.example"})

        assert answer.headers["Location"].startswith(LIST)
        assert 'href="//evil' not in operator.get(LIST).content.decode()


class TestExport:
    """The list as a file."""

    def rows(self, client: Client, query: str = "") -> list[dict[str, str]]:
        answer = client.post(f"{LIST}export/?{query}")
        assert answer.status_code == 200
        return list(csv.DictReader(io.StringIO(b"".join(answer).decode())))

    def test_it_holds_what_the_filters_leave_on_all_pages(
        self, operator: Client, fleet_of_ten: AppRegistration, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("installs.admin.exports._BATCH", 3)

        assert {row["store_id"] for row in self.rows(operator)} == {str(number) for number in range(2000, 2010)}
        (row,) = self.rows(operator, "reason=permissions")
        assert (row["store_id"], row["health"], row["missing_scopes"]) == ("2006", "degraded", "read_orders")

    def test_what_a_stranger_wrote_is_no_formula(self, operator: Client, app: AppRegistration) -> None:
        put(app, 2000, '=HYPERLINK("https://evil.example")')
        assert self.rows(operator)[0]["store"].startswith("'=")

    def test_no_token_leaves_with_it(self, operator: Client, app: AppRegistration) -> None:
        put(app, 2000, secret_token="secret_do_not_tell", public_token="public_do_not_tell")
        text = b"".join(operator.post(f"{LIST}export/")).decode()
        assert "do_not_tell" not in text

    def test_it_is_on_record_without_what_was_searched_for(self, operator: Client, app: AppRegistration) -> None:
        self.rows(operator, "q=jane%40x.example&state=installed")
        entry = AuditEntry.objects.get(what="exported installations")

        assert entry.changes == {"filters": ["q", "state"]}
        assert "jane" not in str(entry.__dict__)

    def test_only_who_may_export_gets_it_and_only_by_a_post(self, operator: Client, app: AppRegistration) -> None:
        support = sign_in("support")
        assert support.post(f"{LIST}export/").status_code == 403
        assert "Export CSV" not in support.get(LIST).content.decode()
        assert operator.get(f"{LIST}export/").status_code == 405
        assert not AuditEntry.objects.filter(what="exported installations").exists()
