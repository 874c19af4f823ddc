"""The made-up stores: one JSON profile each in profiles/, with what the API of that store is like."""

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

from tests.sandbox.records import Store

_FOLDER = Path(__file__).parent / "profiles"
_WHO = {
    1003: "Paper Trail - Dutch stationery shop, every section filled",
    1004: "Waldlicht - German lamps, sold through a reseller with its own brand",
    1005: "Nakhla - Arabic, right to left, Saudi Arabia",
    1006: "Asagao - Japanese tea shop, no decimals",
    1007: "Ipê Café - Brazilian coffee",
    1008: "Red Barn Supply - US, imperial units, MMM d, yyyy",
    1009: "Emoji and very long values",
    1010: "Sparse - nothing but a store id",
    1011: "Nulls and wrong types everywhere",
    1012: "On the free plan: no API (402)",
    1013: "Suspended (402)",
    1014: "Closed to shoppers",
    1015: "Fjellbu - Norwegian, WordPress, no Instant Site",
}
STATS = ("products", "orders", "reviews", "domains", "profile", "categories", "discountCoupons")
MORE_STATS = ("abandonedSales", "customers", "subscriptions")


def all_stores() -> dict[int, Store]:
    """Make every store afresh, by store id."""
    now = time.time()
    return {store_id: _store(store_id, now) for store_id in _WHO}


def _store(store_id: int, now: float) -> Store:
    profile: dict[str, Any] = json.loads(_text(store_id))
    changed = dict.fromkeys((*STATS, *MORE_STATS), now)
    return Store(
        store_id,
        _WHO[store_id],
        profile,
        plan_has_api=store_id != 1012,
        suspended=store_id == 1013,
        changed=changed,
    )


@cache
def _text(store_id: int) -> str:
    return (_FOLDER / f"{store_id}.json").read_text("utf-8")
