"""Features of products on top, and the scopes each needs: a missing scope degrades the feature, not the app.

A product calls `register` once, at start-up, and asks `works_with(installation.scopes)` before it offers the feature.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installs.ecwid import scopes

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Feature:
    """One feature. `title` is what merchants read, translated lazily; `app` a client ID, or "" for every app."""

    name: str
    title: "StrOrPromise"
    scopes: tuple[str, ...]
    app: str = ""

    def missing(self, granted: Iterable[str]) -> tuple[str, ...]:
        """Return the scopes it needs and a store has not granted."""
        return scopes.missing(self.scopes, tuple(granted))

    def works_with(self, granted: Iterable[str]) -> bool:
        """Tell whether it can work with what a store has granted."""
        return not self.missing(granted)


_features: dict[tuple[str, str], Feature] = {}


def register(name: str, title: "StrOrPromise", scopes: tuple[str, ...], app: str = "") -> Feature:
    """Declare a feature once, at start-up; connect/ asks for its scopes from then on."""
    feature = _features[app, name] = Feature(name, title, scopes, app)
    return feature


def forget(feature: Feature) -> None:
    """Take a feature back; for tests of products."""
    _features.pop((feature.app, feature.name), None)


def of(client_id: str) -> list[Feature]:
    """Return the features of an app, the general ones included."""
    return [feature for feature in _features.values() if feature.app in ("", client_id)]
