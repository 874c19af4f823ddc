"""Whatever JSON calls itself a profile, reading it gives facts that any database and any page can hold."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from installs.ecwid import profile
from tests.ecwid.test_profile_facts import PAPER_TRAIL

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)
texts = st.text(st.characters(), max_size=3000) | st.builds(
    lambda head, tail: head + tail,
    st.sampled_from(["https://x.example/", "a@b.example", "en", "EUR", "\x00", "\ud800", "Europe/Rome", " \n"]),
    st.text(st.characters(), max_size=2100),
)


def sections(like: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Profiles with the right names and anything at all beside them."""
    return st.fixed_dictionaries(
        {},
        optional={
            name: (sections(value) if isinstance(value, dict) else texts | st.lists(texts, max_size=3)) | anything
            for name, value in like.items()
        },
    )


def check(found: profile.StoreFacts) -> None:
    for name, value in found.known().items():
        for text in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            text.encode("utf-8")
            assert "\x00" not in text
            assert len(text) <= profile.LIMITS.get(name, 100)
    assert json.loads(json.dumps(found.known(), allow_nan=False)) == found.known()
    assert found.currency_precision in (None, *range(7))
    assert len(found.languages or ()) <= profile.LANGUAGES_MAX
    assert len(found.plan_features or ()) <= profile.FEATURES_MAX


@given(anything)
def test_no_json_whatever_raises(document: object) -> None:
    check(profile.facts(document))


@settings(max_examples=100, deadline=None)
@given(sections(PAPER_TRAIL))
def test_no_profile_however_odd_gives_a_fact_that_cannot_be_kept(document: object) -> None:
    check(profile.facts(document))


def test_every_text_field_has_a_limit() -> None:
    full = profile.facts(PAPER_TRAIL).known()
    assert {name for name, value in full.items() if isinstance(value, str)} == set(profile.LIMITS)
