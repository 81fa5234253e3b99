"""Playing a video: what is started, with what, and what when there is nothing."""

from __future__ import annotations

import stat
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from aikynetix._cli.open import cache_folder

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

    from .conftest import Command

HOME = Path("/mnt/ada")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "aikynetix"


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {}, "/mnt/ada/.cache/aikynetix"),
        ("linux", {"XDG_CACHE_HOME": "/var/cache/ada"}, "/var/cache/ada/aikynetix"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/mnt/ada/.cache/aikynetix"),
        ("darwin", {}, "/mnt/ada/Library/Caches/aikynetix"),
        ("win32", {}, "/mnt/ada/AppData/Local/aikynetix"),
    ],
)
def test_videos_are_kept_where_the_system_keeps_caches(platform: str, environ: dict[str, str], folder: str) -> None:
    """They may be thrown away there."""
    assert PurePosixPath(cache_folder(platform, environ, HOME)) == PurePosixPath(folder)


def test_the_player_gets_the_file_and_never_the_signed_url(sandbox: Sandbox, command: Command, cache: Path) -> None:
    """Arguments are seen by everybody on the machine; a path gives nobody access. --print only fetches, and afresh."""
    script = "import sys, pathlib; path = pathlib.Path(sys.argv[1]); path.with_suffix('.seen').write_text(path.name)"
    ran = command("open", sandbox.sessions["jump"], "--player", f'"{sys.executable}" -c "{script}"')
    path = Path(ran.out.strip())
    assert (ran.code, path.parent, path.read_bytes()) == (0, cache, sandbox.video)
    assert path.with_suffix(".seen").read_text() == path.name
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    path.with_suffix(".seen").unlink()
    assert command("open", sandbox.sessions["jump"], "--print")[:2] == (0, ran.out)
    assert [file.name for file in cache.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("player", "code", "said"),
    [
        ("", 2, "--player"),
        ('"', 2, "--player"),
        ("/nonexistent/player", 1, "cannot start"),
        (f'"{sys.executable}" -c "raise SystemExit(3)"', 1, "exit code 3"),
    ],
)
def test_a_player_that_does_not_play_is_told(
    sandbox: Sandbox, command: Command, cache: Path, player: str, code: int, said: str
) -> None:
    """One line, with the option's name where it is the option's fault; what was fetched is there all the same."""
    ran = command("open", sandbox.sessions["jump"], "--player", player)
    assert (ran.code, ran.err.count("\n")) == (code, 1)
    assert said in ran.err
    assert cache.exists() is (code == 1)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these systems always have one")
def test_a_machine_without_a_player_is_told_before_anything_is_fetched(
    sandbox: Sandbox, command: Command, cache: Path
) -> None:
    """With the two ways out."""
    ran = command("open", sandbox.sessions["jump"], PATH="")
    assert (ran.code, ran.out) == (1, "")
    assert "--player" in ran.err
    assert "--print" in ran.err
    assert not sandbox.requests
    assert not cache.exists()
