"""What a killed process leaves, and what the next one makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kills import torment

if TYPE_CHECKING:
    from pathlib import Path


def test_a_killed_download_goes_on_where_it_was(tmp_path: Path) -> None:
    """After SIGKILLs at random moments the file is right, and nothing that the journal held was asked for again."""
    files = torment(seed=3, kills=6, size=24 << 20, folder=tmp_path)
    journaled = [held for file in files for held in file.journaled]
    assert len(journaled) == 6
    assert all(file.right for file in files)
    assert sum(file.asked_again for file in files) == 0
    assert max(journaled) > 1 << 20
