"""Whether there is something to read on an idle connection: data, or that its other end has closed it."""

from __future__ import annotations

import select
from typing import Any


def is_readable(sock: Any) -> bool:
    """Return whether reading from the socket ``sock`` would not block, or whether it is closed already."""
    try:
        if hasattr(sock, "pending") and sock.pending():  # decrypted, but not read
            return True
        if not hasattr(select, "poll"):  # on Windows, whose select takes any descriptor
            return bool(select.select([sock], [], [], 0)[0])
        poll = select.poll()  # unlike select, it takes descriptors over 1,023
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, ValueError, TypeError):
        return True
