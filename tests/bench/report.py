"""What came out, as tables to read and as JSON to keep in `bench-results/`."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.compare import Row

FOLDER = Path("bench-results")
Figures = dict[str, Any]
_HEAD = (
    *("what", "hub/s", "floor/s", "ratio", "range", "aim", "ratio of CPU"),
    *("hub CPU ms", "floor CPU ms", "hub p50/p95/p99 ms", "floor p50/p95/p99 ms"),
)


def _cells(row: Row) -> list[str]:
    times = [" / ".join(map(str, figures.values())) for figures in (row.hub_ms, row.floor_ms)]
    rates = [row.hub_a_second, row.floor_a_second, row.ratio]
    cpu = [row.cpu_ratio, row.hub_cpu_ms, row.floor_cpu_ms]
    return [row.name, *map(str, rates), f"{row.lowest} – {row.highest}", str(row.aim or ""), *map(str, cpu), *times]


def _figure(value: Any) -> str:
    one = value if isinstance(value, list) else [value]
    return " (floor ".join(f"{part:.3g}" for part in one) + (")" if len(one) > 1 else "")


def show(database: str, rows: Sequence[Row], figures: Figures) -> None:
    """Print the tables in Markdown."""
    print(f"\n### {database}\n")
    _table([_HEAD, *map(_cells, rows)])
    print()
    _table(
        [("figure", "value"), *((name, _figure(value)) for name, value in figures.items())],
    )


def _table(lines: Iterable[Sequence[str]]) -> None:
    table = [list(map(str, line)) for line in lines]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * width for width in widths])
    for line in table:
        print("| " + " | ".join(map(str.ljust, line, widths)) + " |")


def keep(database: str, rows: Sequence[Row], figures: Figures, settings: dict[str, int]) -> None:
    """Write it all down, by database and time."""
    FOLDER.mkdir(exist_ok=True)
    now = time.gmtime()
    facts = {"at": time.strftime("%FT%TZ", now), "database": database, "settings": settings, "figures": figures}
    text = json.dumps(facts | {"rows": [asdict(row) for row in rows]}, indent=2)
    (FOLDER / f"{time.strftime('%Y%m%d-%H%M%S', now)}-{database}.json").write_text(text)
