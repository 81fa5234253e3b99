"""A server that breaks the spec in every answer, to show that the judges would say so."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from tests.spec import success

if TYPE_CHECKING:
    from collections.abc import Generator

_BODY = json.dumps(success(5)).encode()  # type: ignore[arg-type]  # a number is the lie


class _Liar(BaseHTTPRequestHandler):
    """200 with a number for a URL, whoever asks, with whatever method; 418 where the path has ``teapot`` in it."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536  # the default sends head and body apart, and the second waits 40 ms for the client's TCP

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(418 if "teapot" in self.path else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_BODY)))
        self.end_headers()
        self.wfile.write(_BODY)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_GET  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def lying() -> Generator[str]:
    """Give the address of a running liar."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Liar) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
