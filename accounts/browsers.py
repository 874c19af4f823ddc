"""Names of browsers, as far as they say: enough for a person to recognise their own."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

# The first mark that is there decides: most browsers also name the ones they descend from.
_BROWSERS = {
    "Edg": "Edge", "OPR/": "Opera", "SamsungBrowser/": "Samsung Internet", "Vivaldi/": "Vivaldi",
    "Firefox/": "Firefox", "FxiOS/": "Firefox", "CriOS/": "Chrome", "Chromium/": "Chromium", "Chrome/": "Chrome",
    "Safari/": "Safari",
}  # fmt: skip
# Whole phrases: languages differ in what stands between the two.
_SYSTEMS = {
    "iPhone": _("%(browser)s on an iPhone"), "iPad": _("%(browser)s on an iPad"),
    "Android": _("%(browser)s on Android"), "Windows": _("%(browser)s on Windows"),
    "Macintosh": _("%(browser)s on a Mac"), "CrOS": _("%(browser)s on a Chromebook"),
    "Linux": _("%(browser)s on Linux"),
}  # fmt: skip


def name(agent: str) -> str:
    """Return a browser's name for people, such as "Firefox on Windows", from its User-Agent."""
    browser = next((words for mark, words in _BROWSERS.items() if mark in agent), gettext("A browser"))
    return next((words for mark, words in _SYSTEMS.items() if mark in agent), "%(browser)s") % {"browser": browser}
