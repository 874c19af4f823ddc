"""The things the sandbox keeps: apps, stores, installations, codes, tokens and batches. Times are UNIX seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from tests.sandbox.messages import Answer, Request

DEMO_SECRET = "sandboxDemoSecretNotForRealUse01"


class AppFields(TypedDict, total=False):
    """What may be said of an app beside its id."""

    client_secret: str
    name: str
    redirect_url: str
    scopes: tuple[str, ...]
    kind: str
    open_app_url: str
    iframe_url: str
    webhook_url: str
    description: str


@dataclass(frozen=True)
class App:
    """One app record, as the app dashboard shows it. Source: contract §1.2, §1.3."""

    client_id: str
    client_secret: str = DEMO_SECRET
    name: str = ""
    redirect_url: str = ""
    scopes: tuple[str, ...] = ("read_store_profile",)
    kind: str = "external"
    open_app_url: str = ""
    iframe_url: str = ""
    webhook_url: str = ""
    description: str = ""

    @property
    def title(self) -> str:
        """Name the app for people."""
        return self.name or self.client_id


@dataclass
class Store:
    """One store. `profile` may hold anything; the flags say how its API answers."""

    store_id: int
    label: str
    profile: dict[str, Any]
    plan_has_api: bool = True
    suspended: bool = False
    exists: bool = True
    changed: dict[str, float] = field(default_factory=dict)
    storage: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass
class Installation:
    """One app in one store, from Install to Uninstall."""

    client_id: str
    store_id: int
    scopes: tuple[str, ...]
    installed_at: float
    subscription: str = "ACTIVE"


@dataclass
class Code:
    """One authorization code; `secret_token` is what its exchange gave."""

    value: str
    client_id: str
    store_id: int
    scopes: tuple[str, ...]
    redirect_uri: str
    made_at: float
    market: bool = True
    void: bool = False
    secret_token: str = ""
    public_token: str = ""

    @property
    def spent(self) -> bool:
        """Tell whether it was exchanged."""
        return bool(self.secret_token)


@dataclass
class Token:
    """One access token with the scopes it was issued with; they never change. Source: contract §2.7."""

    value: str
    client_id: str
    store_id: int
    scopes: tuple[str, ...]
    public: bool = False
    alive: bool = True


@dataclass(frozen=True)
class Pair:
    """The tokens of one installation; the public one is empty without the scope for it."""

    secret: str
    public: str


@dataclass
class Item:
    """One request of a batch, and its answer once there is one."""

    method: str
    path: str
    body: bytes
    named: Mapping[str, Any]
    answer: Answer | None = None
    dropped: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether it is still to be done."""
        return self.answer is None and not self.dropped

    @property
    def failed(self) -> bool:
        """Tell whether it was answered with anything but 200."""
        return self.answer is not None and self.answer.status != 200


@dataclass
class Batch:
    """One batch of one app in one store; `asked` is the request that brought it, with its token."""

    ticket: str
    client_id: str
    store_id: int
    asked: Request
    items: list[Item]
    made_at: float
    options: Mapping[str, str] = field(default_factory=dict)
    status: str = "QUEUED"

    @property
    def stops(self) -> bool:
        """Tell whether the first failure ends it, as it does by default."""
        return self.options.get("stopOnFirstFailure", "true") != "false"

    def drop(self) -> None:
        """Let what is still to be done be."""
        for item in self.items:
            item.dropped = item.dropped or item.is_open
        self.status = "COMPLETED"
