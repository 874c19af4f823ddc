"""The post: what workers would mail now, and the links in it."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from django.core import mail

from accounts import tasks
from accounts.models import Letter, SignInRequest


def post() -> list[str]:
    """Send every letter and sign-in link that is due; return the links of the mails sent now, as paths and queries."""
    before = len(mail.outbox)
    for pk in SignInRequest.objects.due().values_list("pk", flat=True):
        tasks.send_sign_in_link(pk)
    for pk in Letter.objects.due().values_list("pk", flat=True):
        tasks.send_letter(pk)
    texts = "".join(str(message.body) for message in mail.outbox[before:])
    return [f"/{link}" for link in re.findall(r"http://testserver/(\S+)", texts)]


def damaged(link: str) -> list[str]:
    """Return a link with its token damaged in every way: missing, cut, longer, changed anywhere, another's shape."""
    parts = urlsplit(link)
    (token,) = parse_qs(parts.query)["token"]
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token) - 1)]
    tokens = ["", token[:-1], token + "A", f":{token}", f"{token}:", token.swapcase(), "x\x00y", "é" * 43, *changed]
    return [parts.path, *(f"{parts.path}?{urlencode({'token': bad})}" for bad in tokens)]


def with_token_of(link: str, other: str) -> str:
    """Return `link` with the token of another one."""
    return f"{urlsplit(link).path}?{urlsplit(other).query}"
