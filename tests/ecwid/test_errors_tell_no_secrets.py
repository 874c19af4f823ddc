"""Errors end up in logs and rows: what they say, what they keep for themselves, and how they travel."""

import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import errors

TOKEN = "secret_Hn4cQ2exampleexampleexample0001"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Token {TOKEN} is wrong", "Token [hidden] is wrong"),
        ("public_Hn4c is wrong", "[hidden] is wrong"),
        ("Authorization: Bearer abc.def", "Authorization: [hidden]"),
        ("bearer abc", "[hidden]"),
        ("code Kq7vT2mXw9LpZr4Hd8NcYb3JsG6fQe1A spent", "code [hidden] spent"),
        ("MAX_PRODUCTS_FOR_API_REQUEST_LIMIT_EXCEEDED", "MAX_PRODUCTS_FOR_API_REQUEST_LIMIT_EXCEEDED"),
        ("two\r\nlines\x00\x1b[31m", "two lines [31m"),
        ("  Store not found  ", "Store not found"),
    ],
)
def test_a_message_is_redacted(text: str, said: str) -> None:
    assert errors.redact(text) == said


@pytest.mark.parametrize("echo", ["a+b/c", "a%2Bb%2Fc", "a%2bb/c a+b/c"])
def test_a_hidden_value_is_found_in_the_spellings_of_an_address(echo: str) -> None:
    assert "a+b/c" not in errors.redact(f"code {echo}", "a+b/c")
    assert errors.redact("code a%2Bb%2Fc", "a+b/c") == "code [hidden]"


@pytest.mark.parametrize("word", ["a", "a1", " ", "secret_", "Bearer "])
def test_a_message_of_a_million_characters_takes_no_time(word: str) -> None:
    started = time.monotonic()
    errors.redact(word * 1_000_000)
    assert time.monotonic() - started < 20, "a search that begins anew at every character would take hours"


def test_a_secret_does_not_show_where_a_long_message_is_cut() -> None:
    for length in range(1900, 2000):
        said = errors.redact("x1" * (length // 2) + f" y {TOKEN}")
        assert "Hn4c" not in said
        assert said.startswith("[hidden]")


def test_nothing_hidden_hides_nothing() -> None:
    assert errors.redact("plain", "") == "plain"


@given(st.text(max_size=500), st.text(min_size=1, max_size=20))
def test_a_redacted_message_is_short_one_line_and_can_be_stored(text: str, secret: str) -> None:
    said = errors.redact(text + secret + text, secret)
    assert len(said) <= 200
    assert said.isprintable() or not {"\x00", "\n", "\r", "\x1b"} & set(said)
    said.encode()


def test_every_error_survives_a_journey_between_processes() -> None:
    throttled = errors.Throttled("slow", status=429, error_code="RATE_LIMITED", sent=False, retry_after=7.0)
    for error in (throttled, errors.Forged(), errors.Unreadable("junk"), errors.Paused("later", status=402)):
        for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
            assert type(twin) is type(error)
            assert (str(twin), vars(twin)) == (str(error), vars(error))


def test_what_may_be_repeated_is_unreachable_and_what_may_not_is_not() -> None:
    assert issubclass(errors.Throttled, errors.Unreachable)
    assert issubclass(errors.Malformed, errors.Unreachable)
    for final in (errors.Refused, errors.Paused, errors.TokenDead, errors.Forged, errors.Unreadable):
        assert not issubclass(final, errors.Unreachable)


def test_forged_says_the_same_every_time() -> None:
    assert str(errors.Forged()) == str(errors.Forged())
    assert errors.Forged().error_code == ""
