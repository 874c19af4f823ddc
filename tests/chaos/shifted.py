"""A worker on a machine whose clock is off by CHAOS_HOURS."""

import os
import sys
from datetime import UTC, datetime, timedelta

import time_machine
from celery.__main__ import main

if __name__ == "__main__":
    hours = float(os.environ["CHAOS_HOURS"])
    sys.argv = ["celery", "-A", "ecwidhub", "worker", "--concurrency", "1", "--hostname", f"shifted{hours:g}"]
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
        main()
