"""A finding: one thing that the doctor looked at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from installs.models import Rule


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `level` is "ok", "warning" or "error"; `advice` says what to do.

    `runbook` is the rule whose entry in the runbook says more, "" when there is none.
    """

    level: str
    subject: str
    text: str
    advice: str = ""
    runbook: Rule | str = ""


Look = Callable[[], Iterator[Finding]]
