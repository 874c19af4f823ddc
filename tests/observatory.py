"""What Mozilla's Observatory would say of an answer: its tests and points, as far as one answer can tell.

A page begins with 100 points; above 100 is an A+. Source: github.com/mdn/mdn-http-observatory, its scoring table.
"""

import re
from http.cookies import Morsel, SimpleCookie

from django.http.response import HttpResponseBase

_HALF_A_YEAR = 15_768_000
_PRIVATE = {"no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"}


def policy_of(answer: HttpResponseBase) -> dict[str, set[str]]:
    """Return the Content-Security-Policy by directive."""
    directives = (part.split() for part in answer.headers.get("Content-Security-Policy", "").split(";") if part.strip())
    return {name: set(sources) for name, *sources in directives}


def points(answer: HttpResponseBase) -> dict[str, int]:
    """Return what each test adds to the 100 points or takes from them."""
    policy = policy_of(answer)
    return {
        "policy": _policy(policy),
        "cookies": _cookies(answer.cookies),
        "other origins": -50 if answer.headers.get("Access-Control-Allow-Origin") else 0,
        "https": _https(answer.headers.get("Strict-Transport-Security", "")),
        "referrer": 5 if answer.headers.get("Referrer-Policy") in _PRIVATE else 0,
        "sniffing": 0 if answer.headers.get("X-Content-Type-Options") == "nosniff" else -5,
        "frames": 5 if "frame-ancestors" in policy else -20,
        "resources": 10 if answer.headers.get("Cross-Origin-Resource-Policy") == "same-origin" else 0,
    }


def score(answer: HttpResponseBase) -> int:
    """Return the points of a whole answer."""
    return 100 + sum(points(answer).values())


def _policy(policy: dict[str, set[str]]) -> int:
    if not policy:
        return -25
    scripts = policy.get("script-src", policy.get("default-src", {"*"}))
    if scripts & {"'unsafe-inline'", "*", "https:", "data:"}:
        return -20
    if "'unsafe-eval'" in scripts:
        return -10
    if "'unsafe-inline'" in policy.get("style-src", set()):
        return 0
    return 10 if policy["default-src"] == {"'none'"} else 5


def _cookies(cookies: SimpleCookie) -> int:
    if any(not cookie["secure"] for cookie in cookies.values()):
        return -40
    if any(not cookie["httponly"] for cookie in cookies.values()):
        return -30
    return 5 if all(_stays(cookie) for cookie in cookies.values()) else 0


def _stays(cookie: "Morsel[str]") -> bool:
    return cookie["samesite"] in {"Lax", "Strict"} and cookie.key.startswith("__Host-") and not cookie["domain"]


def _https(header: str) -> int:
    age = re.search(r"max-age=(\d+)", header)
    return 0 if age and int(age[1]) >= _HALF_A_YEAR and "includeSubDomains" in header else -20
