"""From what goes wrong on a connection to httpx's exceptions, in one table."""

from __future__ import annotations

import h11
import httpx

CONNECT, READ, WRITE = "connect", "read", "write"

_TABLE: dict[str, tuple[tuple[type[Exception], type[httpx.RequestError]], ...]] = {
    # A host's name that no resolver takes is a UnicodeError; certificates and handshakes fail as an OSError.
    CONNECT: (
        (TimeoutError, httpx.ConnectTimeout),
        (OSError, httpx.ConnectError),
        (EOFError, httpx.ConnectError),
        (UnicodeError, httpx.ConnectError),
    ),
    READ: ((TimeoutError, httpx.ReadTimeout), (OSError, httpx.ReadError), (EOFError, httpx.ReadError)),
    WRITE: ((TimeoutError, httpx.WriteTimeout), (OSError, httpx.WriteError), (EOFError, httpx.WriteError)),
}
FAULTS = (OSError, EOFError, UnicodeError)
"""What `fault` has an answer for; `TimeoutError` is an `OSError`."""


def fault(phase: str, error: Exception) -> httpx.RequestError:
    """Return httpx's exception for ``error`` in ``phase``, one of `CONNECT`, `READ` and `WRITE`."""
    for kind, ours in _TABLE[phase]:
        if isinstance(error, kind):
            return ours(str(error) or type(error).__name__)
    return httpx.ReadError(type(error).__name__)


def protocol_fault(error: h11.ProtocolError) -> httpx.ProtocolError:
    """Return httpx's exception for a breach of HTTP/1.1.

    h11's text ends in the offending bytes, which may be the credential: a header that cannot be sent, or an answer that
    echoes it. They are left out, and so that they do not come back as its cause, so is ``error``.
    """
    said = str(error).partition(":")[0]
    if isinstance(error, h11.RemoteProtocolError):
        return httpx.RemoteProtocolError(f"the server does not speak HTTP/1.1 properly ({said[:100]})")
    what = "header" if "header" in said.lower() else "request"
    return httpx.LocalProtocolError(
        f"a {what} cannot be sent: it has characters or a length that HTTP/1.1 does not allow"
    )
