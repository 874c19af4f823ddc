"""Reads Ecwid's answers: the document of a good one, the meaning of a bad one."""

import datetime as dt
import email.utils
import re
from collections.abc import Container
from typing import NamedTuple

from installs.ecwid import errors, jsontext, wire

RETRY_AFTER_DEFAULT = 10.0  # seconds. Source: contract §4.3, the policy of Ecwid's own client
RETRY_AFTER_MAX = 3600.0

_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
_SERVER_ERRORS = range(500, 1000)


class _Rule(NamedTuple):
    statuses: Container[int]
    error_code: str  # a pattern
    meaning: type[errors.EcwidError]


# Source: contract §4.4, "Classification to implement". The first line that fits decides. "OTHER" is the
# legacy word for an error without a code. A 403 with a code of its own says nothing against the token.
_RULES = (
    _Rule((401, 403), "INSUFFICIENT_APP_SCOPE", errors.ScopeMissing),
    _Rule((401, 403), r".*_FEATURE_NOT_AVAILABLE", errors.FeatureMissing),
    _Rule((401,), ".*", errors.TokenDead),
    _Rule((403,), "INVALID_API_TOKEN|OTHER|", errors.TokenDead),
    _Rule((402,), ".*", errors.Paused),
    _Rule((404,), "STORE_NOT_FOUND", errors.StoreGone),
    _Rule((404,), ".*", errors.NotFound),
    _Rule((429,), ".*", errors.Throttled),
    _Rule((408,), ".*", errors.Unreachable),
    _Rule(range(400, 500), ".*", errors.Refused),
    _Rule(_SERVER_ERRORS, ".*", errors.Unreachable),
)


def document(reply: wire.Reply) -> object:
    """Return the JSON of a good answer. :raises Malformed: when it is none"""
    try:
        return jsontext.lenient(reply.body)
    except ValueError:
        pass  # raised below, so that no piece of the body hangs on the error as context
    raise errors.Malformed("The answer is not JSON.", status=reply.status)


def refusal(reply: wire.Reply, *hidden: str) -> errors.EcwidError:
    """Say what an answer other than 2xx means; `hidden` values are kept out of the message.

    Source: contract §4.4
    """
    code, message = explain(reply, *hidden)
    for rule in _RULES:
        if reply.status in rule.statuses and re.fullmatch(rule.error_code, code):
            return _failure(rule.meaning, reply, code, message)
    return errors.Malformed(message, status=reply.status, error_code=code)


def unavailable(reply: wire.Reply, *hidden: str) -> errors.Unreachable | None:
    """Return the error if the answer only says "not now" (408, 429, 5xx), whatever was asked."""
    failure = refusal(reply, *hidden)
    if isinstance(failure, errors.Unreachable) and not isinstance(failure, errors.Malformed):
        return failure
    return None


def explain(reply: wire.Reply, *hidden: str) -> tuple[str, str]:
    """Return the error code ("" if none) and a redacted message of an answer.

    Reads `errorCode`, else the legacy or OAuth `error`; `errorMessage`, else the reason phrase, which on some
    paths is all there is. Source: contract §4.4
    """
    try:
        body = jsontext.lenient(reply.body)
    except ValueError:
        body = None
    fields = body if isinstance(body, dict) else {}
    code = next((word for key in ("errorCode", "error") if (word := _code(fields.get(key), *hidden))), "")
    said = fields.get("errorMessage")
    said = said if isinstance(said, str) and said else reply.reason
    words = filter(None, (f"Ecwid answered {reply.status}", code, said))
    return code, errors.redact(" ".join(words), *hidden)


def retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, number or date; at most an hour, or None."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(float(value), RETRY_AFTER_MAX)
    try:
        until = email.utils.parsedate_to_datetime(value)
        aware = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
        return min(max((aware - now).total_seconds(), 0.0), RETRY_AFTER_MAX)
    except (ValueError, OverflowError):
        return None


def _code(value: object, *hidden: str) -> str:
    """An error code, unless it looks like something else: no secret may travel in this disguise."""
    if not isinstance(value, str) or not _CODE.fullmatch(value) or errors.redact(value, *hidden) != value:
        return ""
    return value


def _failure(meaning: type[errors.EcwidError], reply: wire.Reply, code: str, message: str) -> errors.EcwidError:
    if not issubclass(meaning, errors.Unreachable):
        return meaning(message, status=reply.status, error_code=code)
    wait = retry_after(reply.headers.get("Retry-After"), dt.datetime.now(dt.UTC))
    if wait is None and issubclass(meaning, errors.Throttled):
        wait = RETRY_AFTER_DEFAULT
    return meaning(message, status=reply.status, error_code=code, retry_after=wait)
