"""What a killed process leaves, and what the next one makes of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .kills import RANGE, torment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform != "linux", reason="what is in flight is read from the kernel's tables, Linux's own")
def test_a_killed_download_goes_on_where_it_was(tmp_path: Path) -> None:
    """After SIGKILLs at random moments the file is right; each cost a range per connection and what was on its way."""
    files = torment(seed=3, kills=6, size=24 << 20, folder=tmp_path)
    kills = [kill for file in files for kill in file.kills]
    assert len(kills) == 6
    assert [file.right for file in files] == [True] * len(files)
    assert sum(file.asked_again for file in files) == 0
    assert [kill for kill in kills if kill.held > kill.connections * RANGE] == []
    assert max(kill.journaled for kill in kills) > RANGE
