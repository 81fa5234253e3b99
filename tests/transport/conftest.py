"""Every scenario runs on both transports, and the asynchronous one on both event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .wires import ASYNC, SYNC

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(params=SYNC | ASYNC)
def run(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a scenario on one of the transports; further arguments are the transport's."""
    return (SYNC | ASYNC)[request.param]


@pytest.fixture(params=ASYNC)
def run_async(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a scenario on the asynchronous transport."""
    return ASYNC[request.param]
