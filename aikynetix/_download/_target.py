"""For the exports, until they use the names of `_destination`."""

from ._destination import local_path, remote_url

__all__ = ["local_path", "remote_url"]
