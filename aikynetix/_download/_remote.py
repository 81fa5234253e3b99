"""For the exports, until they use the names of `_destination`."""

from ._destination import file_system, move, open_new

__all__ = ["file_system", "move", "open_new"]
