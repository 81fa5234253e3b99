"""How scenarios are written down, and what has to be true of every error."""

from __future__ import annotations

import gzip
import json
import pickle
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aikynetix import AikynetixError, APIStatusError, APITimeoutError
from tests.secrets.hunt import SIGNATURE, finds

from .server import Drip, Flood, Keep, Part, Pause, Script, Stall

if TYPE_CHECKING:
    from collections.abc import Iterator

URL = f"https://storage.googleapis.com/bucket/analyzed_video.mp4?X-Goog-Signature={SIGNATURE}"
PATIENCE = 3.0
"""Seconds that an attempt may take where the server answers at once: a tenth of it is more than a machine's noise."""


@dataclass(frozen=True)
class Scenario:
    """A misbehaviour and how a call must end.

    Attributes:
        name: The session id that chooses it.
        script: What the server does.
        error: The exact class of the exception; None where the call succeeds.
        status: The exception's ``status_code``.
        says: What its text says.
        verb: The method of ``analyzed_videos`` that is called.
        retries: The client's ``max_retries``.
    """

    name: str
    script: Script
    error: type[AikynetixError] | None = None
    status: int | None = None
    says: str = ""
    verb: str = "get"
    retries: int = 0

    @property
    def is_storage(self) -> bool:
        """Whether it is the storage's, met by a download."""
        return self.verb == "download"

    @property
    def is_slow(self) -> bool:
        """Whether the server takes its time."""
        parts = (*self.script.parts, *(self.script.later or ()))
        return self.error is APITimeoutError or any(isinstance(part, Stall | Drip | Pause) for part in parts)

    def budget(self, timeout: float) -> float:
        """Seconds that a call may take with so many for each attempt: 1, 2, 4, then 8 may pass between two of them."""
        return (1 + self.retries) * timeout + sum(min(8.0, 2.0**number) for number in range(self.retries))


def response(
    body: bytes | str | object = b"", *, status: int = 200, headers: str = "", type_: str | None = "application/json"
) -> bytes:
    """A well-formed response with a length; what is neither bytes nor text becomes JSON."""
    content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    typed = f"Content-Type: {type_}\r\n" if type_ else ""
    return f"HTTP/1.1 {status} X\r\n{typed}Content-Length: {len(content)}\r\n{headers}\r\n".encode("latin-1") + content


def answer(body: bytes | str | object = b"", **settings: object) -> Script:
    """A script of one `response`."""
    return Script((response(body, **settings), Keep()))  # type: ignore[arg-type] # passed on as they are


def raw(*parts: Part) -> Script:
    """A script that says exactly this, then closes the connection."""
    return Script(parts)


def then_found(*parts: Part) -> Script:
    """A script that misbehaves once and does its job after that."""
    return Script(parts, (FOUND, Keep()))


def bomb(gibibytes: int) -> tuple[Part, ...]:
    """A gzip stream of zeros: a megabyte on the wire for every gibibyte that it unpacks to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush nothing refers back, so that the same compressed block can be sent any number of times.
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", Flood(block, 1024 * gibibytes))


def zipped(body: bytes) -> bytes:
    """The same as gzip."""
    return gzip.compress(body, mtime=0)


FOUND_BODY = {"analyzed_video_url": URL}
FOUND = response(FOUND_BODY)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Everything that a log, a traceback or a pickle of ``error`` would show."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(getattr(error, "doc", "")))
        if isinstance(error, AikynetixError):
            yield from (repr(vars(error)), pickle.dumps(error).decode("latin-1"))
        if isinstance(error, APIStatusError):
            yield from (repr(error.body), repr(list(error.headers.items())))
        error = error.__cause__ or error.__context__


def assert_presentable(error: BaseException) -> None:
    """One printable text of sensible length, the same after pickling, and no secret in anything it holds."""
    text = str(error)
    assert text
    assert text.isprintable()
    assert len(text) < 3_000
    assert str(pickle.loads(pickle.dumps(error))) == text
    assert finds("\n".join(texts_of(error))) == []
