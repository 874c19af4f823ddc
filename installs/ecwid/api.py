"""Calls the REST API for one store. The token travels in the Authorization header and nowhere else."""

import dataclasses
import datetime as dt
import enum
import re
import urllib.parse
from collections.abc import Iterator, Mapping

from installs.ecwid import answers, errors, values, wire
from installs.ecwid import pace as pacing

PAGE = 100  # the most a list gives at once. Source: contract §4.2
KEY_MAX = 1024  # characters. Source: contract §6.1
VALUE_MAX = 1024 * 1024  # bytes. Source: contract §6.1
STATUS_MAX = 20  # characters of a subscription's status; the longest known has nine. Source: contract §10
PUBLIC_VALUE_MAX = 256 * 1024  # bytes, the value of the key "public". Source: contract §6.1

# Legal pages come whole and in every language (contract §5.2): a profile may be larger than other answers.
_PROFILE_BYTES = 4_000_000
_STORAGE_BYTES = 16_000_000  # several full values, escaped
_PAGES_SPARE = 10
_PAGES_MAX = 100_000
_PATH = re.compile(r"(?:/[A-Za-z0-9_.~%!$&'()*+,;=:@-]+)+")

Params = Mapping[str, str | int | bool]


@dataclasses.dataclass(frozen=True)
class Credentials:
    """One installation as the API sees it, and who paces its calls."""

    api_url: str
    store_id: int
    secret_token: str = dataclasses.field(repr=False)
    pace: pacing.Pace | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class Call:
    """One call. `path` hangs under the store's address and is percent-encoded already."""

    method: str
    path: str
    params: Params = dataclasses.field(default_factory=dict)
    body: bytes | None = dataclasses.field(default=None, repr=False)
    max_bytes: int = 1_000_000


@dataclasses.dataclass(frozen=True)
class Application:
    """The app's subscription in a store; `status` is upper case, cut, "" when unknown. Source: contract §10"""

    status: str
    started_at: dt.datetime | None
    expires_at: dt.datetime | None


class Probe(enum.Enum):
    """What one look at a token says."""

    ALIVE = "alive"
    DEAD = "dead"
    BLOCKED = "blocked"  # wait: a blocked token answers just like a dead one
    PAUSED = "paused"
    UNKNOWN = "unknown"


def perform(credentials: Credentials, call: Call) -> wire.Reply:
    """Make one call and return its 2xx answer.

    :raises EcwidError: the kind that says what to do, see `errors`. Source: contract §4.4
    """
    key = pacing.key_of(credentials.secret_token)
    if credentials.pace:
        credentials.pace.take(key)
    reply = wire.send(_request(credentials, call))
    if 200 <= reply.status < 300:
        return reply
    failure = answers.refusal(reply, credentials.secret_token)
    if credentials.pace and isinstance(failure, errors.Throttled):
        credentials.pace.cool(key, failure.retry_after or 0.0)
    raise failure


def get(credentials: Credentials, path: str, params: Params | None = None) -> object:
    """Return the JSON at a path such as "/profile".

    :raises EcwidError: as `perform`, and Malformed when it is not JSON
    """
    return answers.document(perform(credentials, Call("GET", path, params or {})))


def get_profile(credentials: Credentials) -> dict[str, object]:
    """Return the store's profile, every key of which may be missing or odd: read it with `profile.facts`.

    Source: contract §5.1
    :raises TokenDead: when the answer is about another store: this token is none of ours
    """
    call = Call("GET", "/profile", max_bytes=_PROFILE_BYTES)
    profile = _object(answers.document(perform(credentials, call)))
    if _store_id(profile) not in (credentials.store_id, None):
        raise errors.TokenDead("The token answers for another store.", status=200)
    return profile


def get_application(credentials: Credentials) -> Application:
    """Return the state of the app's subscription in the store. Source: contract §10"""
    fields = _object(get(credentials, "/application"))
    subscription = fields.get("subscription")
    detail = subscription if isinstance(subscription, dict) else {}
    status = values.text(fields.get("subscriptionStatus"), 50) or values.text(detail.get("status"), 50)
    return Application(
        status=(status or "").upper()[:STATUS_MAX],
        started_at=values.moment(detail.get("startDate")),
        expires_at=values.moment(detail.get("expirationDate")),
    )


def probe(credentials: Credentials) -> Probe:
    """Ask once, cheaply, what has become of the token. Raises no EcwidError. Source: contract §2.8, §4.4

    ALIVE: the store's own id came back, or a refusal that only a living token gets (scope, plan feature).
    DEAD: refused as a token, store unknown to Ecwid, or the id of another store came back.
    BLOCKED: 429, or our own pace holds the token back, or a 403 during a cool-down, which then says nothing.
    PAUSED: 402. UNKNOWN: everything else, an answer without a store id among it; nothing may be concluded.
    """
    try:
        answer = get(credentials, "/profile", {"responseFields": "generalInfo(storeId)"})
    except errors.Throttled:
        return Probe.BLOCKED
    except errors.TokenDead:
        return Probe.BLOCKED if _cooling(credentials) else Probe.DEAD
    except errors.StoreGone:
        return Probe.DEAD
    except errors.Paused:
        return Probe.PAUSED
    except (errors.ScopeMissing, errors.FeatureMissing):
        return Probe.ALIVE
    except errors.EcwidError:
        return Probe.UNKNOWN
    found = _store_id(answer)
    if found is None:
        return Probe.UNKNOWN
    return Probe.ALIVE if found == credentials.store_id else Probe.DEAD


def latest_stats(credentials: Credentials) -> dict[str, dt.datetime]:
    """Return when each kind of thing last changed, e.g. {"productsUpdated": …}: shows lost webhooks cheaply.

    Source: contract §5.5
    """
    fields = _object(get(credentials, "/latest-stats"))
    return {name: at for name, value in fields.items() if (at := values.moment(value))}


def iterate(credentials: Credentials, path: str, **params: str | int | bool) -> Iterator[dict[str, object]]:
    """Yield the items of a list, page by page, until `offset + count >= total`.

    Let Ecwid sort a large list by a key that does not change meanwhile. Source: contract §4.2
    :raises Malformed: when the list is none, or seems to have no end
    """
    offset, pages, pages_max = 0, 0, 1
    while pages < pages_max:
        total, items = _page(get(credentials, path, {**params, "offset": offset, "limit": PAGE}))
        yield from items
        offset, pages = offset + len(items), pages + 1
        if not items or offset >= total:
            return
        if pages == 1:  # items may be added meanwhile, and pages be short, but not without measure
            pages_max = min(total // len(items) * 2 + _PAGES_SPARE, _PAGES_MAX)
    raise errors.Malformed("The list has no end.", status=200)


def _page(answer: object) -> tuple[int, list[dict[str, object]]]:
    fields = _object(answer)
    total, items = values.whole(fields.get("total"), 0, values.INT64_MAX), fields.get("items")
    if total is None or not isinstance(items, list):
        raise errors.Malformed("The answer is not a page of a list.", status=200)
    return total, list(map(_object, items))


def list_storage(credentials: Credentials) -> dict[str, str]:
    """Return all that the app stores for this store, by key. Source: contract §6.2"""
    rows = answers.document(perform(credentials, Call("GET", "/storage", max_bytes=_STORAGE_BYTES)))
    if not isinstance(rows, list):
        raise errors.Malformed("The storage is not a list.", status=200)
    return dict(map(_entry, rows))


def get_storage(credentials: Credentials, key: str) -> str | None:
    """Return the value stored under a key, "" when it is stored empty, None when there is no such key.

    Source: contract §6.2, §6.3: an object by the example, a list of one by the table
    """
    try:
        reply = perform(credentials, Call("GET", _storage_path(key), max_bytes=_STORAGE_BYTES))
    except errors.StoreGone:
        raise
    except errors.NotFound:
        return None
    answer = answers.document(reply)
    row = answer[0] if isinstance(answer, list) and answer else answer
    return _entry(row)[1]


def put_storage(credentials: Credentials, key: str, value: str) -> None:
    """Store a value, new or not; it may be repeated. The body is the raw value. Source: contract §6.3

    :raises ValueError: when key or value is larger than Ecwid keeps. Source: contract §6.1
    """
    body = value.encode()
    if len(body) > (PUBLIC_VALUE_MAX if key == "public" else VALUE_MAX):
        raise ValueError("the value is too large for the app storage")
    perform(credentials, Call("PUT", _storage_path(key), body=body))  # any 2xx is success, whatever it says


def delete_storage(credentials: Credentials, key: str) -> None:
    """Remove a key; it need not be there. Source: contract §6.2"""
    try:
        perform(credentials, Call("DELETE", _storage_path(key)))
    except errors.StoreGone:
        raise
    except errors.NotFound:
        return


def cancel_application(credentials: Credentials, client_id: str) -> None:
    """Uninstall the app from the store: its subscription ends and all its tokens die. Source: contract §2.6

    :raises ScopeMissing: without `update_store_profile`
    """
    perform(credentials, Call("DELETE", "/application", {"namespace": client_id}))


def _request(credentials: Credentials, call: Call) -> wire.Request:
    params = [
        (name, str(value).lower() if value is True or value is False else value) for name, value in call.params.items()
    ]
    query = f"?{urllib.parse.urlencode(params)}" if params else ""
    headers = {"Authorization": f"Bearer {credentials.secret_token}"}
    if call.body is not None:
        headers["Content-Type"] = "application/json"  # also for raw values. Source: contract §4.1, §6.3
    url = f"{credentials.api_url.rstrip('/')}/{credentials.store_id}{checked_path(call.path)}{query}"
    return wire.Request(call.method, url, headers, call.body, max_bytes=call.max_bytes)


def checked_path(path: str) -> str:
    """Return a path that stays under the store's address.

    :raises ValueError: also for "." and ".." in any spelling: they would be resolved, and a DELETE climb
    """
    segments = map(urllib.parse.unquote, path.split("/"))
    if not _PATH.fullmatch(path) or not {".", ".."}.isdisjoint(segments):
        raise ValueError("not a path under a store")
    return path


def _storage_path(key: str) -> str:
    if len(key) > KEY_MAX:
        raise ValueError("the key is too long for the app storage")
    return f"/storage/{urllib.parse.quote(key, safe='')}"


def _cooling(credentials: Credentials) -> bool:
    return bool(credentials.pace and credentials.pace.cooling(pacing.key_of(credentials.secret_token)) > 0)


def _object(document: object) -> dict[str, object]:
    if not isinstance(document, dict):
        raise errors.Malformed("The answer is not an object.", status=200)
    return document


def _store_id(profile: object) -> int | None:
    general = profile.get("generalInfo") if isinstance(profile, dict) else None
    return values.store_id(general.get("storeId")) if isinstance(general, dict) else None


def _entry(row: object) -> tuple[str, str]:
    fields = _object(row)
    key, value = fields.get("key"), fields.get("value")
    if not isinstance(key, str) or not isinstance(value, str | None):
        raise errors.Malformed("The storage holds something else than text.", status=200)
    return key, value or ""
