"""`/mailbox` shows the mails of a folder, and nothing in them can act."""

import os
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.sandbox import Sandbox
from tests.sandbox_tests.wire import send

LINE = b"\n" + b"-" * 79 + b"\n"


@pytest.fixture
def folder(sandbox: Sandbox, tmp_path: Path) -> Iterator[Path]:
    """A folder that the sandbox reads for the time of one test."""
    sandbox.world.mail = tmp_path
    yield tmp_path
    sandbox.world.mail = None


def mail(subject: str, text: str = "Hello", html: str = "") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "hub@x.example", "owner@x.example"
    message["Date"] = "Sun, 22 Nov 2026 07:00:00 +0000"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


def test_without_a_folder_it_says_how_to_have_one(sandbox: Sandbox) -> None:
    assert "--mail DIR" in send(sandbox, "GET", "/mailbox").text


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_or_missing_folder_has_no_mail_yet(sandbox: Sandbox, folder: Path, there: bool) -> None:
    sandbox.world.mail = folder if there else folder / "later"

    assert "No mail has been sent yet." in send(sandbox, "GET", "/mailbox").text


def test_a_file_of_djangos_backend_holds_several_mails(sandbox: Sandbox, folder: Path) -> None:
    both = mail("First – ü").as_bytes() + LINE + mail("Second").as_bytes() + LINE
    (folder / "20261122-1.log").write_bytes(both)

    page = send(sandbox, "GET", "/mailbox").text

    assert page.index('href="/mailbox/20261122-1.log-1">Second') < page.index('20261122-1.log-0">First – ü')
    assert "To owner@x.example, Sun, 22 Nov 2026" in page
    assert "Hello" in send(sandbox, "GET", "/mailbox/20261122-1.log-1").text


def test_the_newest_file_comes_first_and_other_files_are_left_alone(sandbox: Sandbox, folder: Path) -> None:
    for age, name in enumerate(("b.eml", "a.eml", "secret.txt")):
        (folder / name).write_bytes(mail(name).as_bytes())
        os.utime(folder / name, (1000 - age, 1000 - age))

    page = send(sandbox, "GET", "/mailbox").text

    assert page.index("b.eml") < page.index("a.eml")
    assert "secret.txt" not in page
    assert send(sandbox, "GET", "/mailbox/secret.txt-0").status == 404


def test_links_in_the_text_can_be_followed_and_nothing_else_is_markup(sandbox: Sandbox, folder: Path) -> None:
    (folder / "a.eml").write_bytes(
        mail("<i>x</i>", "See https://x.example/a?b=1&c=2. <i>y</i> javascript:1").as_bytes()
    )

    page = send(sandbox, "GET", "/mailbox/a.eml-0").text

    assert 'href="https://x.example/a?b=1&amp;c=2" target="_blank" rel="noreferrer"' in page
    assert "<i>" not in page
    assert 'href="javascript' not in page


def test_html_is_shut_in_a_frame_without_script(sandbox: Sandbox, folder: Path) -> None:
    (folder / "a b.eml").write_bytes(mail("x", html="<script>alert(1)</script><p>Hi ü</p>").as_bytes())

    page = send(sandbox, "GET", "/mailbox/a%20b.eml-0").text
    inside = send(sandbox, "GET", "/mailbox/a%20b.eml-0/html")

    assert "<script" not in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox" src="/mailbox/a%20b.eml-0/html"' in page
    policy = inside.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'")
    assert "script" not in policy
    assert "<p>Hi ü</p>" in inside.text


def test_a_mail_without_html_has_no_frame(sandbox: Sandbox, folder: Path) -> None:
    (folder / "a.eml").write_bytes(mail("x").as_bytes())

    assert "<iframe" not in send(sandbox, "GET", "/mailbox/a.eml-0").text
    assert send(sandbox, "GET", "/mailbox/a.eml-0/html").status == 404


def test_attachments_are_named(sandbox: Sandbox, folder: Path) -> None:
    message = mail("x")
    message.add_attachment(b"1,2", maintype="text", subtype="csv", filename="stores.csv")
    (folder / "a.eml").write_bytes(message.as_bytes())

    assert "stores.csv" in send(sandbox, "GET", "/mailbox/a.eml-0").text


@pytest.mark.parametrize(
    "raw",
    [
        b"no headers at all",
        b"Content-Type: text/plain; charset=nonsense\n\ncaf\xe9",
        b"Content-Type: multipart/mixed\n\nbroken",
        b"Subject: =?utf-8?q?=ff?=\nDate: never\n\n\xff\xfe",
        b"\x00\x01",
    ],
)
def test_even_a_broken_mail_has_a_page(sandbox: Sandbox, folder: Path, raw: bytes) -> None:
    (folder / "a.eml").write_bytes(raw)

    assert send(sandbox, "GET", "/mailbox").status == 200
    assert send(sandbox, "GET", "/mailbox/a.eml-0").status == 200


@pytest.mark.parametrize("name", ["..%2fa.eml-0", "a.eml-1", "a.eml", "%2e%2e", "x"])
def test_only_mails_of_the_folder_are_shown(sandbox: Sandbox, folder: Path, name: str) -> None:
    (folder / "a.eml").write_bytes(mail("x").as_bytes())

    assert send(sandbox, "GET", f"/mailbox/{name}").status == 404
