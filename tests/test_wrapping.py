"""Templates: no English stands in a merchant's page or mail but inside a tag that has it translated."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

ROOT = Path(settings.BASE_DIR) / "templates"
# Operators and developers read English.
NO_MERCHANTS = {"admin", "unfold", "styleguide.html"}  # unfold: the admin's theme
TEMPLATES = sorted(
    path
    for path in ROOT.rglob("*")
    if path.suffix in (".html", ".txt") and not NO_MERCHANTS & set(path.relative_to(ROOT).parts)
)
# Attributes that a person reads or hears.
SPOKEN = {"alt", "aria-description", "aria-label", "label", "placeholder", "title"}


class Reader(HTMLParser):
    """Gathers what a person would read of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_data(self, data: str) -> None:
        self.read.append(data)


def own_text(source: str) -> str:
    """Return a template without its tags and without what those have translated."""
    text, translated = [], False
    source = re.sub(r"{% block body %}.*?{% endblock %}", "", source)  # attributes of <body>
    for token in Lexer(source).tokenize():
        command = token.contents.split(" ")[0] if token.token_type == TokenType.BLOCK else ""
        if command in ("blocktranslate", "endblocktranslate"):
            translated = command == "blocktranslate"
        elif token.token_type == TokenType.TEXT and not translated:
            text.append(token.contents)
    return "".join(text)


def unwrapped(source: str) -> list[str]:
    """Return the words of a template that nobody can translate."""
    reader = Reader()
    reader.feed(own_text(source))
    reader.close()
    words = (part.strip() for part in reader.read)
    # Constants inside tags begin with a capital where they are words; names of classes do not.
    constants = re.findall(r"""[:=]"([A-Z][^"]*)\"""", "".join(re.findall(r"{[{%].*?[%}]}", source)))
    return [part for part in [*words, *constants] if re.search(r"[A-Za-z]{2}", part)]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_has_no_words_that_nobody_can_translate(path: Path) -> None:
    assert unwrapped(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        '<img alt="A store">',
        '<a aria-label="Find">{{ icon }}</a>',
        "{% translate 'Hello' %} and more",
        "{% blocktranslate %}Hello{% endblocktranslate %} there",
        '{{ name|default:"Nobody yet" }}',
        '{% include "field.html" with label="Their address" %}',
    ],
)
def test_words_outside_a_tag_are_found(source: str) -> None:
    assert unwrapped(source)


def test_what_is_translated_or_not_words_is_left_alone() -> None:
    source = '<p class="soft">{% translate "Hello" %} · {{ name }}</p>{% include "x.html" with room="store" %}'
    assert unwrapped(source) == []
