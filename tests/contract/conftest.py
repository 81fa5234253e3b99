"""One sandbox for a module, with a clock that stands still."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from aikynetix.sandbox import Sandbox

from .callers import FORMS

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2126, 3, 4, 5, 6, 7, tzinfo=UTC)
"""Far enough in the future that no URL of the sandbox has expired by the clock of this machine."""


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(polls=1, url_lifetime=600, clock=lambda: NOW) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The module's sandbox with fresh state."""
    running.reset()
    return running


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    """Each of the three documented forms of a credential, by its name."""
    name: str = request.param
    return name
