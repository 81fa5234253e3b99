"""What editors see: jedi's completions as in python-lsp-server, Spyder, vim and emacs."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
from aikynetix_api.operations import Api

import aikynetix

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ast.parse((ROOT / "aikynetix" / "__init__.py").read_text("utf-8"))
PUBLIC = set(aikynetix.__all__)
GROUPS = {name for name in vars(Api) if not name.startswith("_")}
VERBS = {"get", "generate", "ensure", "download", "export"}


def test_what_editors_read_is_what_loads() -> None:
    """Every public name loads from where editors find it, and `dir()` shows no other."""
    imports = [node for node in ast.walk(SOURCE) if isinstance(node, ast.ImportFrom) and node.level]
    homes = {alias.name: node.module for node in imports for alias in node.names}
    assert sorted(homes) == aikynetix.__all__ == dir(aikynetix)
    for name, home in homes.items():
        assert getattr(aikynetix, name) is getattr(sys.modules[f"aikynetix.{home}"], name)
    with pytest.raises(AttributeError, match="no attribute 'Aikynetics'"):
        getattr(aikynetix, "Aikynetics")  # noqa: B009 -- misspelt on purpose


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import aikynetix\naikynetix.", PUBLIC - {"__version__"}),
        ("from aikynetix import ", PUBLIC - {"__version__"}),
        ("from aikynetix import Aikynetix\nAikynetix().", {"analyzed_videos", "call", "close", "raw", "with_options"}),
        ("from aikynetix import Aikynetix\nwith Aikynetix() as client:\n    client.analyzed_videos.", VERBS),
        ("from aikynetix import AsyncAikynetix\nclient = AsyncAikynetix()\nclient.analyzed_videos.", VERBS),
        ("from aikynetix import Aikynetix\nAikynetix().api.", GROUPS),
        ("from aikynetix import Aikynetix\nAikynetix().analyzed_videos.get('s').", {"url", "expires_at", "is_expired"}),
        ("from aikynetix import Aikynetix\nfor r in Aikynetix().analyzed_videos.export([], 'x'):\n    r.", {"status"}),
    ],
)
def test_jedi_completes_what_is_public(code: str, expected: set[str], tmp_path: Path) -> None:
    """After a dot every public name is offered, and nothing that is not meant for users."""
    jedi: Any = pytest.importorskip("jedi")
    jedi.settings.cache_directory = str(tmp_path.parent / "jedi")  # the shared one may be half written by another
    completions = jedi.Script(code, path=tmp_path / "app.py", project=jedi.Project(tmp_path)).complete()
    offered = {completion.name for completion in completions if not completion.name.startswith("_")}
    assert expected <= offered
    if expected >= VERBS:
        assert offered <= PUBLIC | VERBS | {"sandbox"}
