"""`python -m tests.sandbox`: what it prints, how it ends, what it keeps."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sandbox import Sandbox
from tests.sandbox.records import DEMO_SECRET
from tests.sandbox_tests.wire import exchange, get, installed, post_form, query_of, send

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "tests.sandbox", "--port", "0")


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the command; give the text of its address and the process."""
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def page(origin: str, path: str) -> str:
    """Read a page of a sandbox in another process."""
    elsewhere = Sandbox()
    elsewhere.world.origin = origin
    return send(elsewhere, "GET", path).text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_and_ends_cleanly(number: signal.Signals) -> None:
    with running() as (origin, process):
        assert "Sandbox" in page(origin, "/")
        process.send_signal(number)
        rest, errors = process.communicate(timeout=60)

    assert (process.returncode, rest, errors) == (0, "", "")


def test_the_demo_apps_point_at_the_hub() -> None:
    with running("--hub", "http://hub.example:9000/", "--app", "mine") as (origin, _):
        text = page(origin, "/develop-apps")

    for name in ("return", "open", "webhook", "native"):
        assert f"http://hub.example:9000/apps/mine/{name}/" in text
    assert "http://hub.example:9000/apps/demo-two/return/" in text
    assert DEMO_SECRET in text


def test_the_secret_comes_from_the_named_variable() -> None:
    with running("--secret-from-env", "MY_SECRET", MY_SECRET="told-by-the-environment") as (origin, _):
        assert "told-by-the-environment" in page(origin, "/develop-apps")


def test_events_go_out_by_themselves_in_real_hours_even_after_a_reset() -> None:
    with running() as (origin, _):
        elsewhere = Sandbox()
        elsewhere.world.origin = origin
        for _ in range(2):
            text = page(origin, "/switches")
            assert 'name="webhooks" checked' in text
            assert 'name="webhook_hour_seconds" value="3600"' in text
            send(elsewhere, "POST", "/switches/reset")


def test_the_mailbox_reads_the_folder_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_bytes(b"Subject: Hello there\n\nText")

    with running("--mail", str(tmp_path)) as (origin, _):
        assert "Hello there" in page(origin, "/mailbox")


def test_it_ends_at_once_while_an_event_waits_for_its_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running("--hub", hub) as (origin, process):
            elsewhere = Sandbox()
            elsewhere.world.origin = origin
            post_form(elsewhere, "/switches", webhook_answer_seconds=600)
            post_form(elsewhere, "/events", client_id="demo-app", store_id=1003, type="profile.updated")
            with silent.accept()[0]:
                process.send_signal(signal.SIGTERM)
                _out, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")


def test_a_port_that_is_taken_is_one_clear_line(sandbox: Sandbox) -> None:
    taken = sandbox.origin.rpartition(":")[2]

    done = subprocess.run(
        [*COMMAND[:3], "--port", taken], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert re.fullmatch(rf"The sandbox cannot start at 127\.0\.0\.1:{taken}: [^\n]+\n", done.stderr)


def test_the_state_file_keeps_installs_tokens_codes_and_stores(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state.json"
    with Sandbox(state=state) as first:
        token = installed(first, 1003, "update_store_profile")["access_token"]
        code = query_of(first.redirect_address("demo-app", 1004))["code"]
        first.stores[1003].suspended = True
        first.stores[1004].profile["settings"]["storeName"] = "Kept"

    with Sandbox(state=state) as second:
        assert get(second, "/1003/profile", token).status == 402
        grant = exchange(second, code, 1004).json
        assert get(second, "/1004/profile", grant["access_token"]).json["settings"]["storeName"] == "Kept"
        assert second.live_tokens("demo-app", 1003) == [token]


def test_the_state_is_written_before_the_answer_goes_out(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with Sandbox(state=state) as sandbox:
        token = installed(sandbox)["access_token"]

        assert token in state.read_text("utf-8")
        assert state.stat().st_mode & 0o077 == 0
        assert list(tmp_path.iterdir()) == [state]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', "{broken"])
def test_a_file_that_is_no_state_stops_the_start(tmp_path: Path, text: str) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)

    with pytest.raises(ValueError, match="not a state file"):
        Sandbox(state=state).start()
