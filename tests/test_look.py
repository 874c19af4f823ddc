"""One look: every page is put together from the same tokens, and the page that shows them exists for builders only."""

import re
from pathlib import Path

import pytest
from django.conf import LazySettings, settings
from django.test import Client

from ecwidhub import styleguide

pytestmark = pytest.mark.django_db

ASSETS = Path(styleguide.__file__).parent / "assets"
ICONS = ASSETS.parent.parent / "templates" / "icons"
HUB = (ASSETS / "hub.css").read_text("utf-8")
NATIVE = (ASSETS / "native.css").read_text("utf-8")
LIGHT, _, REST = HUB.partition("@media (prefers-color-scheme: dark)")
DARK, _, RULES = REST.partition("/* The page */")


def names(css: str) -> set[str]:
    return set(re.findall(r"^ +--([\w-]+):", css, re.MULTILINE))


def declarations(css: str, *properties: str) -> list[str]:
    """Return what the rules say of these properties."""
    return re.findall(rf"(?<![\w-])(?:{'|'.join(properties)}): ([^;}}]+)", css)


class TestStyleguide:
    """It is there for whoever builds, and for nobody else."""

    def test_in_debug_it_shows_every_token_and_every_icon(self, browser: Client, settings: LazySettings) -> None:
        settings.DEBUG = True
        page = browser.get("/styleguide/").content.decode()

        shown = [name for kind, names in styleguide.tokens(HUB).items() if kind != "other" for name in names]
        shown += [icon.name for icon in ICONS.iterdir()]
        assert len(shown) > 50
        assert [name for name in shown if f"<code>{name}</code>" not in page] == []

    def test_outside_debug_it_is_a_404_like_any_other(self, browser: Client) -> None:
        answer, nothing = browser.get("/styleguide/"), browser.get("/nothing-at-all/")

        assert answer.status_code == 404
        assert answer.content == nothing.content

    def test_it_loads_and_says_nothing_that_other_pages_may_not(self, browser: Client, settings: LazySettings) -> None:
        settings.DEBUG = True
        page = browser.get("/styleguide/").content.decode()
        assert 'style="' not in page
        assert "cwid" not in page


def greens() -> dict[str, str]:
    colours: dict[str, dict[str, str]] = settings.UNFOLD["COLORS"]  # type: ignore[assignment]
    return colours["primary"]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class TestOperators:
    """Operators' pages have the brand's green too, and can be read by light and in the dark."""

    def test_their_green_is_the_merchants_green(self) -> None:
        green = greens()
        light, dark = (dict(re.findall(r"--(accent[\w-]*): (#\w+);", css)) for css in (LIGHT, DARK))
        assert (green["600"], green["700"], green["400"]) == (light["accent"], light["accent-deep"], dark["accent"])

    @pytest.mark.parametrize(
        ("ink", "papers"),
        [("600", ("#ffffff", "#f9fafb")), ("700", ("#d9efe6",)), ("500", ("#030712", "#101828", "#1e2939"))],
    )
    def test_it_stands_out_from_what_the_theme_puts_it_on(self, ink: str, papers: tuple[str, ...]) -> None:
        assert [paper for paper in papers if contrast(greens()[ink], paper) < 4.5] == []


class TestTokens:
    """A colour or a size that is no token is a look of its own."""

    def test_dark_has_the_same_colours_as_light_and_nothing_else(self) -> None:
        assert names(DARK) == {*styleguide.tokens(LIGHT)["colour"], "shadow"}

    def test_the_look_inside_the_admin_is_made_of_the_same_tokens(self) -> None:
        assert names(NATIVE) <= names(LIGHT)
        assert set(styleguide.tokens(LIGHT)["colour"]) <= names(NATIVE)

    def test_every_token_that_is_used_exists_and_every_one_is_used(self) -> None:
        used = set(re.findall(r"var\(--([\w-]+)\)", HUB + NATIVE))
        assert used == names(LIGHT)

    def test_rules_name_no_colour(self) -> None:
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", RULES) == []

    @pytest.mark.parametrize(
        ("properties", "allowed"),
        [
            (("font-size",), r"var\(--text-[\w-]+\)"),
            (("font-weight",), r"var\(--weight-\w+\)|normal"),
            (("font",), r"inherit|(var\(--weight-\w+\) )?var\(--text-[\w-]+\)/[\d.]+ var\(--\w+\)"),
            (("border-radius",), r"var\(--radius(-\w+)?\)|50%"),
            (("z-index",), r"var\(--layer-\w+\)"),
            (("color", "background-color", "fill"), r"var\(--[\w-]+\)|inherit|transparent|currentcolor"),
        ],
    )
    def test_rules_take_sizes_weights_corners_and_layers_from_the_tokens(
        self, properties: tuple[str, ...], allowed: str
    ) -> None:
        assert [said for said in declarations(RULES, *properties) if not re.fullmatch(allowed, said)] == []

    def test_rules_know_no_left_and_no_right(self) -> None:
        sides = r"(?:margin|padding|border)-(?:left|right|top|bottom)|(?<![\w-])(?:left|right|top|bottom|width|height):"
        assert re.findall(sides, re.sub(r"\((?:min|max)-width", "(", RULES + NATIVE)) == []
        assert re.findall(r"text-align: (?:left|right)|float:", RULES + NATIVE) == []
