"""Sending the merchant to agree, and reading the store out of the address they come back to."""

import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import oauth

CLIENT = oauth.Client("https://my.example/api/oauth/", "demo-app", "S", "https://hub.example/apps/demo-app/return/")


def test_the_address_asks_for_the_scopes_and_carries_the_state() -> None:
    address = oauth.authorize_url(CLIENT, ("read_store_profile", "read_catalog"), "st/ate+1")
    head, _, query = address.partition("?")
    assert head == "https://my.example/api/oauth/authorize"
    assert "scope=read_store_profile+read_catalog" in query
    assert dict(urllib.parse.parse_qsl(query)) == {
        "client_id": "demo-app",
        "redirect_uri": "https://hub.example/apps/demo-app/return/",
        "response_type": "code",
        "scope": "read_store_profile read_catalog",
        "state": "st/ate+1",
    }


@given(st.integers(1, 2**63 - 1))
def test_every_store_id_is_read(number: int) -> None:
    assert oauth.parse_store_id(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n",
        "01",
        "1.0",
        "1e3",
        "1_000",
        "0x1",
        "٣",
        "²",
        "1\x00",
        "one",
        str(2**63),
        "9" * 5000,
    ],
)
def test_nothing_else_is_a_store_id(text: str) -> None:
    with pytest.raises(ValueError, match="store id"):
        oauth.parse_store_id(text)
