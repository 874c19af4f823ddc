"""The tree that the image ships, laid out as a deployment has it: read-only, and run by a user who owns nothing.

No container engine and no systemd as the first process are needed: what they would start is started here.
"""

import fnmatch
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from tests.processes import ROOT, Process

NOBODY = 10001  # the image's user
# The interpreter may live in a home that is closed to others: reading stays allowed, writing does not.
_READS = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search")
_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", *_READS]
_PROGRAMS = ("gunicorn", "celery")


def shipped() -> list[str]:
    """Return the files that `COPY . .` takes into the image: what .dockerignore lets in, as Docker reads it."""
    rules = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if not _ignored(name, rules)]


def _ignored(name: str, rules: list[str]) -> bool:
    ignored = False
    parents = [str(parent) for parent in Path(name).parents][:-1]
    for rule in rules:  # the last one that matches decides
        pattern = rule.removeprefix("!").removeprefix("**/")
        if any(fnmatch.fnmatch(path, pattern) for path in (name, *parents)):
            ignored = not rule.startswith("!")
    return ignored


class Machine:
    """A host with the code at `tree`, state at `state` and the secret files of deploy/make-secrets at `secrets`."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.tree, self.state, self.secrets = folder / "app", folder / "state", folder / "secrets"
        self.said = folder / "said"
        folder.chmod(0o755)
        for name in shipped():
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, self.tree / name)
        for made in (self.state, self.secrets, self.said):
            made.mkdir()
        self._as_nobody = _NOBODY if os.geteuid() == 0 else []
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "VAR_DIR": str(self.state)}
        self.environment |= {"STATIC_ROOT": str(self.tree / "static"), "PYTHONDONTWRITEBYTECODE": "1"} | variables
        (self.secrets / "database_url").write_text(f"sqlite:///{self.state}/hub.sqlite3\n", "utf-8")

    def make_secrets(self) -> None:
        """Run deploy/make-secrets, and name its files as compose.yaml and the units do."""
        subprocess.run([ROOT / "deploy" / "make-secrets", self.secrets], capture_output=True, check=True)
        for name in ("secret_key", "token_keys", "database_url", "email_url"):
            self.environment[f"{name.upper()}_FILE"] = str(self.secrets / name)
        self.secrets.chmod(0o755)  # a container engine and systemd hand the files over; here they are read in place

    def seal(self) -> None:
        """Make the tree read-only and the state the user's own."""
        for path in (self.tree, *self.tree.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if self._as_nobody:
            os.chown(self.state, NOBODY, NOBODY)
        self.state.chmod(0o700)

    def command(self, words: list[str]) -> list[str]:
        """Return a command of the image or of a unit as it is called here."""
        program = Path(words[0]).name
        return [*self._as_nobody, sys.executable, *(["-m", program] if program in _PROGRAMS else []), *words[1:]]

    def start(self, name: str, words: list[str]) -> Process:
        """Start a long-running command as the user."""
        return Process(self.command(words), self.said / f"{name}.log", cwd=self.tree, env=self.environment)

    def run(self, *words: str, **variables: str) -> str:
        """Run a command to its end as the user; return what it printed."""
        done = subprocess.run(
            self.command(list(words)),
            cwd=self.tree,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def prefills(self) -> list[str]:
        """Return how far each store's settings are."""
        with closing(sqlite3.connect(self.state / "hub.sqlite3")) as database:
            return [state for (state,) in database.execute("SELECT state FROM installs_prefill")]
