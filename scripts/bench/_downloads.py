"""Commands that fetch one file, beside the facade doing the same."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from . import _machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def video_url(base_url: str) -> str:
    """Return the signed URL of the server's video."""
    from ._server import QUERY

    return f"{base_url}/bucket/analyzed_video.mp4?{QUERY}"


def command(words: Sequence[str], target: Path) -> Callable[[], dict[str, float]]:
    """Return a measure of a command that writes ``target``."""

    def measure() -> dict[str, float]:
        target.unlink(missing_ok=True)
        return _machine.process(words) | {"size": float(target.stat().st_size)}

    return measure


def facade(kind: str, base_url: str, target: Path, **variables: str) -> Callable[[], dict[str, float]]:
    """Return a measure of a download by the facade."""

    def measure() -> dict[str, float]:
        target.unlink(missing_ok=True)
        taken = _machine.client(_machine.plain(), kind, base_url, str(target), **variables)
        return {
            "seconds": taken["seconds"],
            "cpu_s": taken["cpu_us"] / 1e6,
            "size": taken["size"],
            "peak_mib": taken["peak_mib"],
        }

    return measure


def installed(name: str) -> bool:
    """Whether the machine has the command ``name``."""
    return shutil.which(name) is not None
