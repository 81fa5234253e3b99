"""The download engine: one synchronous implementation on threads, used by both clients."""

from ._destination import file_name
from ._engine import MAX_BYTES, OpenUrl, Options, download

__all__ = ["MAX_BYTES", "OpenUrl", "Options", "download", "file_name"]
