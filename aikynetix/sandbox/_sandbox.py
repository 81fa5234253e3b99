"""The sandbox itself: settings, state, and the life of the two servers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
import signal
import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, unquote

from ._sessions import SESSIONS, UNKNOWN, Answer, Progress, SandboxSession, answer, has_video
from ._signing import MAX_LIFETIME, SigningKey, sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from starlette.types import ASGIApp

    from ._recording import RecordedRequest
    from ._server import BackgroundServers
    from ._storage import StoredObject

__all__ = ["Sandbox"]

API_KEY = "sandbox-api-key-4f2a"
TOKEN = "sandbox-token-9c1d"  # noqa: S105  # opens nothing but a local sandbox
_BUCKET = "/aikynetix-sandbox/sessions/"
_OBJECT = "/analyzed_video.mp4"
_ATTACHMENT = ("response-content-disposition", "attachment; filename=analyzed_video.mp4")
_KEPT_REQUESTS = 10_000


def print_now(text: str) -> None:
    """Prints and flushes, because whoever reads the URLs through a pipe waits for them."""
    print(text, flush=True)


def utc_now() -> datetime:
    """Gives the present moment in UTC."""
    return datetime.now(UTC)


@cache
def _default_video() -> bytes:
    return files("aikynetix.sandbox").joinpath("data", "countermovement_jump.mp4").read_bytes()


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
        latency: Seconds that the API waits before each answer, 0 or more.
        polls: How many GETs after a POST are still answered with 404 for sessions that are not generated yet.
        video: The bytes that the storage serves; by default a few seconds of H.264 that ship with the package.
        extra_sessions: Further sessions; one with the id of a built-in session replaces it.
        api_port: The API's TCP port; 0 takes a free one.
        storage_port: The storage's TCP port; 0 takes a free one.
        clock: Gives the present moment, aware; URLs are signed and judged by it.

    Raises:
        ValueError: A setting is out of its range.
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
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if not 1 <= url_lifetime <= MAX_LIFETIME:
            raise ValueError(f"url_lifetime must be 1 to {MAX_LIFETIME} seconds, not {url_lifetime}")
        if latency < 0 or polls < 0:
            raise ValueError(f"latency and polls must be 0 or more, not {latency} and {polls}")
        if not api_key or not token:
            raise ValueError("api_key and token need at least one character")
        self.api_key = api_key
        self.token = token
        self._url_lifetime = url_lifetime
        self._latency = latency
        self._polls = polls
        self._video = video
        self._by_id = {session.id: session for session in (*SESSIONS.values(), *extra_sessions)}
        self._ports = (api_port, storage_port)
        self._clock = clock
        self._key = SigningKey("GOOG1ESANDBOX", secrets.token_bytes(20))
        self._objects: dict[str, StoredObject] = {}
        self._lock = threading.Lock()
        self._progress: dict[str, Progress] = {}
        self._requests: deque[RecordedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._servers: BackgroundServers | None = None
        self._origins: tuple[str, str] | None = None

    def __repr__(self) -> str:
        """Names the sandbox by its base URL, without the key."""
        return f"Sandbox(base_url={self._origins[0]!r})" if self._origins else "Sandbox(stopped)"

    @property
    def base_url(self) -> str:
        """The API's base URL, such as ``http://127.0.0.1:8000``, with the path of the vendor's server behind it.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return self._running()[0]

    @property
    def storage_url(self) -> str:
        """The storage host's origin; the signed URLs start with it.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return self._running()[1]

    @property
    def env(self) -> dict[str, str]:
        """The environment variables with which the client and the command find this sandbox.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return {"AIKYNETIX_BASE_URL": self.base_url, "AIKYNETIX_API_KEY": self.api_key}

    @property
    def sessions(self) -> dict[str, str]:
        """The session ids by name: the built-in ones by the names of ``SESSIONS``, extra ones by their own id."""
        named = {name: session.id for name, session in SESSIONS.items()}
        return named | {id_: id_ for id_ in self._by_id if id_ not in named.values()}

    @property
    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last 10,000 answered requests, oldest first, with credentials and signatures masked."""
        with self._lock:
            return tuple(self._requests)

    @property
    def video(self) -> bytes:
        """The bytes that the storage serves for the sessions without a video of their own."""
        return _default_video() if self._video is None else self._video

    def reset(self) -> None:
        """Forgets every request: generated sessions are not generated again, and ``requests`` is empty."""
        with self._lock:
            self._progress.clear()
            self._requests.clear()

    def signed_url(self, session_id: str, *, as_attachment: bool = False) -> str:
        """Signs the URL of a session's video, whether the storage has it or not.

        Args:
            session_id: Any session id.
            as_attachment: Whether the answer shall have ``Content-Disposition: attachment``.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        extra = (_ATTACHMENT,) if as_attachment else ()
        return sign(self.storage_url, _object_path(session_id), self._key, self._clock(), self._url_lifetime, extra)

    def start(self) -> None:
        """Starts the servers; returns when they accept requests.

        Raises:
            OSError: A port is taken.
            RuntimeError: The sandbox runs already, or the servers did not start.
        """
        if self._servers is not None:
            raise RuntimeError("the sandbox is running already")
        # uvicorn and starlette are slow to import, and whoever only names the sandbox need not wait for them.
        from ._server import BackgroundServers, listening_sockets
        from ._spec import PREFIX

        sockets = listening_sockets(self._ports)
        api, storage = (f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets)
        self.reset()
        quit_event = asyncio.Event()
        servers = BackgroundServers(list(zip(self._apps(quit_event), sockets, strict=True)), quit_event)
        self._origins = (api + PREFIX, storage)
        self._servers = servers
        try:
            servers.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops the servers and ends their thread; open connections are cut. Does nothing when they do not run."""
        if self._servers is not None:
            # Requests that are being answered still ask for the addresses.
            self._servers.stop()
            self._servers, self._origins = None, None

    def serve_forever(self, announce: Callable[[str], None] = print_now) -> None:
        """Runs until the process is interrupted (SIGINT, SIGTERM); to be called from the main thread.

        Args:
            announce: Called once, when the servers accept requests, with a text of several lines: the URLs, the
                credentials to use and the table of the sessions.

        Raises:
            OSError: A port is taken.
            RuntimeError: The sandbox runs already, or the servers did not start.
        """
        # Raising ends the wait below at once; setting an event from a handler could deadlock on the event's own lock.
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with self, contextlib.suppress(KeyboardInterrupt):
                announce(self.describe())
                while True:
                    time.sleep(1)  # Windows notices Ctrl-C between two waits, and not within one without an end
        finally:
            signal.signal(signal.SIGTERM, before)

    def describe(self) -> str:
        """Gives the text that ``serve_forever`` announces.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        rows = [("API", self.base_url), ("Storage", self.storage_url), ("API key", self.api_key)]
        lines = ["The sandbox is running. Press Ctrl-C to stop it.", ""]
        lines += [f"  {label:<12}  {value}" for label, value in [*rows, ("Bearer token", self.token)]]
        lines += ["", "In another shell:", ""]
        lines += [f"  export {name}={shlex.quote(value)}" for name, value in self.env.items()]
        quoted = ((name, value.replace("'", "''")) for name, value in self.env.items())
        lines += ["", "In PowerShell:", "", "  " + "; ".join(f"$env:{name} = '{value}'" for name, value in quoted)]
        width = max(map(len, self._by_id))
        lines += ["", "Sessions:", ""]
        lines += [f"  {one.id:<{width}}  {one.description or one.outcome.value}" for one in self._by_id.values()]
        return "\n".join(lines)

    def __enter__(self) -> Self:
        """Starts the servers."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the servers."""
        self.stop()

    def _running(self) -> tuple[str, str]:
        if self._origins is None:
            raise RuntimeError("the sandbox is not running: enter it with `with Sandbox() as sandbox:`")
        return self._origins

    def _apps(self, quit_event: asyncio.Event) -> tuple[ASGIApp, ASGIApp]:
        from ._api import ApiBackend, api_app
        from ._recording import recorded
        from ._storage import StorageBackend, storage_app

        async def wait() -> None:
            if self._latency:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(quit_event.wait(), self._latency)

        api = api_app(ApiBackend(self.api_key, self.token, self._answer, self._sign, wait))
        storage = storage_app(StorageBackend(self._key, self._clock, self._find))
        known = (self.api_key, self.token)
        return (
            recorded(api, "api", known, self._clock, self._keep),
            recorded(storage, "storage", known, self._clock, self._keep),
        )

    def _keep(self, request: RecordedRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def _answer(self, session_id: str, generates: bool) -> Answer:
        session = self._by_id.get(session_id, UNKNOWN)
        with self._lock:
            before = self._progress.get(session.id, Progress())
            given, self._progress[session.id] = answer(session, generates, before, self._polls)
        return given

    def _sign(self, session_id: str, as_attachment: bool) -> str:
        return self.signed_url(session_id, as_attachment=as_attachment)

    def _find(self, path: str) -> StoredObject | None:
        from ._storage import stored_object

        session = self._by_id.get(unquote(path.removeprefix(_BUCKET).removesuffix(_OBJECT)))
        if session is None or path != _object_path(session.id):
            return None
        with self._lock:
            if not has_video(session, self._progress.get(session.id, Progress()), self._polls):
                return None
            if session.id not in self._objects:
                self._objects[session.id] = stored_object(self.video if session.video is None else session.video)
            return self._objects[session.id]


def _object_path(session_id: str) -> str:
    return f"{_BUCKET}{quote(session_id, safe='-_.~')}{_OBJECT}"
