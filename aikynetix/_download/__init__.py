"""The download engine: one synchronous implementation on threads, used by both clients.

The engine itself is loaded when it is first named: a lookup has no use for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._types import MAX_BYTES, OpenUrl, Options

if TYPE_CHECKING:
    from ._destination import file_name
    from ._engine import download

__all__ = ["MAX_BYTES", "Cancelled", "OpenUrl", "Options", "download", "file_name"]

_HOMES = {"download": "_engine", "file_name": "_destination"}


class Cancelled(BaseException):
    """The caller asked the download to stop."""


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_HOMES[name]}", __name__), name)
        return value
