"""Runs the sandbox for people: `python -m tests.sandbox --port 8100`."""

import argparse
import os
import signal
import sys
from pathlib import Path

from tests.sandbox import demo
from tests.sandbox.records import DEMO_SECRET
from tests.sandbox.sandbox import Sandbox
from tests.sandbox.switches import Switches

REAL_HOUR = 3600.0
ENDS = frozenset({signal.SIGINT, signal.SIGTERM})


def main() -> int:
    """Listen until SIGINT or SIGTERM; give the exit status."""
    told = _arguments()
    secret = os.environ.get(told.secret_from_env) or DEMO_SECRET
    apps = (demo.demo_app(told.hub, told.app, secret), demo.demo_two(told.hub))
    sandbox = Sandbox(told.port, told.host, apps, told.state)
    sandbox.world.mail = told.mail
    # People expect what happens here to be told; tests ask for it.
    sandbox.world.begin_with(Switches(webhooks=True, webhook_hour_seconds=REAL_HOUR))
    # Blocked here, and so in every thread to come: a signal then waits for `sigwait`, whichever thread it came to.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        sandbox.start()
    except (OSError, OverflowError, ValueError) as wrong:
        print(f"The sandbox cannot start at {told.host}:{told.port}: {wrong}", file=sys.stderr)
        return 1
    print(f"The Ecwid sandbox listens at {sandbox.origin}/ (apps at {told.hub})", flush=True)
    signal.sigwait(ENDS)
    sandbox.stop()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.sandbox", description="A stand-in for Ecwid, with made-up apps and stores."
    )
    parser.add_argument("--port", type=int, default=8100, help="where to listen (default 8100; 0: any)")
    parser.add_argument("--host", default="127.0.0.1", help="on which address (default 127.0.0.1)")
    parser.add_argument("--hub", default=demo.HUB, help=f"where the apps live (default {demo.HUB})")
    parser.add_argument("--state", type=Path, help="a file that keeps installations, tokens and stores")
    parser.add_argument("--mail", type=Path, metavar="DIR", help="a folder with the service's mails, to be shown")
    parser.add_argument("--app", default="demo-app", help="the demo app's client_id (default demo-app)")
    parser.add_argument(
        "--secret-from-env",
        default="SANDBOX_CLIENT_SECRET",
        metavar="NAME",
        help="the variable with the demo app's secret (default SANDBOX_CLIENT_SECRET; unset: a made-up one)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
