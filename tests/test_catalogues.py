"""Catalogues: every word that merchants read is there in every language, with what the source has in it."""

import re
from collections.abc import Iterator
from gettext import c2py

import pytest
from babel.messages import Catalog, Message
from django.utils import translation
from django.utils.translation import ngettext

from scripts import catalogues

PLACEHOLDER = re.compile(r"%\(\w+\)s")
TAG = re.compile(r"<[^>]*>")
# Rule 12: resellers relabel the admin, so merchants know it under another name.
VENDORS = re.compile("ecwid|lightspeed|إكويد|لايت ?سبيد", re.IGNORECASE)

Key = tuple[str, str | None]
each_language = pytest.mark.parametrize("language", catalogues.languages())


@pytest.fixture(scope="module")
def found() -> Catalog:
    """What merchants read, as the source has it."""
    return catalogues.sources()


def messages(catalog: Catalog) -> dict[Key, Message]:
    """Return the messages of a catalogue, without its header."""
    return {(catalogues.forms(message.id)[0], message.context): message for message in catalog if message.id}


def needless_counts(catalog: Catalog) -> set[int]:
    """Return the plural forms that say their number in a word: those for one number, or for 0 and 1 as in French."""
    chooses = c2py(catalog.plural_expr)
    chosen = [chooses(number) for number in range(1000)]
    return {index for index in range(catalog.num_plurals) if chosen.count(index) <= 2}


def faults(catalog: Catalog) -> Iterator[str]:
    """Return the translations that lost or gained something on the way."""
    short = needless_counts(catalog)
    for message in messages(catalog).values():
        source = catalogues.forms(message.id)[-1]
        wanted, tags = sorted(PLACEHOLDER.findall(source)), sorted(TAG.findall(source))
        for index, form in enumerate(catalogues.forms(message.string)):
            given = sorted(PLACEHOLDER.findall(form))
            counted = message.pluralizable and index in short and len(given) == len(wanted) - 1
            if given != wanted and not (counted and set(given) < set(wanted)):
                yield f"{form}: {given} instead of {wanted}"
            if sorted(TAG.findall(form)) != tags or "%" in PLACEHOLDER.sub("", form):
                yield f"{form}: not the source's tags, or a stray %"


@each_language
def test_a_catalogue_has_every_message_of_the_source_and_no_other(language: str, found: Catalog) -> None:
    known, wanted = messages(catalogues.read(language)), messages(found)
    assert sorted(map(str, wanted.keys() - known.keys())) == [], "run `make messages`, then translate"
    assert sorted(map(str, known.keys() - wanted.keys())) == [], "run `make messages`"


@each_language
def test_every_message_is_translated_in_every_plural_form(language: str) -> None:
    catalog = catalogues.read(language)
    assert catalogues.missing(catalog) == []
    assert [message.id for message in catalog if message.id and message.fuzzy] == []


@each_language
def test_a_translation_has_the_placeholders_and_the_tags_of_its_source(language: str) -> None:
    assert list(faults(catalogues.read(language))) == []


@each_language
def test_what_is_compiled_is_what_is_written(language: str) -> None:
    compiled = catalogues.path(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogues.compiled(catalogues.read(language)), "run `make messages`"


@each_language
def test_no_catalogue_names_who_is_behind_the_admin(language: str) -> None:
    translations = [catalogues.forms(message.string) for message in messages(catalogues.read(language)).values()]
    assert [form for forms in translations for form in forms if VENDORS.search(form)] == []


@each_language
def test_a_catalogue_is_as_make_messages_writes_it(language: str, found: Catalog) -> None:
    assert catalogues.written(catalogues.updated(language, found)) == catalogues.path(language).read_bytes()


def test_french_keeps_its_signs_on_the_line_of_their_word() -> None:
    translations = [catalogues.forms(message.string) for message in messages(catalogues.read("fr")).values()]
    assert [form for forms in translations for form in forms if re.search(" [:;?!»…]|« ", form)] == []


@pytest.mark.parametrize(
    ("number", "words"), [(1, "يوم واحد"), (2, "يومين"), (3, "3 أيام"), (11, "11 يومًا"), (100, "100 يوم")]
)
def test_arabic_counts_as_its_readers_do(number: int, words: str) -> None:
    with translation.override("ar"):
        found = ngettext("It works once, within %(days)s day.", "It works once, within %(days)s days.", number)
    assert words + "." in found % {"days": number}
