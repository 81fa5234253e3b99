"""What is generated is looked at before it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.regen._document import RefusedError
from scripts.regen._pipeline import build, plan, verify
from tests.first import DOCUMENT

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.regen._facade import Plan


@pytest.fixture
def made(tmp_path: Path) -> tuple[Plan, Path]:
    planned = plan(DOCUMENT.read_bytes(), "openapi.json")
    return planned, build(planned, tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        # The generator writes such modules for some documents and says nothing.
        "x: Missing\n",
        "def (\n",
        "from ..types import Nothing\n",
    ],
)
def test_a_module_that_cannot_be_imported_is_refused(made: tuple[Plan, Path], code: str) -> None:
    """It is not published."""
    planned, package = made
    module = package / "api" / "analyzed_videos" / "get_analyzed_video.py"
    module.write_text(module.read_text("utf-8") + "\n" + code)
    with pytest.raises(RefusedError, match="get_analyzed_video"):
        verify(planned.canonical, package)


def test_a_lost_operation_is_refused(made: tuple[Plan, Path]) -> None:
    """An operation without a module of its own ends the run by its name."""
    planned, package = made
    (package / "api" / "analyzed_videos" / "generate_analyzed_video.py").unlink()
    with pytest.raises(RefusedError, match="POST /session-management/"):
        verify(planned.canonical, package)
