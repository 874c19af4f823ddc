"""The choices the contract leaves open or that Ecwid may change, each with a way to flip it."""

from dataclasses import dataclass, field, fields
from typing import Any


def _switch(default: Any, says: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"says": says, "choices": choices})


@dataclass
class Switches:
    """One switch a field; the defaults are what the contract holds for likeliest."""

    old_flow: bool = _switch(False, "Redirects carry no store_id, as before September 2025 (§2.2)")
    market_refusal: str = _switch(
        "error", "After Don't install the app is told access_denied, or nothing (§2.2)", ("error", "silent")
    )
    echo_state: bool = _switch(True, "The full flow gives state back (§2.3)")
    old_token_path: bool = _switch(True, "The token path without a store id still works (§2.5)")
    token_failure: str = _switch("json", "A refused exchange answers with (§2.5)", ("json", "empty", "html"))
    token_type: str = _switch("Bearer", "token_type of a grant (§2.4)", ("Bearer", "bearer"))
    token_email: bool = _switch(False, "A grant carries the owner's e-mail, as in the legacy docs (§2.4)")
    code_seconds: float = _switch(300.0, "How many seconds a code lives (§2.2)")
    reuse_disables: bool = _switch(True, "Exchanging a code again disables what it gave (§2.5)")
    reinstall_voids_codes: bool = _switch(True, "A new install makes older unspent codes worthless")
    reconnect_keeps_token: bool = _switch(False, "After a reconnect (full flow) the older token works on")
    dead_token: str = _switch(
        "403 empty", "A missing, unknown or dead token answers (§4.4)", ("403 empty", "403 json", "401 json")
    )
    blocked_token: str = _switch("429", "A token over its limit answers (§4.4)", ("429", "403"))
    requests_a_minute: int = _switch(600, "Requests a minute for each token (§4.3)")
    dead_requests_a_minute: int = _switch(20, "Requests a minute with one dead or blocked token (§4.3)")
    dead_requests_an_address: int = _switch(600, "Requests a minute with dead tokens from one address (§4.3)")
    block_seconds: float = _switch(3600.0, "How many seconds the long block lasts (§4.3)")
    pause_kills_tokens: bool = _switch(False, "Tokens of suspended and free-plan stores are dead (§2.6)")
    suspended_app_works: bool = _switch(True, "The API serves apps whose subscription is SUSPENDED (§10)")
    storage_answer: str = _switch(
        "updateCount", "A write to the app storage answers (§6.3)", ("updateCount", "success")
    )

    batch_step: int = _switch(10, "Requests of a batch done between two polls; 0: all at once (§4.6)")
    batch_inner_counts: bool = _switch(False, "Requests in a batch count against the token's limit (§4.6)")
    native_mode: str = _switch("query", "A native page gets its payload in (§8.1)", ("query", "fragment"))
    native_padded: bool = _switch(True, "The payload in the query ends in = where base64 does (§8.2)")
    native_init_seconds: float = _switch(5.0, "Seconds until a page that does not call init is an error (§8.6)")
    webhooks: bool = _switch(False, "Events are sent when something happens (§7.4)")
    webhook_installed: str = _switch(
        "after", "application.installed goes out before or after the redirect (§7.6)", ("after", "before", "never")
    )
    webhook_uninstalled: str = _switch(
        "at once", "application.uninstalled goes out (§7.6)", ("at once", "late", "never")
    )
    webhook_late_seconds: float = _switch(30.0, "How many seconds late is (§7.6)")
    webhook_while_paused: bool = _switch(True, "Suspended and free-plan stores send events too (§7.6)")
    webhook_spelling: str = _switch("camel", "Spelling of multi-word events (§7.4)", ("camel", "snake"))
    webhook_string_numbers: bool = _switch(False, "Numbers in events are strings (§7.2)")
    webhook_eventtype: bool = _switch(False, "The event's type is added to the address, as of old (§7.2)")
    webhook_delay_seconds: float = _switch(0.0, "Seconds by which every event is late (§7.5)")
    webhook_duplicates: int = _switch(0, "Further copies of every event (§7.5)")
    webhook_shuffle: bool = _switch(False, "Events go out in any order, several at a time (§7.5)")
    webhook_hour_seconds: float = _switch(0.0, "Seconds that an hour of the retries lasts; 0: no retries (§7.5)")
    webhook_connect_seconds: float = _switch(3.0, "Seconds to connect to a webhook address (§7.5)")
    webhook_answer_seconds: float = _switch(10.0, "Seconds for the answer to an event (§7.5)")

    def put(self, name: str, text: str) -> None:
        """Set one switch from a form's text.

        :raises ValueError: when there is no such switch or it cannot have that value
        """
        known = {one.name: one for one in fields(self)}
        if name not in known:
            raise ValueError(f"There is no switch {name!r}.")
        value = _read(type(getattr(self, name)), text)
        choices = known[name].metadata["choices"]
        if choices and value not in choices:
            raise ValueError(f"{name} is one of {', '.join(choices)}, not {text!r}.")
        setattr(self, name, value)


def _read(kind: type, text: str) -> bool | int | float | str:
    if kind is bool:
        return text.lower() in {"on", "true", "yes", "1"}
    number: bool | int | float | str = kind(text)
    if not isinstance(number, str) and not 0 <= number < 10**9:
        raise ValueError(f"{text} is out of range.")
    return number
