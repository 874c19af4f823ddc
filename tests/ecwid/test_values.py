"""Single values as strangers send them, and bytes that strangers call JSON."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installs.ecwid import jsontext, values

UTC = dt.UTC


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example",
        "Anna.Janssen+shop@papertrail.example",
        "o'brien@b.example",
        "ключ@пример.example",
        "a@b-c.d.example",
    ],
)
def test_addresses_that_look_like_email_pass(address: str) -> None:
    assert values.email(f" {address}\n") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b.example",
        "a@b",
        "a@.example",
        "a@b..example",
        "a@b.",
        "a b@c.example",
        "a@b@c.example",
        "a@b.example,c@d.example",
        "<a@b.example>",
        "a@b.example\nBcc: c@d.example",
        "a@b.ex\u202eample",
        "a\u0000@b.example",
        "\ud800@b.example",
        "x" * 65 + "@b.example",
        7,
        None,
    ],
)
def test_what_does_not_look_like_email_is_none(address: object) -> None:
    assert values.email(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "https://x.example",
        "HTTP://x.example/p?q=1&r=%20#part",
        "https://x.example:8443/",
        "https://[2001:db8::1]/",
        "https://пример.example/ü",
        "https://x.example/" + "y" * 1982,
    ],
)
def test_web_addresses_pass(address: str) -> None:
    assert values.url(f" {address} ") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x.example",
        "//x.example",
        "ftp://x.example",
        "javascript:alert(1)",
        "https:",
        "https:///p",
        "https://",
        "https://a@x.example/",
        "https://a:b@x.example/",
        "https://x.example/a b",
        "https://x.example/\na",
        "https://x.example\\@y.example",
        'https://x.example/"onload="',
        "https://x.example/<b>",
        "https://x.example:port/",
        "https://x.example:99999/",
        "https://x.example:0/",
        "https://[::1/",
        "https://x.example/\x00",
        "https://x.example/\ud800",
        "https://x.example/" + "y" * 1983,
        7,
        None,
    ],
)
def test_what_is_no_web_address_is_none(address: object) -> None:
    assert values.url(address) is None


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("2026-03-02 09:15:40 +0000", dt.datetime(2026, 3, 2, 9, 15, 40, tzinfo=UTC)),
        ("2026-03-02 09:15:40 -0130", dt.datetime(2026, 3, 2, 10, 45, 40, tzinfo=UTC)),
        ("2026-03-02 09:15:40", dt.datetime(2026, 3, 2, 9, 15, 40, tzinfo=UTC)),
        ("2026-03-02T09:15:40Z", dt.datetime(2026, 3, 2, 9, 15, 40, tzinfo=UTC)),
        ("2026-03-02", dt.datetime(2026, 3, 2, tzinfo=UTC)),
        ("2026-13-02", None),
        ("2026-02-30 00:00:00 +0000", None),
        ("2026-03-02 09:15:40 +9999", None),
        ("0001-01-01 00:00:00 +1400", None),
        ("٢٠٢٦-03-02", None),
        ("2026-W10-1", None),
        ("", None),
        (1772442940, None),
        (None, None),
    ],
)
def test_dates_become_moments_in_utc(value: object, at: dt.datetime | None) -> None:
    assert values.moment(value) == at


def test_what_has_a_limit_may_reach_it() -> None:
    for excess, passes in ((0, True), (1, False)):
        address = "a@" + "b." * 122 + "x" * (8 + excess)
        assert len(address) == 254 + excess
        assert (values.email(address) == address) is passes
        token = "x" * (4096 + excess)
        assert (values.token(token) == token) is passes


def test_text_is_one_line_unless_it_may_have_more() -> None:
    assert values.text("a\nb", 9) == "a b"
    assert values.text("a\nb", 9, lines=True) == "a\nb"


@given(st.text(st.characters()), st.integers(0, 50), st.booleans())
def test_text_is_clean_trimmed_and_short(value: str, limit: int, lines: bool) -> None:
    found = values.text(value, limit, lines=lines)
    assert found is not None
    assert len(found) <= limit
    assert found == found.strip()
    assert not set(found) & set(map(chr, [*range(10), *range(11, 32), 127, 0x85, 0x2028]))
    assert lines or "\n" not in found
    found.encode()
    assert values.text(found, limit, lines=lines) == found


@given(st.binary(max_size=300))
def test_parsing_raises_nothing_but_value_error(raw: bytes) -> None:
    for parse in (jsontext.lenient, jsontext.strict):
        try:
            parse(raw)
        except ValueError:
            continue


@pytest.mark.parametrize("raw", [b"[" * 200_000, b'{"a":' * 200_000, b"[" * 200_000 + b"]" * 200_000])
def test_brackets_without_end_are_a_value_error(raw: bytes) -> None:
    for parse in (jsontext.lenient, jsontext.strict):
        with pytest.raises(ValueError, match=r".+"):
            parse(raw)


def test_a_document_is_as_deep_as_may_be_and_no_deeper() -> None:
    deep = jsontext.DEPTH_MAX
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        for parse in (jsontext.lenient, jsontext.strict):
            parse(opening * deep + b"1" + closing * deep)
            with pytest.raises(ValueError, match="deep"):
                parse(opening * (deep + 1) + b"1" + closing * (deep + 1))


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[NaN, Infinity, -Infinity]", [None, None, None]),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\u0000"', "\x00"),
        (b"1e5", 100000.0),
    ],
)
def test_a_platform_that_means_well_is_understood(raw: bytes, value: object) -> None:
    assert jsontext.lenient(raw) == value


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"\xed\xa0\x80", b'{"a": 1,}', b"{'a': 1}", "é".encode("utf-16"), b"9" * 5000]
)
def test_what_is_no_json_is_not_guessed_at(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        jsontext.lenient(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b'{"a":1,"a":1}',
        b'"\\u0000"',
        b'{"\\u0000":1}',
        b'["\\ud800"]',
        b"9223372036854775808",
        b"[-9223372036854775809]",
    ],
)
def test_a_stranger_is_held_to_the_letter(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        jsontext.strict(raw)


def test_a_stranger_who_keeps_to_the_letter_is_understood() -> None:
    raw = '{"a": [1.5, -9223372036854775808, 9223372036854775807, true, null, "é\\ud83d\\ude00"]}'.encode()
    assert jsontext.strict(raw) == {"a": [1.5, -(2**63), 2**63 - 1, True, None, "é😀"]}
