"""`make chaos`: break everything around the service in turn, and count what was lost and what happened twice.

Each fault has a process, a database and an Ecwid of its own, on loopback alone, and a bound in time.
`make chaos ARGS="disk clock"` runs those whose names hold one of the words. CHAOS_FROM names the older version of the
rolling deploy: without it, the commit before the last change of the tables.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ROOT / "bench-results"
_BOUND = 400.0
_HEAD = ("fault", "story", "stores", "lost", "doubled", "seconds to heal")
FAULTS = (
    "worker_killed",
    "worker_killed_erasing",
    "web_killed",
    "redis_emptied",
    "postgres_restarted",
    "ecwid_slow_silent_rude",
    "disk_full",
    "clocks_an_hour_off",
    "two_schedulers",
    "old_and_new_version",
)


def main(words: list[str]) -> int:
    """Run every fault that was asked for; 1 when anything was lost or doubled."""
    print(f"| {' | '.join(_HEAD)} |\n|{' --- |' * len(_HEAD)}", flush=True)
    found = []
    for name in FAULTS:
        if not words or name in words or any(word in name.split("_") for word in words):
            lines = _run(name)
            found += lines
            for line in lines:
                print(f"| {' | '.join(map(str, line.values()))} |", flush=True)
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-chaos.json"
    path.write_text(json.dumps(found, indent=2))
    return 1 if not found or any(line["lost"] or line["doubled"] for line in found) else 0


def _run(name: str) -> list[dict[str, object]]:
    """Run one fault in a process of its own; one that breaks off has lost everything."""
    command = [sys.executable, "-m", "tests.chaos.inside", name]
    try:
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, timeout=_BOUND)
    except subprocess.TimeoutExpired as late:
        said, broken = (late.stdout or b"").decode(), True
    else:
        said, broken = done.stdout, done.returncode != 0
    lines = [dict(json.loads(line)) for line in said.splitlines() if line.startswith("{")]
    failed = {"fault": name, "story": "broken off", "of": 0, "lost": 1, "doubled": 0, "seconds": 0}
    return [*lines, failed] if broken else lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
