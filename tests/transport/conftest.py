"""Every scenario runs on both transports, and the asynchronous one on both event loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .wires import RUNNERS

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(params=RUNNERS)
def run(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a scenario on one of the transports; further arguments are the transport's."""
    return RUNNERS[request.param]


@pytest.fixture(params=[name for name in RUNNERS if name != "sync"])
def run_async(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Run a scenario on the asynchronous transport."""
    return RUNNERS[request.param]
