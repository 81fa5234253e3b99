"""The sandbox itself: settings, state, and the life of its server."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import signal
import time
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Self

from ._api import api
from ._server import BackgroundServer, listening_sockets
from ._sessions import SESSIONS, SandboxSession
from ._spec import PREFIX
from ._state import RecordedRequest, State, application
from ._storage import MAX_LIFETIME, storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

API_KEY = "sandbox-api-key-4f2a"
TOKEN = "sandbox-token-9c1d"  # noqa: S105  # opens nothing but a local sandbox


class Sandbox:
    """The vendor's API and its storage host as two real HTTP servers on the loopback address.

    ::

        from aikynetix.sandbox import Sandbox

        with Sandbox() as sandbox:
            sandbox.base_url, sandbox.api_key, sandbox.sessions["jump"]

    The servers run in a background thread. They are ready when the ``with`` block begins and gone when it ends; a
    sandbox may be entered again after that, with fresh state. Nothing outside the object is changed: no environment
    variable, no logging configuration.

    Args:
        api_key: The key that the API accepts.
        token: The bearer token that the API accepts.
        url_lifetime: Seconds until a signed URL expires, 1 to 604800.
        latency: Seconds that the API waits before each response, 0 or more.
        polls: How many GETs after a POST still get 404 for sessions that are not generated yet.
        video: The bytes that the storage serves; by default a few seconds of H.264 that ship with the package.
        extra_sessions: Further sessions; one with the id of a built-in session replaces it.
        api_port: The API's TCP port; 0 takes a free one.
        storage_port: The storage's TCP port; 0 takes a free one.
        clock: Gives the present moment, aware; URLs are signed and judged by it. By default the system's.

    Attributes:
        api_key: The key that the API accepts.
        token: The bearer token that the API accepts.
        video: The bytes that the storage serves for the sessions without a video of their own.

    Raises:
        ValueError: A setting is out of its range.
        RuntimeError: By everything that tells an address: the sandbox is not running.
    """

    def __init__(
        self,
        *,
        api_key: str = API_KEY,
        token: str = TOKEN,
        url_lifetime: int = 3600,
        latency: float = 0.0,
        polls: int = 2,
        video: bytes | None = None,
        extra_sessions: Iterable[SandboxSession] = (),
        api_port: int = 0,
        storage_port: int = 0,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        if not 1 <= url_lifetime <= MAX_LIFETIME:
            raise ValueError(f"url_lifetime must be 1 to {MAX_LIFETIME} seconds, not {url_lifetime}")
        if latency < 0 or polls < 0:
            raise ValueError(f"latency and polls must be 0 or more, not {latency} and {polls}")
        if not api_key or not token:
            raise ValueError("api_key and token need at least one character")
        sessions = {session.id: session for session in (*SESSIONS.values(), *extra_sessions)}
        # A stick figure's jump, drawn by a program for this project: no person was filmed. H.264, 640 x 640, 4 s.
        default = files("aikynetix.sandbox").joinpath("data", "countermovement_jump.mp4")
        shown = default.read_bytes() if video is None else video
        now = clock or partial(datetime.now, UTC)
        self.api_key: str = api_key
        self.token: str = token
        self.video: bytes = shown
        self._state = State(api_key, token, url_lifetime, latency, polls, shown, sessions, now)
        self._ports = (api_port, storage_port)
        self._server: BackgroundServer | None = None
        self._base_url = ""

    def __repr__(self) -> str:
        return f"Sandbox(base_url={self._base_url!r})" if self._base_url else "Sandbox(stopped)"

    @property
    def base_url(self) -> str:
        """The API's base URL, such as ``http://127.0.0.1:8000``, with the path of the vendor's server behind it."""
        if not self._base_url:
            raise RuntimeError("the sandbox is not running: enter it with `with Sandbox() as sandbox:`")
        return self._base_url

    @property
    def storage_url(self) -> str:
        """The storage host's origin; the signed URLs start with it."""
        return self.base_url and self._state.storage_url

    @property
    def env(self) -> dict[str, str]:
        """The environment variables with which the client and the command find this sandbox."""
        return {"AIKYNETIX_BASE_URL": self.base_url, "AIKYNETIX_API_KEY": self.api_key}

    @property
    def sessions(self) -> dict[str, str]:
        """The session ids by name: the built-in ones by the names of ``SESSIONS``, extra ones by their own id."""
        named = {name: session.id for name, session in SESSIONS.items()}
        return named | {id_: id_ for id_ in self._state.sessions if id_ not in named.values()}

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 10,000 requests, oldest first, with credentials and signatures masked."""
        return tuple(self._state.requests.copy())  # in one step, while the servers' thread may add to it

    def reset(self) -> None:
        """Forgets every request: generated sessions are not generated again, and ``requests`` is empty."""
        self._state.reset()

    def signed_url(self, session_id: str, *, as_attachment: bool = False) -> str:
        """Signs the URL of a session's video, whether the storage has it or not.

        Args:
            session_id: Any session id.
            as_attachment: Whether the response shall have ``Content-Disposition: attachment``.
        """
        _ = self.base_url  # it has to run
        return self._state.signed_url(session_id, as_attachment)

    def start(self) -> None:
        """Starts the server on both ports.

        Raises:
            OSError: A port is taken.
            RuntimeError: The sandbox runs already, or its server did not start.
        """
        if self._server is not None:
            raise RuntimeError("the sandbox is running already")
        sockets = listening_sockets(self._ports)
        port, storage_port = (sock.getsockname()[1] for sock in sockets)
        self._state.storage_url = f"http://127.0.0.1:{storage_port}"
        self.reset()
        quit_event = asyncio.Event()
        stored = partial(storage, self._state.find, self._state.secret, self._state.clock)
        app = application(self._state, port, api(self._state, quit_event), stored)
        self._server = BackgroundServer(app, sockets, quit_event)
        self._base_url = f"http://127.0.0.1:{port}{PREFIX}"
        self._server.start()

    def stop(self) -> None:
        """Stops the server and ends its thread; open connections are cut. Does nothing when it does not run."""
        if self._server is not None:
            # Requests that are under way still ask for the addresses.
            self._server.stop()
            self._server, self._base_url = None, ""

    def serve_forever(self, announce: Callable[[str], None] | None = None) -> None:
        """Runs until the process is interrupted (SIGINT, SIGTERM); to be called from the main thread.

        Args:
            announce: Called once, when the servers accept requests, with a text of several lines: the URLs, the
                credentials to use and the table of the sessions. By default it is printed.

        Raises:
            OSError: A port is taken.
            RuntimeError: The sandbox runs already, or its server did not start.
        """
        # Raising ends the wait below at once; setting an event from a handler could deadlock on the event's own lock.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with self, contextlib.suppress(KeyboardInterrupt):
                (announce or partial(print, flush=True))(self.describe())
                while True:
                    time.sleep(1)  # Windows notices Ctrl-C between two waits, and not within one without an end
        finally:
            signal.signal(signal.SIGTERM, before)

    def describe(self) -> str:
        """Gives the text that ``serve_forever`` announces."""
        rows = [("API", self.base_url), ("Storage", self.storage_url), ("API key", self.api_key)]
        lines = ["The sandbox is running. Press Ctrl-C to stop it.", ""]
        lines += [f"  {label:<12}  {value}" for label, value in [*rows, ("Bearer token", self.token)]]
        lines += ["", "In another shell:", ""]
        lines += [f"  export {name}={shlex.quote(value)}" for name, value in self.env.items()]
        quoted = ((name, value.replace("'", "''")) for name, value in self.env.items())
        lines += ["", "In PowerShell:", "", "  " + "; ".join(f"$env:{name} = '{value}'" for name, value in quoted)]
        width = max(map(len, self._state.sessions))
        lines += ["", "Sessions:", ""]
        lines += [
            f"  {one.id:<{width}}  {one.description or one.outcome.value}" for one in self._state.sessions.values()
        ]
        return "\n".join(lines)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
