"""Scopes: a list in any spelling becomes one list, and each has words a merchant understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import scopes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("read_store_profile read_catalog", ("read_store_profile", "read_catalog")),
        ("read_store_profile+read_catalog", ("read_store_profile", "read_catalog")),
        ("read_orders, READ_ORDERS,\tread_catalog\n", ("read_orders", "read_catalog")),
        ("brand_new_scope", ("brand_new_scope",)),
        ("read_orders nul\x00 \ud800 <b> " + "x" * 65, ("read_orders",)),
        ("", ()),
        (" ,+ ", ()),
    ],
)
def test_a_list_of_scopes_is_read(text: str, found: tuple[str, ...]) -> None:
    assert scopes.parse(text) == found


@given(st.text())
def test_whatever_is_read_can_be_stored_and_read_again(text: str) -> None:
    found = scopes.parse(text)
    assert scopes.parse(" ".join(found)) == found
    assert len(set(found)) == len(found)
    " ".join(found).encode("ascii")


def test_what_is_missing_comes_in_the_order_wanted() -> None:
    wanted = ("read_orders", "read_catalog", "charge")
    assert scopes.missing(wanted, ("read_catalog", "add_to_cp")) == ("read_orders", "charge")
    assert scopes.missing(wanted, wanted) == ()
    assert scopes.missing((), wanted) == ()


def test_the_list_is_that_of_the_contract() -> None:
    assert len(scopes.SCOPES) == 48
    assert {"read_store_profile", "add_to_cp", "update_catalog_batch_delete", "delete_staff"} <= set(scopes.SCOPES)
    assert scopes.parse(" ".join(scopes.SCOPES)) == tuple(scopes.SCOPES)


def test_the_words_name_neither_the_platform_nor_its_owner() -> None:
    words = " ".join(scopes.SCOPES.values()).lower()
    assert "ecwid" not in words
    assert "lightspeed" not in words
    assert all(text[0].isupper() and not text.endswith(".") for text in scopes.SCOPES.values())
    assert len(set(scopes.SCOPES.values())) == len(scopes.SCOPES)
