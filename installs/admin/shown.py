"""How operators see things: what is wrong in their words, texts from outside escaped and without credentials."""

import json
import re
from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

# What may be wrong with an installation, in an operator's words, by `Installation.reason`.
REASONS = {
    "fine": "Nothing",
    "uninstalled": "Uninstalled",
    "disconnected": "Token refused",
    "held": "Paused by an operator",
    "paused": "Plan or suspension",
    "subscription": "Subscription suspended",
    "permissions": "Permissions missing",
    "prefill": "Settings not read",
}

# What each means and who does what about it.
MEANINGS = {
    "fine": "The token works, the settings are read, and nothing is missing.",
    "uninstalled": "The merchant removed the app; the token is dead. Settings stay until the app's retention is over.",
    "disconnected": "Ecwid refused the token once. A second refusal is an uninstall, an answer brings it back; both "
    "come by themselves. If it stays, send the merchant a link to reconnect.",
    "held": "An operator holds our background work back. Resume it once the cause is gone.",
    "paused": "Ecwid answers that the plan has no API or that the store is suspended. We ask again every few hours; "
    "only the merchant can change it.",
    "subscription": "The merchant's subscription to the app is suspended, most likely because a payment failed.",
    "permissions": "The app asks for more than this store has granted. Send the merchant a link to reconnect.",
    "prefill": "The store's settings could not be read the last time. See why below, then have them read again.",
}

_GONE = "[hidden]"
# Tokens as Ecwid prints them (contract §2.6), and whatever is offered as a bearer token.
_TOKEN = re.compile(r"(?:secret|public)_[\w-]{6,}|(?i:bearer)\s+\S+")
_FORMULA = set("=+-@|%\t\r")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NAMES = re.compile(r"(?i)token|secret|password|authorization|signature|^(?:code|payload|cookie)$")


def hidden(value: Any) -> Any:
    """Return a JSON value or a text without anything that looks like a token, however deep it lies."""
    if isinstance(value, str):
        return _TOKEN.sub(_GONE, value)
    if isinstance(value, dict):
        return {name: _GONE if _NAMES.search(name) else hidden(item) for name, item in value.items()}
    return [hidden(item) for item in value] if isinstance(value, list) else value


def body(text: str) -> SafeString:
    """Show a delivery's body: indented when it is JSON, else as it came."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return lines(text)
    return lines(json.dumps(hidden(document), indent=2, ensure_ascii=False))


def lines(text: str) -> SafeString:
    """Show a text line by line, as code."""
    if not text:
        return format_html("<span>{}</span>", "–")
    kind = "bg-base-50 border border-base-200 p-3 rounded-default text-xs dark:bg-base-800 dark:border-base-700"
    wrapped = "white-space: pre-wrap; overflow-wrap: anywhere"
    return format_html('<pre class="{}" style="{}">{}</pre>', kind, wrapped, hidden(text))


def name(text: str) -> SafeString:
    """Show a name in a list: three lines of it at most, and the whole of it to whoever points at it."""
    return format_html('<span class="list-name" dir="auto" title="{0}">{0}</span>', text)


def harmless(row: Iterable[Any]) -> list[str]:
    """Return the cells of a CSV row such that no spreadsheet takes one for a formula.

    Names and addresses are strangers' texts, and a cell that begins with one of these signs is run when it is opened.
    """
    cells = ["" if value is None else str(value) for value in row]
    return [f"'{cell}" if _is_formula(cell) else cell for cell in cells]


def _is_formula(cell: str) -> bool:
    return bool({cell[:1], cell.lstrip()[:1]} & _FORMULA) and not _NUMBER.fullmatch(cell)
