"""What a page may load: strict for merchants, and relaxed for the admin's theme by no more than that needs."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def policy(path: str) -> dict[str, set[str]]:
    """Return the Content-Security-Policy of a page by directive."""
    header = Client().get(path).headers["Content-Security-Policy"]
    directives = (part.split() for part in header.split(";") if part.strip())
    return {name: set(sources) for name, *sources in directives}


def test_a_merchants_page_loads_our_own_files_and_evaluates_nothing() -> None:
    page = policy("/sign-in/")

    assert page["default-src"] == {"'none'"}
    assert page["script-src"] == {"'self'"}
    assert page["style-src"] == {"'self'"}
    assert page["frame-ancestors"] == {"'none'"}
    assert page["base-uri"] == {"'none'"}


def test_the_admin_may_evaluate_what_its_theme_brings_and_run_no_script_that_was_written_into_a_page() -> None:
    page = policy("/admin/login/")

    assert "'unsafe-eval'" in page["script-src"]
    assert "'unsafe-inline'" not in page["script-src"]
    assert page["frame-ancestors"] == {"'none'"}
    sources = set().union(*page.values())
    assert not [source for source in sources if "." in source or source in {"*", "https:", "http:"}]
