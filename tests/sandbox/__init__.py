"""Ecwid as an app sees it, over HTTP, written from the contract alone: for tests in process and for people.

Imports nothing of ours and nothing outside the standard library, so that two independent writings of the
contract check each other. Its known lies are listed in DIFFERENCES.md.
"""

from tests.sandbox.calls import Call
from tests.sandbox.oauth import ConsentError
from tests.sandbox.posting import Delivery
from tests.sandbox.records import App, Store
from tests.sandbox.sandbox import Sandbox

__all__ = ["App", "Call", "ConsentError", "Delivery", "Sandbox", "Store"]
