"""A uvicorn server on any number of sockets, in a background thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp

_PATIENCE = 10.0


def listening_sockets(ports: Sequence[int]) -> list[socket.socket]:
    """Opens one listening socket on the loopback address for each port (0 takes a free one), or none at all.

    Raises:
        OSError: The port is taken, or may not be used; its ``filename`` names it.
    """
    with contextlib.ExitStack() as opened:
        # asyncio turns Nagle's algorithm off only where the protocol is named; with it a response takes 40 ms longer.
        kind = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
        sockets = [opened.enter_context(socket.socket(*kind)) for _ in ports]
        for sock, port in zip(sockets, ports, strict=True):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError as error:
                raise OSError(error.errno, f"{error.strerror}; choose another port", f"127.0.0.1:{port}") from None
            sock.listen(1024)
        opened.pop_all()
    return sockets


class _Server(uvicorn.Server):
    """A server that stops when it is told, and not at the next of uvicorn's ten ticks a second."""

    def __init__(self, app: ASGIApp, quit_event: asyncio.Event) -> None:
        config = uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._quit_event = quit_event

    async def main_loop(self) -> None:
        """Serves until told to stop; the ticks would only refresh the date header, which the applications send."""
        await self._quit_event.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cuts what is still open, because a sandbox owes nobody the rest of a body, and then shuts down."""
        loop = asyncio.get_running_loop()
        for sock in (sock for server in self.servers for sock in server.sockets):
            # No new connections; Windows' event loop has no readers, and there the closing alone ends the accepting.
            with contextlib.suppress(NotImplementedError):
                loop.remove_reader(sock.fileno())
        # Connections that are being accepted arrive; closing the server under them would lose their sockets.
        for _ in range(10):
            await asyncio.sleep(0)
        for connection in list(self.server_state.connections):
            transport: asyncio.Transport | None = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)


class BackgroundServer:
    """Serves an application on listening sockets until ``quit_event``; the sockets are closed at the end."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket], quit_event: asyncio.Event) -> None:
        self._app, self._sockets, self._quit_event = app, sockets, quit_event
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="aikynetix-sandbox", daemon=True)

    def start(self) -> None:
        """Starts the thread; requests that come before it serves wait in the sockets."""
        self._thread.start()
        if not self._started.wait(_PATIENCE):
            raise RuntimeError("the sandbox's server did not start")

    def stop(self) -> None:
        """Stops the server and waits for the thread to end."""
        # A loop that has closed by itself has nothing left to be told.
        with contextlib.suppress(AttributeError, RuntimeError):
            self._loop.call_soon_threadsafe(self._quit_event.set)
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            raise RuntimeError("the sandbox's server did not stop")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            for sock in self._sockets:
                sock.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started.set()
        await _Server(self._app, self._quit_event).serve(list(self._sockets))
