"""`make run`: from a newcomer's copy of the tree to an installed store, and back to nothing."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import pytest

from scripts import local
from tests import environment
from tests.processes import new_browser, until

ROOT = Path(__file__).resolve().parent.parent
_FILES = (
    "Makefile",
    "Procfile.dev",
    "gunicorn.conf.py",
    "manage.py",
    *(path.name for path in ROOT.glob("requirements*")),
)
_FOLDERS = ("accounts", "ecwidhub", "installs", "scripts", "templates", "tests")
_LONG = 180.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        return port


class Newcomer:
    """Somebody with a copy of the tree and a terminal; what is to be downloaded has been downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ecwidhub"
        self.folder.mkdir()
        for name in _FILES:
            shutil.copy(ROOT / name, self.folder)
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        (self.folder / ".venv").mkdir()
        for part in ("bin", "lib", "pyvenv.cfg"):
            (self.folder / ".venv" / part).symlink_to(Path(sys.prefix) / part)
        (self.folder / ".venv" / ".installed").touch()
        self.ports = {"PORT": str(free_port()), "SANDBOX_PORT": str(free_port())}
        self.hub, self.sandbox = (f"http://localhost:{port}" for port in self.ports.values())
        self._screen = folder / "screen"
        self._make: subprocess.Popen[bytes] | None = None

    @property
    def clean(self) -> dict[str, str]:
        """The environment without the variables of this test run, of pytest and of the `make` it may run in."""
        ours = {*environment.VARIABLES, "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PORT", "DJANGO_SETTINGS_MODULE"}
        return {name: value for name, value in os.environ.items() if name not in ours}

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a command that ends by itself."""
        return subprocess.run(words, cwd=self.folder, env=self.clean, capture_output=True, text=True, check=False)

    def types_make_run(self) -> None:
        command = ["make", "run", *(f"{name}={port}" for name, port in self.ports.items())]
        with self._screen.open("wb") as screen:
            self._make = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.clean,
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
                start_new_session=True,
            )

    @property
    def screen(self) -> str:
        return self._screen.read_text("utf-8", "replace")

    def waits_for(self, words: str) -> None:
        """Look at the screen until it shows `words`, or the command has ended."""
        assert self._make is not None
        make = self._make
        until(lambda: words in self.screen or make.poll() is not None, _LONG)
        assert words in self.screen, self.screen

    def ends(self, number: signal.Signals, *, whole_group: bool) -> None:
        """Send a signal, to all that the terminal reaches or to `make` alone, and wait for the end."""
        assert self._make is not None
        if whole_group:
            os.killpg(self._make.pid, number)
        else:
            self._make.send_signal(number)
        self._make.wait(_LONG)

    @property
    def processes(self) -> list[str]:
        """What still runs in the copy's folder."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink().is_relative_to(self.folder):
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # it has ended meanwhile
        return found


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    newcomer = Newcomer(tmp_path)
    yield newcomer
    if newcomer.processes:
        newcomer.ends(signal.SIGTERM, whole_group=True)


@pytest.mark.long
def test_one_command_leads_to_a_filled_store_and_ctrl_c_leaves_nothing_running(newcomer: Newcomer) -> None:
    newcomer.types_make_run()
    newcomer.waits_for("Everything is up")
    password = re.search(r"operator, password (\S+)  \(shown only now\)", newcomer.screen)
    with new_browser() as merchant, new_browser() as operator:
        choice = {"store_id": "1003"}
        market = merchant.post(f"{newcomer.sandbox}/apps/demo-app/install", choice, allow_redirects=False)
        came_from = {"Referer": f"{newcomer.sandbox}/apps/demo-app", "Sec-Fetch-Dest": "document"}
        page = merchant.get(market.headers["Location"], headers=came_from)
        until(lambda: "Paper Trail" in merchant.get(page.url).text)
        form = operator.get(f"{newcomer.hub}/admin/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
        assert password is not None
        assert token is not None
        answers = {"username": "operator", "password": password[1], "csrfmiddlewaretoken": token[1]}
        enrolling = operator.post(f"{newcomer.hub}/admin/login/?next=/admin/", answers)
        shown = newcomer.types(".venv/bin/python", "manage.py", "operator_code", "operator").stdout.strip()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', enrolling.text)
        assert token is not None
        codes = operator.post(enrolling.url, {"code": shown, "csrfmiddlewaretoken": token[1]})
        inside = operator.get(f"{newcomer.hub}/admin/")
        nowhere = merchant.get(f"{newcomer.hub}/nowhere")
    newcomer.ends(signal.SIGINT, whole_group=True)

    assert market.headers["Location"].startswith(f"{newcomer.hub}/apps/demo-app/return/?code=")
    assert page.url == f"{newcomer.hub}/stores/1003/onboarding/"
    assert "operator_code operator" in enrolling.text
    assert "shown only now" in codes.text
    assert inside.url == f"{newcomer.hub}/admin/"
    assert "logout" in inside.text
    assert "DEBUG" not in nowhere.text
    code = market.headers["Location"].partition("code=")[2].partition("&")[0]
    assert "GET /apps/demo-app/return/ 303" in newcomer.screen
    assert code not in newcomer.screen
    assert newcomer.processes == []


@pytest.mark.long
def test_stopping_make_while_everything_starts_leaves_nothing_running(newcomer: Newcomer) -> None:
    newcomer.types_make_run()
    newcomer.waits_for("started (pid=")
    newcomer.ends(signal.SIGTERM, whole_group=False)

    assert newcomer.processes == []


@pytest.mark.long
def test_preparing_again_keeps_the_operator_and_says_so(newcomer: Newcomer) -> None:
    (newcomer.folder / ".env").write_text("SECRET_KEY=" + "s" * 50 + "\nTOKEN_KEYS=" + "t" * 50 + "\n")
    prepare = ("env", "OPERATOR_PASSWORD=of-the-first-time", ".venv/bin/python", "-m", "scripts.prepare")

    assert [newcomer.types(*prepare).stdout, newcomer.types(*prepare).stdout] == ["made\n", "kept\n"]


def test_a_busy_port_gives_one_clear_line(newcomer: Newcomer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        busy = door.getsockname()[1]
        done = newcomer.types("make", "run", f"PORT={busy}", f"SANDBOX_PORT={newcomer.ports['SANDBOX_PORT']}")

    assert done.returncode != 0
    said, *rest = done.stderr.splitlines()
    assert re.fullmatch(rf"Port {busy} is in use already\. Choose another: make run PORT=\d+", said)
    assert all(line.startswith("make: ") for line in rest)


def test_services_are_asked_for_by_name_when_they_are_missing(newcomer: Newcomer) -> None:
    done = newcomer.types("make", "test-services", "REDIS_URL=")

    assert done.returncode != 0
    assert done.stderr.startswith("make test-services needs DATABASE_URL and REDIS_URL in the environment.\n")


def test_make_alone_lists_the_verbs(newcomer: Newcomer) -> None:
    verbs = re.findall(r"^  make ([a-z-]+) +\S", newcomer.types("make").stdout, re.MULTILINE)

    assert {"run", "test", "test-services", "lint", "types", "clean", "help"} <= set(verbs)


def test_the_env_file_is_for_its_owner_alone_and_its_keys_are_new_each_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    local.write_env(first, {})
    local.write_env(second, {})

    assert first.stat().st_mode & 0o777 == 0o600
    keys = re.findall(r"(?:SECRET_KEY|TOKEN_KEYS)=(\S{50,})", first.read_text() + second.read_text())
    assert len(set(keys)) == 4
    assert "DEBUG" not in first.read_text()


def test_an_env_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET_KEY=mine")

    assert local.write_env(path, {}) is False
    assert path.read_text() == "SECRET_KEY=mine"


def test_the_sandbox_and_we_share_one_secret_that_stays(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.secret"
    secret = local.sandbox_secret(path)

    assert re.fullmatch("[A-Za-z0-9]{32}", secret)
    assert local.sandbox_secret(path) == secret
    assert path.stat().st_mode & 0o777 == 0o600


HERE = {
    "SITE_URL": "http://localhost:8000",
    "ECWID_OAUTH_URL": "http://localhost:8100/api/oauth",
    "ECWID_API_URL": "http://localhost:8100/api/v3",
    "ECWID_ADMIN_ORIGINS": "http://localhost:8100 http://127.0.0.1:8100 https://my.ecwid.com",
}


def test_ports_asked_for_hold_in_every_address() -> None:
    changed, ports = local.with_ports(HERE | {"PORT": "8001", "SANDBOX_PORT": "8101"})

    assert ports == local.Ports(hub=8001, sandbox=8101)
    assert changed == {
        "PORT": "8001",
        "SANDBOX_PORT": "8101",
        "SITE_URL": "http://localhost:8001",
        "ECWID_OAUTH_URL": "http://localhost:8101/api/oauth",
        "ECWID_API_URL": "http://localhost:8101/api/v3",
        "ECWID_ADMIN_ORIGINS": "http://localhost:8101 http://127.0.0.1:8101 https://my.ecwid.com",
    }


def test_without_ports_asked_for_those_of_the_env_file_hold() -> None:
    changed, ports = local.with_ports(HERE | {"SITE_URL": "http://127.0.0.1:9000"})

    assert ports == local.Ports(hub=9000, sandbox=8100)
    assert changed["SITE_URL"] == "http://127.0.0.1:9000"


def test_an_env_file_without_addresses_means_this_machine_and_the_real_ecwid() -> None:
    changed, ports = local.with_ports({"SECRET_KEY": "mine", "PORT": "8001"})

    assert ports == local.Ports(hub=8001, sandbox=None)
    assert changed == {"SECRET_KEY": "mine", "PORT": "8001", "SITE_URL": "http://localhost:8001"}


def test_mails_are_kept_where_everything_else_is_and_the_mailbox_looks(tmp_path: Path) -> None:
    local.write_env(tmp_path / ".env", {})
    written = dict(line.split("=", 1) for line in (tmp_path / ".env").read_text().splitlines() if "=" in line)
    moved = local.with_mail(written, tmp_path / "kept")["EMAIL_URL"]

    assert environ.Env.email_url_config(moved)["EMAIL_FILE_PATH"] == str(tmp_path / "kept" / "mail")
    mine = {"EMAIL_URL": "smtp://mail.example:25"}
    assert local.with_mail(mine, tmp_path) == mine


def test_addresses_that_are_not_of_this_machine_stay_as_they_are() -> None:
    elsewhere = {
        "SITE_URL": "https://hub.example.com",
        "ECWID_OAUTH_URL": "https://my.ecwid.com/api/oauth",
        "ECWID_API_URL": "https://app.ecwid.com/api/v3",
        "ECWID_ADMIN_ORIGINS": "https://my.ecwid.com",
    }
    changed, ports = local.with_ports(elsewhere | {"PORT": "8001", "SANDBOX_PORT": "8101"})

    assert ports == local.Ports(hub=8001, sandbox=None)
    assert changed == elsewhere | {"PORT": "8001", "SANDBOX_PORT": "8101"}


@pytest.mark.parametrize("port", ["0", "65536", "-1", "8000.5", "eight", "٨٠"])
def test_a_port_that_is_none_is_refused_by_name(port: str) -> None:
    with pytest.raises(local.Unusable, match=r"^SANDBOX_PORT=.* is not a port"):
        local.with_ports(HERE | {"SANDBOX_PORT": port})


def test_one_port_for_both_is_refused() -> None:
    with pytest.raises(local.Unusable, match="are both 8000"):
        local.require_free(local.Ports(8000, 8000))
