"""`make run`: everything a newcomer needs on one machine, from an empty folder to the addresses to open.

Web, worker, schedule and the Ecwid sandbox run together until Ctrl-C, a SIGTERM or a closed terminal.
"""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import environ
from honcho.environ import parse_procfile
from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from scripts import local, prepare

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 60.0
_WORKER_READY = b" ready."
_TICK = b".tasks.sweep"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def main() -> int:
    """Set up, start everything and wait for its end; return the exit status."""
    made = local.write_env(ROOT / ".env", os.environ)
    environ.Env.read_env(ROOT / ".env")
    environment, ports = local.with_ports(os.environ)
    local.require_free(ports)
    if made:
        print("Made .env with fresh keys for this machine.")
    kept = Path(environment.setdefault("VAR_DIR", str(ROOT / "var")))
    kept.mkdir(parents=True, exist_ok=True)
    environment = local.with_mail(environment, kept)
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    if ports.sandbox:
        environment["SANDBOX_CLIENT_SECRET"] = local.sandbox_secret(kept / "sandbox.secret")
    password = _prepare(environment)
    return _serve(environment, ports, Welcome(environment, ports, password))


def _prepare(environment: dict[str, str]) -> str:
    """Bring the database up to date. Return the operator's new password, "" when there was an operator already.

    :raises local.Unusable: when that failed; what was wrong has been printed.
    """
    password = secrets.token_urlsafe(12)
    print("Preparing the database …", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "scripts.prepare"],
        cwd=ROOT,
        env=environment | {"OPERATOR_PASSWORD": password},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise local.Unusable("Setting up did not work; see above.")
    return password if done.stdout.split()[-1] == prepare.MADE else ""


class Together(Manager):  # type: ignore[misc]
    """Honcho's manager, which stops everything at a signal even when that comes while it is starting.

    Until each process has told its id, a signal is only noted: acting on it would leave those without one running.
    """

    _told = False

    def terminate(self) -> None:
        """Stop all processes, as soon as all are known."""
        self._told = True
        if self._all_started():
            super().terminate()

    def _any_stopped(self) -> bool:
        return self._told or bool(super()._any_stopped())


class Welcome(Printer):  # type: ignore[misc]
    """Prints what the processes say, and the addresses to open once all of them are up."""

    def __init__(self, environment: dict[str, str], ports: local.Ports, password: str) -> None:
        super().__init__(sys.stdout)
        self._gone = False
        self._worker = threading.Event()
        self._text = _welcome(environment, ports, password)
        self._doors = [_door(ports.hub, "/readyz", host=urlsplit(environment["SITE_URL"]).netloc)]
        if ports.sandbox:
            self._doors.append(_door(ports.sandbox, "/", host="localhost"))
        self._thread: threading.Thread | None = None

    def write(self, message: Message) -> None:
        """Print one line, and begin to watch when the first process says something."""
        said = message.data if isinstance(message.data, bytes) else message.data.encode()
        # The schedule's ticks every few seconds would bury what a person came to see; its failures are no ticks.
        if not (_TICK in said and b'"level": "info"' in said):
            self._print(message)
        if message.name == "worker" and _WORKER_READY in said:
            self._worker.set()
        if self._thread is None and message.name != SYSTEM_PRINTER_NAME:
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()

    def _print(self, message: Message) -> None:
        """Print one line; a terminal or pipe that takes no more of them is a reason to stop."""
        try:
            super().write(message)
        except OSError:
            if not self._gone:
                self._gone = True
                os.kill(os.getpid(), signal.SIGTERM)

    def _watch(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not all(map(_answers, self._doors)):
            if time.monotonic() > deadline:
                print("\nNot everything came up within a minute; the lines above should tell why.\n", flush=True)
                return
            time.sleep(0.5)
        # A quiet LOG_LEVEL hides the worker's word; installs work before it is there, prefills wait for it.
        self._worker.wait(10.0)
        print(self._text, flush=True)


def _door(port: int, path: str, host: str) -> urllib.request.Request:
    # The service answers to the names in ALLOWED_HOSTS only, so it is asked by its own name.
    return urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})


def _answers(request: urllib.request.Request) -> bool:
    try:
        with _direct.open(request, timeout=2.0) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _welcome(environment: dict[str, str], ports: local.Ports, password: str) -> str:
    site = environment["SITE_URL"].rstrip("/")
    known = "as before" if not password else f"{password}  (shown only now)"
    lines = [
        ("Admin", f"{site}/admin/"),
        ("", f"operator, password {known}"),
        ("", "code for the second step: .venv/bin/python manage.py operator_code operator"),
        ("Merchants", f"{site}/"),
    ]
    if ports.sandbox:
        sandbox = f"http://localhost:{ports.sandbox}"
        lines = [("Press Install", f"{sandbox}/apps/demo-app"), *lines, ("Sandbox switches", f"{sandbox}/switches")]
        lines.append(("Mails", f"{sandbox}/mailbox"))
    else:
        lines.append(("Ecwid", environment.get("ECWID_OAUTH_URL", "the real one")))
    width = max(len(name) for name, _ in lines)
    table = "\n".join(f"  {name:<{width}}  {text}" for name, text in lines)
    forgot = "" if password else "\n  Password forgotten: .venv/bin/python manage.py changepassword operator"
    return f"\nEverything is up. Ctrl-C stops it.\n\n{table}{forgot}\n"


def _serve(environment: dict[str, str], ports: local.Ports, printer: Printer) -> int:
    """Run the processes of Procfile.dev until the first of them ends or we are told to stop."""
    manager = Together(printer)
    for name, command in parse_procfile((ROOT / "Procfile.dev").read_text()).processes.items():
        if name != "sandbox" or ports.sandbox:
            manager.add_process(name, command, env=environment, cwd=str(ROOT))
    for number in (signal.SIGHUP, signal.SIGQUIT):
        # A closed terminal tells us alone: the processes are in sessions of their own.
        signal.signal(number, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    return int(manager.returncode or 0)


if __name__ == "__main__":
    try:
        status = main()
    except local.Unusable as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        status = 130
    sys.exit(0 if status in (130, 143) else status)
