"""One fault in a process of its own: `python -m tests.chaos.inside NAME` prints each verdict as a line of JSON."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import django

from tests import environment
from tests.chaos.servers import Postgres, Redis

NAME = sys.argv[1] if len(sys.argv) > 1 else ""
FOLDER = Path(tempfile.mkdtemp(prefix="ecwidhub-chaos-"))
POSTGRES = Postgres(FOLDER / "postgres")
REDIS = Redis()
FOLDER.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
WITH_POSTGRES = NAME in {"redis_emptied", "postgres_restarted", "old_and_new_version", "web_killed"}
WITH_REDIS = NAME in {"redis_emptied", "old_and_new_version"}
os.environ["DATABASE_URL"] = POSTGRES.url if WITH_POSTGRES else f"sqlite:///{FOLDER / 'hub.sqlite3'}"
os.environ["REDIS_URL"] = REDIS.url if WITH_REDIS else ""
os.environ["DJANGO_SETTINGS_MODULE"] = "ecwidhub.settings"
django.setup()

from tests.chaos import faults  # noqa: E402  the settings first
from tests.chaos.stage import Stage  # noqa: E402
from tests.sandbox import Sandbox  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    """Set the stage, let it happen and tell what came of it."""
    with ExitStack() as stack:
        stack.callback(environment.pytest_unconfigure)
        stack.callback(shutil.rmtree, FOLDER, ignore_errors=True)
        if WITH_POSTGRES:
            stack.enter_context(POSTGRES)
        if WITH_REDIS:
            stack.enter_context(REDIS)
        older = _older(stack) if NAME == "old_and_new_version" else ROOT
        market = stack.enter_context(Sandbox())
        stage = Stage(NAME, FOLDER / "hub", market)
        stack.enter_context(stage.hub)
        for verdict in getattr(faults, NAME)(stage, faults.Around(POSTGRES, REDIS, older)):
            print(json.dumps(verdict.line()), flush=True)


def _older(stack: ExitStack) -> Path:
    """Put the older version beside this one, for as long as this lasts."""
    git = ("git", "-C", str(ROOT))
    wanted = os.environ.get("CHAOS_FROM", "")
    if not wanted:
        tables = [*git, "log", "-1", "--format=%H", "--", "*/migrations/0*.py"]
        wanted = f"{subprocess.check_output(tables, text=True).strip()}^"
    place = FOLDER / "older"
    subprocess.run([*git, "worktree", "add", "--quiet", "--detach", str(place), wanted], check=True)
    stack.callback(subprocess.run, [*git, "worktree", "remove", "--force", str(place)], check=True)
    return place


if __name__ == "__main__":
    main()
