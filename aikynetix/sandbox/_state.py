"""What the sandbox's two applications share: settings, the progress of the sessions, the stored videos, the records."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._sessions import UNKNOWN, ApiResponse, SandboxSession, respond
from ._signing import sign
from ._storage import StoredObject, stored_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ._recording import RecordedRequest


_ATTACHMENT = ("response-content-disposition", "attachment; filename=analyzed_video.mp4")
_KEPT_REQUESTS = 10_000


@dataclass
class State:
    """See `Sandbox` for the settings. The thread of the servers alone looks up and notes what sessions are asked."""

    api_key: str
    token: str
    url_lifetime: int
    latency: float
    polls: int
    video: bytes
    sessions: dict[str, SandboxSession]
    clock: Callable[[], datetime]
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(20), repr=False)
    storage_url: str = ""
    requests: deque[RecordedRequest] = field(default_factory=lambda: deque(maxlen=_KEPT_REQUESTS))
    _left: dict[str, int | None] = field(default_factory=dict)
    _objects: dict[str, StoredObject] = field(default_factory=dict)

    def reset(self) -> None:
        """Forgets every request."""
        self._left.clear()
        self.requests.clear()

    def respond(self, session_id: str, generates: bool) -> ApiResponse:
        """Decides (and remembers) the response for a session; the flag asks for its video to be made."""
        session = self.sessions.get(session_id, UNKNOWN)
        given, self._left[session.id] = respond(session, generates, self._left.get(session.id), self.polls)
        return given

    def signed_url(self, session_id: str, as_attachment: bool) -> str:
        """Makes the URL of a session's video, perhaps one that a browser saves instead of showing it."""
        extra = (_ATTACHMENT,) if as_attachment else ()
        return sign(self.storage_url, _path_of(session_id), self.secret, self.clock(), self.url_lifetime, extra)

    def find(self, path: str) -> StoredObject | None:
        """Gives the object at a percent-encoded path."""
        session = next((one for one in self.sessions.values() if path == _path_of(one.id)), UNKNOWN)
        seen, _ = respond(session, False, self._left.get(session.id), self.polls)
        if not seen.with_url:
            return None
        if session.id not in self._objects:
            self._objects[session.id] = stored_object(self.video if session.video is None else session.video)
        return self._objects[session.id]


def _path_of(session_id: str) -> str:
    return f"/aikynetix-sandbox/sessions/{quote(session_id, safe='-_.~')}/analyzed_video.mp4"
