"""Puts an answer on the wire in its manner: whole, not at all, reset, drop by drop or without end."""

import gzip
import socket
import struct
import threading
import time
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase

from tests.sandbox.messages import Answer, Request

COMPRESSED_FROM = 256
_CHUNK = b"x" * 65_536
_NO_LINGER = struct.pack("ii", 1, 0)


def prepared(request: Request, answer: Answer) -> Answer:
    """Compress what is worth it when the caller accepts gzip."""
    accepts = "gzip" in str(request.headers.get("Accept-Encoding", "")).lower()
    if not accepts or len(answer.body) < COMPRESSED_FROM or answer.manner.how != "whole":
        return answer
    headers = (*answer.headers, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return replace(answer, body=gzip.compress(answer.body, 1, mtime=0), headers=headers)


def head(answer: Answer, *more: str) -> bytes:
    """Write the status line and headers."""
    phrase = HTTPStatus(answer.status).phrase
    lines = [f"HTTP/1.1 {answer.status} {phrase}", f"Date: {formatdate(time.time(), usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    return "\r\n".join([*lines, *more, "", ""]).encode("latin-1", "replace")


def whole(wire: BufferedIOBase, answer: Answer, *, with_body: bool, last: bool) -> None:
    """Send everything in one piece."""
    more = [f"Content-Length: {len(answer.body)}"] + (["Connection: close"] if last else [])
    wire.write(head(answer, *more) + (answer.body if with_body else b""))


def drip(wire: BufferedIOBase, answer: Answer, stop: threading.Event) -> None:
    """Promise the whole body and send a byte at a time, until the time is over."""
    wire.write(head(answer, f"Content-Length: {len(answer.body)}"))
    turns = int(answer.manner.seconds / max(answer.manner.every, 0.001))
    for at in range(min(turns, len(answer.body))):
        if stop.wait(answer.manner.every):
            return
        wire.write(answer.body[at : at + 1])


def huge(wire: BufferedIOBase, answer: Answer, stop: threading.Event) -> None:
    """Send megabytes of JSON that never close, in chunks, and leave without the last one."""
    wire.write(head(answer, "Transfer-Encoding: chunked"))
    start = b'{"padding":"'
    wire.write(b"%x\r\n%s\r\n" % (len(start), start))
    for _ in range(int(answer.manner.megabytes * 16)):
        if stop.is_set():
            return
        wire.write(b"%x\r\n%s\r\n" % (len(_CHUNK), _CHUNK))


def reset(connection: socket.socket) -> None:
    """Make closing the connection a reset (RST) instead of a goodbye (FIN)."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
