"""What tests of downloads may ask for."""

from __future__ import annotations

import pytest

from . import calls


@pytest.fixture(params=[False, True], ids=["own_thread", "calling_thread"])
def either_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Have the first connection of `calls.fetch` on a thread of its own, then on the one that calls."""
    is_calling: bool = request.param
    monkeypatch.setitem(calls.DEFAULTS, "on_calling_thread", is_calling)
    return is_calling
