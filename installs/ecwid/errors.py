"""What can go wrong with Ecwid, each error named for what the caller should do about it."""

import re
import urllib.parse

MESSAGE_MAX = 200

_READ_MAX = 2000  # characters; the search below takes the square of this, and what follows would be cut anyway
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
# Tokens as Ecwid prints them (contract §2.6), anything offered as a bearer token, and long runs with a digit:
# nobody can say what a stranger's error text repeats, and words people write are rarely that long.
_OPAQUE = re.compile(
    r"(?:secret|public)_[\w-]+|(?i:bearer)\s+\S+|(?=[\w+/=%-]*\d)[\w+/=%-]{20,}",
    re.ASCII,
)


def redact(text: str, *hidden: str) -> str:
    """Return text fit for a log: `hidden` values, tokens and control characters out, cut at 200."""
    for secret in filter(None, hidden):
        for spelling in {secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}:
            text = text.replace(spelling, "[hidden]")
    if len(text) > _READ_MAX:
        text = text[:_READ_MAX].rpartition(" ")[0]  # whole words: half a secret is not seen as one
    return _CONTROLS.sub(" ", _OPAQUE.sub("[hidden]", text)).strip()[:MESSAGE_MAX]


class EcwidError(Exception):
    """Something between us and Ecwid went wrong. `status` and `error_code` are what was answered, if any."""

    def __init__(self, message: str = "", *, status: int | None = None, error_code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code


class Unreachable(EcwidError):
    """Wait and repeat.

    `sent` is False only when provably no byte of the request left this machine (the name did not resolve, the
    connection was refused or timed out, the TLS handshake failed, our own pace held it back).
    `retry_after` is in seconds, when somebody named a time.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        error_code: str = "",
        sent: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, error_code=error_code)
        self.sent = sent
        self.retry_after = retry_after


class Throttled(Unreachable):
    """Wait `retry_after` seconds, for this token everywhere (contract §4.3)."""


class Malformed(Unreachable):
    """Wait and repeat: an answer came and cannot be understood."""


class Paused(EcwidError):
    """Keep the token and come back in hours: the store's plan or a suspension forbids (contract §4.4)."""


class Refused(EcwidError):
    """Do not repeat: the same request will be refused again."""


class ScopeMissing(Refused):
    """Ask the merchant to connect again: the token is fine and lacks a scope (contract §4.4)."""


class FeatureMissing(Refused):
    """Tell the merchant: the store's plan lacks the feature, the token is fine (contract §4.4)."""


class NotFound(Refused):
    """Do without it: there is no such thing."""


class StoreGone(NotFound):
    """Stop calling for this store: Ecwid does not know it any more (contract §4.4)."""


class CodeRejected(Refused):
    """Ask for a fresh code: this one bought nothing (contract §2.5)."""


class SecretWrong(Refused):
    """Tell the operator: the app's id or secret is not the one Ecwid holds (contract §2.5)."""


class TokenDead(EcwidError):
    """Probe once, then use the token no more: the answer says or may mean that it is dead (contract §4.4)."""


class Forged(EcwidError):
    """Refuse the sender. One message for every reason, so that nobody learns which check failed."""

    def __init__(self) -> None:
        super().__init__("This did not come from where it says.")

    def __reduce__(self) -> tuple[type["Forged"], tuple[()]]:
        return type(self), ()


class Unreadable(EcwidError, ValueError):
    """Refuse the delivery: it is not what the contract describes, whoever sent it."""
