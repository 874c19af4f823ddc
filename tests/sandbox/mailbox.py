"""The mails that a service in development wrote to a folder, shown so that nothing in them can act.

Reads Django's file-based mail backend (`*.log`, several mails a file) and single mails (`*.eml`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import quote, unquote

from tests.sandbox import pages
from tests.sandbox.messages import Answer, RefusedError, Request
from tests.sandbox.world import World

HERE = "/mailbox"
MOST_SHOWN = 200
_BETWEEN = re.compile(rb"^-{79}\r?\n", re.MULTILINE)
_LINK = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]]")
_FRAMED = "allow-popups allow-popups-to-escape-sandbox"
# The frame is an origin of its own, runs no script and loads nothing; links open beside it.
_POLICY = f"sandbox {_FRAMED}; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True)
class Mail:
    """One mail; `name` is its place in the folder, such as `20261122.log-0`."""

    name: str
    message: EmailMessage
    at: float

    def header(self, name: str) -> str:
        """Give a header's text, on one line."""
        return " ".join(str(self.message.get(name, "")).split())

    def text(self, kind: str) -> str | None:
        """Give the body of one kind, plain or html; None when there is none."""
        part = self.message.get_body((kind,))
        if part is None:
            return None
        raw = part.get_payload(decode=True)
        return _decoded(raw, part.get_content_charset("utf-8")) if isinstance(raw, bytes) else ""


def inbox(world: World, _: Request, __: Mapping[str, str]) -> Answer:
    """List the mails, newest first."""
    if world.mail is None:
        body = (
            '<p class="quiet">No folder is read. Start the sandbox with <code>--mail DIR</code>, and let the service \
write its mails there.</p>'
        )
        return pages.page("Mailbox", body, here=HERE)
    listed = "".join(map(_row, _newest(world.mail)))
    folder = f'<p class="quiet">Mails in <code>{pages.e(world.mail)}</code>.</p>'
    nothing = '<p class="quiet">No mail has been sent yet.</p>'
    return pages.page("Mailbox", folder + (f'<div class="calls">{listed}</div>' if listed else nothing), here=HERE)


def mail(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Show one mail: its headers, its text with links, its HTML in a frame that can do nothing."""
    one = _mail(world, found)
    rows = "".join(f"<dt>{name}</dt><dd>{pages.e(one.header(name))}</dd>" for name in ("From", "To", "Date"))
    text, html = one.text("plain"), one.text("html")
    attached = [pages.e(part.get_filename() or part.get_content_type()) for part in one.message.iter_attachments()]
    body = f"<dl>{rows}</dl>"
    if text is not None:
        body += f'<h2>Text</h2><pre class="mail">{_linked(text)}</pre>'
    if html is not None:
        source = f"{HERE}/{quote(one.name)}/html"
        body += (
            f'<h2>HTML</h2><iframe class="mail" title="The mail as HTML" sandbox="{_FRAMED}" src="{source}"></iframe>'
        )
    if attached:
        body += f"<h2>Attached</h2><p>{', '.join(attached)}</p>"
    body += f'<p><a href="{HERE}">All mails</a></p>'
    return pages.page(one.header("Subject") or "(no subject)", body, here=HERE)


def html(world: World, _: Request, found: Mapping[str, str]) -> Answer:
    """Give the HTML of a mail for its frame, shut in even when it is opened by itself."""
    one = _mail(world, found)
    text = one.text("html")
    if text is None:
        raise RefusedError(pages.problem(404, "No such part", "This mail has no HTML."))
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", _POLICY),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    )
    return Answer(200, f'<!doctype html><base target="_blank">{text}'.encode(), headers)


def _row(one: Mail) -> str:
    subject, to, date = (pages.e(one.header(name)) for name in ("Subject", "To", "Date"))
    link = f'<a href="{HERE}/{quote(one.name)}">{subject or "(no subject)"}</a>'
    return f'<div class="event">{link}<p>To {to}, {date}</p></div>'


def _mail(world: World, found: Mapping[str, str]) -> Mail:
    for one in _newest(world.mail) if world.mail else ():
        if one.name == unquote(found["name"]):
            return one
    raise RefusedError(pages.problem(404, "No such mail", "The folder has no mail of this name."))


def _newest(folder: Path) -> list[Mail]:
    files = [file for file in folder.glob("*") if file.suffix in {".log", ".eml"} and file.is_file()]
    mails = [mail for file in files for mail in _in(file)]
    return sorted(mails, key=lambda one: (one.at, len(one.name), one.name), reverse=True)[:MOST_SHOWN]


def _in(file: Path) -> Iterator[Mail]:
    raw, at = file.read_bytes(), file.stat().st_mtime
    parts = _BETWEEN.split(raw) if file.suffix == ".log" else [raw]
    for number, part in enumerate(part for part in parts if part.strip()):
        yield Mail(f"{file.name}-{number}", BytesParser(EmailMessage, policy=policy.default).parsebytes(part), at)


def _linked(text: str) -> str:
    pieces, end = [], 0
    for link in _LINK.finditer(text):
        address = pages.e(link[0])
        pieces += [
            pages.e(text[end : link.start()]),
            f'<a href="{address}" target="_blank" rel="noreferrer">{address}</a>',
        ]
        end = link.end()
    return "".join([*pieces, pages.e(text[end:])])


def _decoded(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset, "replace")
    except (LookupError, UnicodeError):
        return raw.decode("utf-8", "replace")
