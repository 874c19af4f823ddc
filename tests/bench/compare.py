"""The comparison: rounds of the same, in turn at the hub and at the floor."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench import load
from tests.bench.servers import Server
from tests.bench.traffic import Round

AIMS = {"install": 0.80, "webhook": 0.85, "prefill": 0.70}


@dataclass
class Row:
    """What one comparison came to; ratios are the floor's cost for one of the hub's."""

    name: str
    hub_a_second: float
    floor_a_second: float
    ratio: float
    lowest: float
    highest: float
    cpu_ratio: float
    hub_cpu_ms: float
    floor_cpu_ms: float
    hub_ms: dict[str, float]
    floor_ms: dict[str, float]
    failures: int

    @property
    def aim(self) -> float | None:
        return AIMS.get(self.name)


def doors(name: str, rounds: int, hub: Round, floor: Round) -> Row:
    """Alternate between the two and return what came out. The first round of each warms up."""
    ours, theirs = [], []
    for number in range(rounds + 1):
        first, second = (hub(), floor()) if number % 2 else reversed((floor(), hub()))
        if number:
            ours.append(first)
            theirs.append(second)
    return row(name, ours, theirs)


def jobs(name: str, rounds: int, hub: Server, floor: Server, count: int) -> Row:
    """The same for work that one process does in a row, of which installs have left enough on both sides."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_inside(hub, name, count))
        theirs.append(_inside(floor, name, count))
    return row(name, ours, theirs)


def _inside(server: Server, name: str, count: int) -> load.Result:
    told = server.inside(name, count=count)
    each = [1000 * told["seconds"] / told["count"]] * told["count"]  # one mean; a loop has no percentiles worth telling
    return load.Result(told["seconds"], told["cpu"], each, told["failures"])


def row(name: str, ours: Sequence[load.Result], theirs: Sequence[load.Result]) -> Row:
    """Sum up pairs of runs: medians, and the ratio pair by pair."""
    pairs = list(zip(ours, theirs, strict=True))
    ratios = [one.a_second / other.a_second for one, other in pairs]
    return Row(
        name=name,
        hub_a_second=round(statistics.median(one.a_second for one in ours), 1),
        floor_a_second=round(statistics.median(one.a_second for one in theirs), 1),
        ratio=round(statistics.median(ratios), 2),
        lowest=round(min(ratios), 2),
        highest=round(max(ratios), 2),
        cpu_ratio=round(statistics.median(other.cpu_ms / one.cpu_ms for one, other in pairs), 2),
        hub_cpu_ms=round(statistics.median(one.cpu_ms for one in ours), 2),
        floor_cpu_ms=round(statistics.median(one.cpu_ms for one in theirs), 2),
        hub_ms=percentiles(ours),
        floor_ms=percentiles(theirs),
        failures=sum(one.failures for one in (*ours, *theirs)),
    )


def percentiles(runs: Sequence[load.Result]) -> dict[str, float]:
    """Return p50, p95 and p99 in milliseconds, each the median over the rounds."""
    return {f"p{share}": round(statistics.median(one.percentile(share) for one in runs), 1) for share in (50, 95, 99)}
