"""What the command prints when the sandbox has started. Pure."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ._sessions import SandboxSession

__all__ = ["banner"]


def banner(addresses: Mapping[str, str], env: Mapping[str, str], sessions: Iterable[SandboxSession]) -> str:
    """Lays out where the sandbox is, how to reach it from a shell, and what each session does.

    Args:
        addresses: The lines of the first block, value by label.
        env: The environment variables to export.
        sessions: The sessions to list, in order.
    """
    listed = list(sessions)
    width = max(len(label) for label in addresses)
    id_width = max(len(session.id) for session in listed)
    lines = ["The sandbox is running. Press Ctrl-C to stop it.", ""]
    lines += [f"  {label:<{width}}  {value}" for label, value in addresses.items()]
    lines += ["", "In another shell:", ""]
    lines += [f"  export {name}={shlex.quote(value)}" for name, value in env.items()]
    lines += ["", "Sessions:", ""]
    lines += [f"  {session.id:<{id_width}}  {session.description or session.outcome.value}" for session in listed]
    return "\n".join(lines)
