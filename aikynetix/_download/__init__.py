"""The download engine: one synchronous implementation on threads, used by both clients.

The engine itself is loaded when it is first named: an export has asked for its first videos by then.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._types import MAX_BYTES, Cancelled, Options, Source

if TYPE_CHECKING:
    from ._engine import download
    from ._storage import Storage

__all__ = ["MAX_BYTES", "Cancelled", "Options", "Source", "Storage", "download"]

_HOMES = {"Storage": "_storage", "download": "_engine"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return value
