"""Which connection a request travels on, and what must not travel with it."""

import os
import subprocess
import sys
from pathlib import Path

from installs.ecwid import wire
from tests.ecwid.loopback import Answer, Line, Server, Site

ROOT = Path(__file__).parents[2]


def run(script: str, **env: str) -> None:
    """Run a script in a process of its own."""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=os.environ | env, check=True, timeout=60)


def test_requests_share_a_connection() -> None:
    with Site(Answer()) as site:
        for _ in range(3):
            wire.send(wire.Request("GET", site.url))
    assert [heard.connection for heard in site.heard] == [1, 1, 1]


def test_a_fresh_request_has_a_connection_of_its_own_and_closes_it() -> None:
    with Site(Answer()) as site:
        for fresh in (False, True, True, False):
            wire.send(wire.Request("GET", site.url, fresh=fresh))
    assert [heard.connection for heard in site.heard] == [1, 2, 3, 1]
    assert site.heard[1].headers["connection"] == "close"


def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    def talk(line: Line) -> None:
        line.hear_head()
        line.say(Answer().spelled())

    with Server(talk) as server:
        for _ in range(3):
            assert wire.send(wire.Request("GET", server.url)).status == 200
            for thread in server.talks():
                thread.join()
        assert server.connections == 3


def test_a_cookie_set_in_one_answer_does_not_come_back() -> None:
    with Site(Answer(headers={"Set-Cookie": "session=of-another-store; Path=/"})) as site:
        for _ in range(2):
            wire.send(wire.Request("GET", site.url))
    assert "cookie" not in site.heard[1].headers


def test_a_forked_child_does_not_talk_on_its_parents_connection() -> None:
    script = """
import os, sys
from installs.ecwid import wire

def ask(path):
    assert wire.send(wire.Request("GET", os.environ["SITE"] + path)).status == 200

ask("/parent")
child = os.fork()
if not child:
    ask("/child")
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
ask("/parent-again")
"""
    with Site(Answer()) as site:
        run(script, SITE=site.url)
    assert [(heard.path, heard.connection) for heard in site.heard] == [
        ("/parent", 1),
        ("/child", 2),
        ("/parent-again", 1),
    ]


def test_neither_a_netrc_nor_a_proxy_variable_sees_or_replaces_the_token(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    script = """
import os
from installs.ecwid import wire

headers = {"Authorization": "Bearer secret_A"}
assert wire.send(wire.Request("GET", os.environ["SITE"], headers)).status == 200
"""
    with Site(Answer()) as site, Site(Answer(502)) as proxy:
        run(script, SITE=site.url, NETRC=str(netrc), HTTP_PROXY=proxy.url, http_proxy=proxy.url, NO_PROXY="")
    assert [heard.headers["authorization"] for heard in site.heard] == ["Bearer secret_A"]
    assert proxy.connections == 0
