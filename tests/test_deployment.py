"""Deploying: what the image holds, what compose.yaml and the units say, and that their very commands carry an install.

There is no container engine in a test: docs/operations.md says what that leaves unproven.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.deployed import Machine, shipped
from tests.processes import ROOT, Process, new_browser, until
from tests.sandbox import Sandbox
from tests.test_configuration import variables_read

UNITS = ROOT / "deploy" / "systemd"
OURS = ("web", "worker", "night", "beat", "migrate")
SECRET = "K3yK3yK3yK3yK3yK3yK3yK3yK3yK3y33"


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    return loaded


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions, each with its words in one line."""
    text = re.sub(r"(?m)^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8")).replace("\\\n", " ")
    return [(line.split()[0], " ".join(line.split()[1:])) for line in text.splitlines() if line.strip()]


def by_unit() -> dict[str, list[str]]:
    """Return what each systemd unit starts, one worker for all queues."""
    found = {}
    for unit in UNITS.glob("*.service"):
        line = re.search(r"^ExecStart=(.*)$", unit.read_text("utf-8"), re.MULTILINE)
        assert line, unit
        found[unit.stem.removeprefix("ecwidhub-").rstrip("@")] = shlex.split(line[1])
    return found


def by_compose() -> dict[str, list[str]]:
    """Return what each container of ours starts; the web server is the image's own command."""
    cmd = json.loads(dict(instructions())["CMD"])
    return {name: compose()["services"][name].get("command", cmd) for name in OURS}


@pytest.fixture
def machine(ecwid: Sandbox) -> Iterator[Machine]:
    """A machine with our code, read-only, whose Ecwid is the sandbox; static files collected as the image does."""
    ecwid.reset()
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    addresses = {
        "ECWID_OAUTH_URL": ecwid.oauth_url,
        "ECWID_API_URL": ecwid.api_url,
        "ECWID_ADMIN_ORIGINS": ecwid.origin,
    }
    folder = Path(tempfile.mkdtemp(prefix="ecwidhub-machine-"))
    machine = Machine(folder, PORT=str(port), SITE_URL=f"http://127.0.0.1:{port}", **addresses)
    machine.make_secrets()
    building = machine.environment | {"VAR_DIR": tempfile.mkdtemp(dir=folder)}
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput"]
    built = subprocess.run(collect, cwd=machine.tree, env=building, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    machine.seal()
    yield machine
    shutil.rmtree(folder)


def here(machine: Machine, words: list[str]) -> list[str]:
    """Return a command with what a container engine or systemd would fill in."""
    said = {"0.0.0.0:8000": f"127.0.0.1:{machine.environment['PORT']}", "%i": "install,events,bulk"}
    said |= {"%i@%%h": "here@%h", "${VAR_DIR}/beat": f"{machine.state}/beat"}
    return [said.get(word) or re.sub("^/tmp(?=/)", str(machine.state), word) for word in words]


def registered(machine: Machine, ecwid: Sandbox) -> str:
    """Register an app on both sides and return where a merchant is sent who installs it."""
    site = machine.environment["SITE_URL"]
    machine.run("python", "manage.py", "register_app", "label-app", "--name", "Labels", CLIENT_SECRET=SECRET)
    scopes = ("read_store_profile",)
    ecwid.add_app(
        client_id="label-app", client_secret=SECRET, name="Labels",
        redirect_url=f"{site}/apps/label-app/return/", scopes=scopes,
    )  # fmt: skip
    return ecwid.redirect_address("label-app", 1003)


def is_up(address: str) -> bool:
    try:
        return requests.get(f"{address}/readyz", timeout=20).ok
    except requests.RequestException:
        return False


@pytest.mark.long
@pytest.mark.parametrize("commands", [by_compose, by_unit])
def test_the_very_commands_carry_an_install_on_a_read_only_tree_without_rights(
    machine: Machine, ecwid: Sandbox, commands: Any
) -> None:
    words = {name: here(machine, command) for name, command in commands().items()}
    machine.run(*words.pop("migrate"))
    arrival = registered(machine, ecwid)
    running: dict[str, Process] = {name: machine.start(name, command) for name, command in words.items()}
    try:
        site = machine.environment["SITE_URL"]
        running["web"].wait_for(lambda: is_up(site))
        with new_browser() as browser:
            headers = {"Referer": f"{ecwid.origin}/", "Sec-Fetch-Dest": "document"}
            assert browser.get(arrival, headers=headers, allow_redirects=False, timeout=30).status_code == 303
            page = browser.get(f"{site}/sign-in/", timeout=30).text
            style = re.search(r'href="(/static/hub\.[0-9a-f]{12}\.css)"', page)
            assert style, "the names of static files are not hashed"
            sheet = browser.get(site + style[1], headers={"Accept-Encoding": "gzip"}, timeout=30)
        assert sheet.headers["Content-Encoding"] == "gzip"
        assert "immutable" in sheet.headers["Cache-Control"]
        until(lambda: machine.prefills() == ["done"])
        running["beat"].wait_for(lambda: "Sending due task" in running["beat"].words)
    finally:
        for process in running.values():
            process.kill()


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    rooms = {name.split("/")[0] for name in shipped()}

    assert rooms == {
        "accounts", "ecwidhub", "gunicorn.conf.py", "installs", "locale", "manage.py", "requirements.lock",
        "requirements-observe.lock", "templates",
    }  # fmt: skip
    assert not [name for name in shipped() if re.search(r"test|\.env|secret.*key$", name)]


def test_the_dockerfile_builds_in_one_stage_and_ships_another_without_tools_or_rights() -> None:
    steps = instructions()
    starts = [n for n, (name, _) in enumerate(steps) if name == "FROM"]
    build, run = steps[starts[0] : starts[1]], steps[starts[1] :]

    assert [words.rpartition(" AS ")[2] for name, words in steps if name == "FROM"] == ["build", "run"]
    assert any("--require-hashes" in words for name, words in build if name == "RUN")
    assert any("collectstatic" in words for name, words in build if name == "RUN")
    assert all(words.startswith("--from=build ") for name, words in run if name == "COPY")
    assert not any("pip" in words for name, words in run if name == "RUN")
    assert dict(run)["USER"] == "10001:10001"
    assert [name for name, _ in run if name in {"USER", "CMD"}] == ["USER", "CMD"]
    assert not [
        words for name, words in run if name in {"ENV", "ARG"} and re.search(r"KEY|SECRET|PASSWORD|TOKEN", words)
    ]
    assert "ADD" not in dict(steps)


@pytest.mark.parametrize("name", OURS)
def test_each_container_of_ours_has_no_rights_and_a_read_only_disk(name: str) -> None:
    service = compose()["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service  # the image's
    assert "ports" not in service


def test_compose_names_variables_that_are_read_and_secrets_that_are_made(tmp_path: Path) -> None:
    subprocess.run([ROOT / "deploy" / "make-secrets", tmp_path / "secrets"], capture_output=True, check=True)
    told = compose()
    settings = set().union(*(told["services"][name]["environment"] for name in OURS))

    assert {name.removesuffix("_FILE") for name in settings} <= variables_read() | {"WEB_CONCURRENCY", "WEB_THREADS"}
    assert {path.name for path in (tmp_path / "secrets").iterdir()} == set(told["secrets"])
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    password = (tmp_path / "secrets" / "database_password").read_text().strip()
    assert (
        tmp_path / "secrets" / "database_url"
    ).read_text() == f"postgres://ecwidhub:{password}@postgres:5432/ecwidhub\n"


def test_secrets_that_exist_are_left_alone(tmp_path: Path) -> None:
    make = [ROOT / "deploy" / "make-secrets", tmp_path]
    subprocess.run(make, capture_output=True, check=True)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    subprocess.run(make, capture_output=True, check=True)

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_the_workers_of_compose_and_procfile_take_every_queue_once() -> None:
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    procfile = [shlex.split(line.partition(": ")[2]) for line in lines]
    for commands in (list(by_compose().values()), procfile):
        queues = ",".join(words[words.index("--queues") + 1] for words in commands if "--queues" in words)
        assert sorted(queues.split(",")) == ["bulk", "events", "install"]
    target = (UNITS / "ecwidhub.target").read_text("utf-8")
    assert sorted(re.findall(r"worker@(\w+)\.service", target)) == ["bulk", "events", "install"]


def test_redis_writes_down_what_it_is_told_and_forgets_nothing_for_want_of_room() -> None:
    words = " ".join(compose()["services"]["redis"]["command"])

    assert "--appendonly yes --appendfsync everysec" in words
    assert "--maxmemory-policy noeviction" in words


def test_nobody_is_refused_while_the_web_server_is_replaced(tmp_path: Path) -> None:
    """The port is systemd's, as in ecwidhub-web.socket: held here by the test, and handed over as systemd does."""
    with socket.create_server(("127.0.0.1", 0)) as port, ThreadPoolExecutor(4) as visitors:
        site = f"http://127.0.0.1:{port.getsockname()[1]}"
        # systemd hands the port over as file 3 and says for whom it is.
        given = (
            f"import os; os.dup2({port.fileno()}, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))"
        )
        gunicorn = f"{given}; os.execvp('{sys.executable}', ['{sys.executable}', '-m', 'gunicorn', 'ecwidhub.wsgi'])"
        variables = os.environ | {"VAR_DIR": str(tmp_path), "WEB_CONCURRENCY": "1", "PORT": "1"}

        def start() -> Process:
            return Process(
                [sys.executable, "-c", gunicorn], tmp_path / "said", cwd=ROOT, env=variables, pass_fds=(port.fileno(),)
            )

        first = start()
        first.wait_for(lambda: is_well(site))
        first.end()
        waiting = [visitors.submit(is_well, site) for _ in range(4)]
        second = start()
        try:
            assert [visit.result() for visit in waiting] == [True] * 4
        finally:
            second.kill()


def test_a_command_gets_what_the_units_get(tmp_path: Path) -> None:
    """`deploy/manage` with somebody in systemd-run's place who repeats what was asked for, a word a line."""
    stand_in = tmp_path / "systemd-run"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    stand_in.chmod(0o755)
    command = [str(ROOT / "deploy" / "manage"), "erase", "--reason", "asked for it"]
    variables = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    asked = subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.splitlines()
    unit = (UNITS / "ecwidhub-migrate.service").read_text("utf-8")

    manage = ["/opt/ecwidhub/.venv/bin/python", "manage.py"]
    assert shlex.split(by_unit()["migrate"][0])[0] == manage[0]
    assert asked[-5:] == [*manage, "erase", "--reason", "asked for it"]
    for given in re.findall(r"^((?:LoadCredential|EnvironmentFile|StateDirectory\w*|UMask)=.*)$", unit, re.MULTILINE):
        assert f"--property={given}" in asked
    (name,) = (word.removeprefix("--unit=") for word in asked if word.startswith("--unit="))
    for variable, credential in re.findall(r"(\w+_FILE)=%d/(\w+)", unit):
        assert f"--setenv={variable}=/run/credentials/{name}.service/{credential}" in asked


def is_well(site: str) -> bool:
    return requests.get(f"{site}/healthz", timeout=60).ok


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_takes_the_units_and_finds_little_that_they_may_touch(tmp_path: Path) -> None:
    for unit in UNITS.glob("ecwidhub*"):
        text = (
            unit.read_text("utf-8").replace("User=ecwidhub", "User=nobody").replace("Group=ecwidhub", "Group=nogroup")
        )
        text = re.sub(r"/opt/ecwidhub/\.venv/bin/\w+", "/bin/true", text).replace("=/opt/ecwidhub\n", "=/\n")
        (tmp_path / unit.name).write_text(text, "utf-8")
    units = [str(path) for kind in ("*.service", "*.socket", "*.target") for path in tmp_path.glob(kind)]
    environment = os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "SYSTEMD_LOG_LEVEL": "warning"}
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], env=environment, capture_output=True, text=True, check=False
    )
    assert verify.returncode == 0, verify.stderr
    assert not [line for line in verify.stderr.splitlines() if "ecwidhub" in line]
    for unit in tmp_path.glob("*.service"):
        security = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", "--no-pager", str(unit)]
        done = subprocess.run(security, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-400:] + done.stderr
