"""The HTTP server: threads, keep-alive, one write for each answer, and an end that leaves nothing behind."""

import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox import deliver, messages, routes
from tests.sandbox.calls import Call
from tests.sandbox.messages import Answer, Request
from tests.sandbox.world import World

MOST_BYTES = 20 * 1024 * 1024


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Listens for one world; `after` is called when an answer has been made and before it goes out."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], world: World, after: Callable[[], None]) -> None:
        self.world = world
        self.after = after
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread of its own, and know of both before it starts."""
        serve = self.process_request_thread
        thread = threading.Thread(target=serve, args=(request, client_address), daemon=True)
        with self._open_lock:
            self._open[request] = thread
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, and know of it as long as it is open."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._open_lock:
                self._open.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection; one that is to be reset must not say goodbye first."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER):
            request.close()
        else:
            super().shutdown_request(request)

    def hang_up(self) -> None:
        """Break every open connection and wait for its thread to end."""
        with self._open_lock:
            still = list(self._open.items())
        for connection, _ in still:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for _, thread in still:
            thread.join(timeout=2.0)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        """Serve until the other side has gone."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def finish(self) -> None:
        """Close the streams; what could not be sent any more is let go."""
        try:
            super().finish()
        except ConnectionError:
            self.close_connection = True

    def serve(self) -> None:
        """Read one request and send its answer."""
        request = self._read()
        if request is None:
            return
        answer, call = routes.answer(self.server.world, request)
        self.server.after()
        self._call_back(call)
        self.server.world.courier.wait_for_urgent()
        self._send(deliver.prepared(request, answer), call)

    # The names are those that http.server looks for.
    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815
    do_HEAD = do_PATCH = do_OPTIONS = serve  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Say nothing: the calls are written down."""

    def _read(self) -> Request | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            status = 413 if length.isdecimal() and int(length) > MOST_BYTES else 411
            deliver.whole(self.wfile, messages.as_html(f"{status}", status), with_body=True, last=True)
            return None
        body = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        query = messages.fields_of(parts.query)
        return Request(self.command, parts.path, query, self.headers, body, self.client_address[0])

    def _call_back(self, call: Call | None) -> None:
        world = self.server.world
        with world.lock:
            taken = world.callbacks.take(call.kind) if call else []
        for callback in taken:
            world.callbacks.run(callback)

    def _send(self, answer: Answer, call: Call | None) -> None:
        manner = answer.manner
        stop = self.server.world.disturbances.calmed
        if manner.delay:
            stop.wait(manner.delay)
        if manner.how in {"nothing", "reset"}:
            self.close_connection = True
            if manner.how == "reset":
                deliver.reset(self.connection)
            return
        if call:
            call.status = answer.status
        if manner.how == "whole":
            with_body = self.command != "HEAD"
            deliver.whole(self.wfile, answer, with_body=with_body, last=self.close_connection)
            return
        self.close_connection = True
        (deliver.drip if manner.how == "drip" else deliver.huge)(self.wfile, answer, stop)
