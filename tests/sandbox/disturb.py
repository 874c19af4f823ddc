"""Ways in which an answer can go wrong, and the queue of those that are still to happen."""

import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from tests.sandbox import messages
from tests.sandbox.calls import KINDS
from tests.sandbox.messages import JSON, Answer, Manner

ANY = "*"


@dataclass
class Disturbance:
    """The next `left` answers of one kind go wrong in one way.

    `seconds` is the delay of `slow`, the Retry-After of `rate_limited` and the length of `drip`, which sends
    a byte every `every` seconds. `before`: the request is not acted on at all.
    """

    kind: str
    how: str
    left: int = 1
    seconds: float = 2.0
    every: float = 1.0
    megabytes: float = 50.0
    before: bool = False
    elsewhere: str = ""


class Details(TypedDict, total=False):
    """What may be said of a disturbance beside its kind, way and number."""

    seconds: float
    every: float
    megabytes: float
    before: bool
    elsewhere: str


Spoiler = Callable[[Disturbance, Answer], Answer]


class Disturbances:
    """The queue; the caller holds the lock of the world."""

    def __init__(self) -> None:
        self.pending: list[Disturbance] = []
        self.calmed = threading.Event()

    def add(self, disturbance: Disturbance) -> None:
        """Put one at the end."""
        self.pending.append(disturbance)

    def take(self, kind: str) -> Disturbance | None:
        """Use up one turn of the oldest disturbance that fits this kind of call."""
        for one in self.pending:
            if one.kind in (kind, ANY):
                one.left -= 1
                self.pending = [other for other in self.pending if other.left > 0]
                return one
        return None

    def calm(self) -> None:
        """Forget everything, and wake the answers that are being held back."""
        self.pending = []
        self.calmed.set()
        self.calmed = threading.Event()


def spoil(disturbance: Disturbance, answer: Answer) -> Answer:
    """Turn a good answer into the disturbed one."""
    return HOW[disturbance.how].spoiler(disturbance, answer)


def _slow(one: Disturbance, answer: Answer) -> Answer:
    return replace(answer, manner=Manner("whole", delay=one.seconds))


def _rate_limited(one: Disturbance, _: Answer) -> Answer:
    wait = str(math.ceil(one.seconds))
    return messages.error(429, "RATE_LIMITED", "Too many requests", ("Retry-After", wait))


def _server_error(_: Disturbance, __: Answer) -> Answer:
    return messages.error(500, "INTERNAL_ERROR", "Internal server error")


def _bad_gateway(_: Disturbance, __: Answer) -> Answer:
    return messages.as_html("<html><head><title>502</title></head><body><h1>502 Bad Gateway</h1></body></html>", 502)


def _malformed(_: Disturbance, answer: Answer) -> Answer:
    torn = answer.body[: len(answer.body) // 2] or b'{"access_token": "sec'
    return Answer(200, torn, (("Content-Type", JSON),))


def _empty(_: Disturbance, __: Answer) -> Answer:
    return Answer(200, b"", (("Content-Type", JSON),))


def _html(_: Disturbance, __: Answer) -> Answer:
    return messages.as_html("<!doctype html><title>Maintenance</title><h1>We will be back soon</h1>")


def _wrong_types(_: Disturbance, answer: Answer) -> Answer:
    try:
        good = json.loads(answer.body)
    except ValueError:
        good = {}
    return messages.as_json(_twisted(good))


def _twisted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _twisted(inner) for key, inner in value.items()}
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return len(value)
    return {} if isinstance(value, list) else "many"


def _dropped(_: Disturbance, answer: Answer) -> Answer:
    return replace(answer, manner=Manner("nothing"))


def _reset(_: Disturbance, answer: Answer) -> Answer:
    return replace(answer, manner=Manner("reset"))


def _drip(one: Disturbance, answer: Answer) -> Answer:
    return replace(answer, manner=Manner("drip", seconds=one.seconds, every=one.every))


def _huge(one: Disturbance, answer: Answer) -> Answer:
    return replace(answer, status=200, manner=Manner("huge", megabytes=one.megabytes))


def _redirect(one: Disturbance, _: Answer) -> Answer:
    return Answer(302, b"", (("Location", one.elsewhere),))


def _forbidden(_: Disturbance, __: Answer) -> Answer:
    return Answer(403)


def _insufficient_scope(_: Disturbance, __: Answer) -> Answer:
    return messages.error(403, "INSUFFICIENT_APP_SCOPE", "Insufficient app scope")


def _untouched(_: Disturbance, answer: Answer) -> Answer:
    return answer


@dataclass(frozen=True)
class How:
    """One way: what it does, in words, and whether it strikes before the request is acted on.

    `only` is the one kind of call that it can happen to.
    """

    says: str
    spoiler: Spoiler
    before: bool = False
    only: str = ANY


HOW = {
    "slow": How("the right answer, seconds late", _slow),
    "rate_limited": How("429 with Retry-After: seconds", _rate_limited, before=True),
    "server_error": How("500", _server_error),
    "bad_gateway": How("502 with an HTML page", _bad_gateway),
    "malformed": How("200 with half of the JSON", _malformed),
    "empty": How("200 with no body", _empty),
    "html": How("200 with an HTML page", _html),
    "wrong_types": How("200 with every value of a wrong type", _wrong_types),
    "dropped": How("the connection closes without an answer", _dropped),
    "reset": How("the connection is reset (RST)", _reset),
    "drip": How("the right answer, one byte a second, for so many seconds at most", _drip),
    "huge": How("200 with megabytes that do not end well", _huge),
    "redirect": How("302 to another address", _redirect, before=True),
    "forbidden": How("403 with no body", _forbidden, before=True),
    # The grant is made for another store where it is issued: the spoiler has nothing left to do.
    "wrong_store": How("a good grant, of another store", _untouched, only="token"),
    "insufficient_scope": How("403 INSUFFICIENT_APP_SCOPE", _insufficient_scope, before=True),
}


def check(kind: str, how: str) -> None:
    """Refuse a disturbance that would never strike.

    :raises ValueError: when the kind of call or the way is unknown, or they do not go together
    """
    check_kind(kind)
    if how not in HOW:
        raise ValueError(f"There is no disturbance {how!r}; there are {', '.join(HOW)}.")
    if HOW[how].only not in (ANY, kind):
        raise ValueError(f"{how!r} can only happen to calls of the kind {HOW[how].only!r}.")


def check_kind(kind: str) -> None:
    """Refuse a kind of call that never comes.

    :raises ValueError: when it is unknown
    """
    if kind != ANY and kind not in KINDS:
        raise ValueError(f"There are no calls of the kind {kind!r}; there are {', '.join(KINDS)}.")
