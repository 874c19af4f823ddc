"""The operators' lists, drawn in less time than the theme takes: what comes out is the theme's, to the letter."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from unfold.contrib.filters.forms import DropdownForm
from unfold.templatetags import unfold_list as theme

from accounts.models import Membership, Store, StoreSettings, User
from accounts.templatetags import lists
from installs.admin import filters
from scripts.demo import __main__ as demo
from tests import people
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

SHOWN = ("installs.installation", "installs.installattempt", "installs.webhookevent", "installs.rejecteddelivery")


@pytest.fixture
def operator(sandbox: Sandbox) -> Client:
    demo.main(["60", "--events", "3"])
    return people.operator("admin")


def pages(operator: Client, *queries: str) -> Iterator[Any]:
    """Yield every list there is, as the operator gets it, with each of the queries."""
    for model in admin.site._registry:
        page = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        answers = (operator.get(f"{page}{query}") for query in queries)
        yield from (answer for answer in answers if "cl" in (answer.context or ()))  # some have a page of their own


def test_every_row_is_drawn_as_the_theme_draws_it(operator: Client) -> None:
    drawn = set()
    for answer in pages(operator, "", "?o=1"):
        cl = answer.context["cl"]
        ours = [list(row) for row in lists.rows(cl, list(theme.result_headers(cl)))]
        assert ours == [list(theme.items_for_result(cl, row, None)) for row in cl.result_list], cl.opts
        assert all(cell in answer.text for row in ours for cell in row)
        drawn |= {cl.opts.label_lower} if ours else set()

    assert drawn >= set(SHOWN)


def test_every_list_is_called_what_the_sidebar_calls_it_and_says_when_in_one_form(operator: Client) -> None:
    for answer in pages(operator, ""):
        here = answer.context["cl"].opts
        page = reverse(f"admin:{here.app_label}_{here.model_name}_changelist")
        (called,) = (
            item["title"]
            for group in answer.context["sidebar_navigation"]
            for item in group["items"]
            if str(item["link"]) == page
        )
        assert called.lower() == {"audit entries": "audit trail"}.get(
            here.verbose_name_plural, here.verbose_name_plural
        )
        assert not re.search(r"\d [ap]\.m\.", answer.text), here


@pytest.mark.parametrize("chosen", ["NL", "", None])
def test_a_long_list_of_choices_is_the_themes(chosen: str | None) -> None:
    choices = [("", "All"), ("NL", "Here & there"), ("BE", "<Elsewhere>")]
    ours, theirs = (
        str(form(name="country", label="country", choices=choices, data={"country": chosen})["country"])
        for form in (filters.ChoicesForm, DropdownForm)
    )
    assert "".join(ours.split()) == "".join(theirs.split())


def test_a_filter_that_is_chosen_says_so(sandbox: Sandbox) -> None:
    demo.main(["10"])
    answer = people.operator("viewer").get("/admin/installs/installation/?country=NL")
    assert '<option value="NL" selected>' in answer.text


@pytest.mark.parametrize(
    ("words", "stores", "found"),
    [
        ("2000", {2000}, {"ada"}),
        ("rail", {2000, 2001}, {"ada", "bo"}),
        (" SHOP2001@x.example ", {2001}, {"bo"}),
        ("Ada@x.example", {2000}, {"ada"}),
        ("ada", set(), {"ada"}),
        ("ZED", set(), {"zed"}),
        ("ra", set(), set()),
        ("nobody", set(), set()),
        ("9" * 30, set(), set()),
    ],
)
def test_stores_and_people_are_found_by_what_indexes_know(words: str, stores: set[int], found: set[str]) -> None:
    operator = people.operator("admin", "zed")
    for number, name, person in ((2000, "Paper Trail", "ada"), (2001, "Trail Mix", "bo")):
        store = Store.objects.create(store_id=number)
        StoreSettings.objects.create(store=store, store_name=name, contact_email=f"shop{number}@x.example")
        user = User.objects.create(username=person, email=f"{person}@x.example")
        Membership.objects.create(user=user, store=store, role="owner")

    rows = operator.get("/admin/accounts/store/", {"q": words}).context["cl"].result_list
    assert {row.store_id for row in rows} == stores
    rows = operator.get("/admin/accounts/user/", {"q": words}).context["cl"].result_list
    assert {row.username for row in rows} == found


def test_an_empty_list_says_so_and_offers_only_what_helps() -> None:
    browser = people.operator()
    empty = browser.get("/admin/installs/alert/").content.decode()
    assert "Nothing here yet" in empty
    assert "Show all" not in empty
    assert "Create a new item" not in empty
    assert "/admin/installs/alertreceiver/add/" in browser.get("/admin/installs/alertreceiver/").content.decode()

    searched = browser.get("/admin/installs/alert/?q=nothing").content.decode()
    assert "Nothing fits" in searched
    assert "Show all" in searched


def test_whoever_holds_hundreds_of_stores_has_a_page_of_twenty_at_a_time() -> None:
    client, person = people.operator("admin"), User.objects.create(username="agency")
    stores = Store.objects.bulk_create([Store(store_id=number) for number in range(5001, 5046)])
    StoreSettings.objects.bulk_create([StoreSettings(store=store) for store in stores])
    Membership.objects.bulk_create([Membership(user=person, store=store) for store in stores])
    address = f"/admin/accounts/user/{person.pk}/change/"
    pages = [client.get(f"{address}?memberships-page={number}").content.decode() for number in (1, 2, 3)]

    assert [page.count("field-created_at") for page in pages] == [20, 20, 5]
    assert {"5001", "5021", "5041"} == {re.findall(r"\b50\d\d\b", page)[0] for page in pages}
    assert "memberships-page=2" in pages[0]
