"""What the tests of the export share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.download.servers import serving

from .servers import Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def service() -> Iterator[Service]:
    """The API and its storage, for the time of a test."""
    running = Service()
    with serving(running), running.clients:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where to export to; not there yet."""
    return tmp_path / "videos"
