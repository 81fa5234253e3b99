"""What the sandbox's two applications share: settings, the progress of the sessions, the stored videos, the records."""

from __future__ import annotations

import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ._sessions import UNKNOWN, Answer, Progress, SandboxSession, answer, has_video
from ._signing import SigningKey, sign

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ._recording import RecordedRequest
    from ._storage import StoredObject

__all__ = ["State"]

_BUCKET = "/aikynetix-sandbox/sessions/"
_OBJECT = "/analyzed_video.mp4"
_ATTACHMENT = ("response-content-disposition", "attachment; filename=analyzed_video.mp4")
_KEPT_REQUESTS = 10_000


@dataclass
class State:
    """See `Sandbox` for the settings. Any thread may call the methods."""

    api_key: str
    token: str
    url_lifetime: int
    latency: float
    polls: int
    video: bytes
    sessions: dict[str, SandboxSession]
    clock: Callable[[], datetime]
    key: SigningKey = field(default_factory=lambda: SigningKey("GOOG1ESANDBOX", secrets.token_bytes(20)))
    storage_url: str = ""
    requests: deque[RecordedRequest] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    _progress: dict[str, Progress] = field(default_factory=dict)
    _objects: dict[str, StoredObject] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Forgets every request."""
        with self.lock:
            self._progress.clear()
            self.requests.clear()

    def keep(self, request: RecordedRequest) -> None:
        """Remembers a request."""
        with self.lock:
            self.requests.append(request)

    def answer(self, session_id: str, generates: bool) -> Answer:
        """Decides (and remembers) the answer for a session; the flag asks for its video to be made."""
        session = self.sessions.get(session_id, UNKNOWN)
        with self.lock:
            before = self._progress.get(session.id, Progress())
            given, self._progress[session.id] = answer(session, generates, before, self.polls)
        return given

    def signed_url(self, session_id: str, as_attachment: bool) -> str:
        """Makes the URL of a session's video, perhaps one that a browser saves instead of showing it."""
        extra = (_ATTACHMENT,) if as_attachment else ()
        return sign(self.storage_url, _path_of(session_id), self.key, self.clock(), self.url_lifetime, extra)

    def find(self, path: str) -> StoredObject | None:
        """Gives the object at a percent-encoded path."""
        from ._storage import stored_object

        session = self.sessions.get(unquote(path.removeprefix(_BUCKET).removesuffix(_OBJECT)))
        if session is None or path != _path_of(session.id):
            return None
        with self.lock:
            if not has_video(session, self._progress.get(session.id, Progress()), self.polls):
                return None
            if session.id not in self._objects:
                self._objects[session.id] = stored_object(self.video if session.video is None else session.video)
            return self._objects[session.id]


def _path_of(session_id: str) -> str:
    return f"{_BUCKET}{quote(session_id, safe='-_.~')}{_OBJECT}"
