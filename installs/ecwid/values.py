"""Judges single values that somebody else sent: each comes back in our form, or as None when it is none."""

import datetime as dt
import re
import urllib.parse

INT64_MAX = 2**63 - 1
EMAIL_MAX = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
URL_MAX = 2000
TOKEN_MAX = 4096  # "treat as opaque, allow ≥ 255" (contract §2.6); longer than this fits no header line

_NUMERAL = re.compile(r"[1-9][0-9]{0,18}")
_TOKEN = re.compile(rf"[\x21-\x7e]{{1,{TOKEN_MAX}}}")
_BREAKS = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
# Controls, lone surrogates, and the marks that make text read in another order than it is stored: a store's
# name stands on the page that asks whom to sign in.
_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_LABEL = r"[^\s@.<>()\[\],;:\\\"'/?#%*!]{1,63}"
_EMAIL = re.compile(rf"[^\s@<>()\[\],;:\\\"]{{1,64}}@(?:{_LABEL}\.)+{_LABEL}")
_NOT_URL = re.compile(r"[\s\\<>\"`{}|^]")
_STAMP = re.compile(r"(\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}:\d{2})?) ?([+-]\d{2}:?\d{2}|Z)?", re.ASCII)


def positive(value: object) -> int | None:
    """A positive 64-bit number, also as a string of digits in their one spelling; True is not a number."""
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= INT64_MAX:
        return value
    return None


def store_id(value: object) -> int | None:
    """The number of a store. Source: contract §4.1"""
    return positive(value)


def token(value: object) -> str | None:
    """An opaque secret that fits into a header line."""
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None


def clean(value: str, *, lines: bool = False) -> str:
    """Remove what no page or database shows; line breaks become "\\n" if `lines`, else spaces."""
    broken = _BREAKS.sub("\n" if lines else " ", value).replace("\t", " ")
    return _UNSEEN.sub("", broken)


def text(value: object, limit: int, *, lines: bool = False) -> str | None:
    """Any string, cleaned, trimmed and cut; "" stays a value of its own."""
    if not isinstance(value, str):
        return None
    return clean(value, lines=lines).strip()[:limit].rstrip()


def email(value: object) -> str | None:
    """What looks like an e-mail address. Unseen characters are not cut out: the rest may be another's."""
    if not isinstance(value, str) or len(address := value.strip()) > EMAIL_MAX:
        return None
    return address if _EMAIL.fullmatch(address) and clean(address) == address else None


def url(value: object) -> str | None:
    """An absolute http or https address with a host and no credentials; beyond URL_MAX it is no use cut."""
    if not isinstance(value, str) or len(address := value.strip()) > URL_MAX:
        return None
    if _NOT_URL.search(address) or clean(address) != address:
        return None
    try:
        parts = urllib.parse.urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return None
    return address if sound and "@" not in parts.netloc else None


def whole(value: object, low: int, high: int) -> int | None:
    """A whole number from `low` to `high`, also written 2.0 or "2"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    return None


def moment(value: object) -> dt.datetime | None:
    """A date such as "2026-03-02 09:15:40 +0000", aware, in UTC also if no zone is named (contract §4.1)."""
    found = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        stamp = dt.datetime.fromisoformat(found[1] + (found[2] or ""))
        aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=dt.UTC)
        return aware.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
