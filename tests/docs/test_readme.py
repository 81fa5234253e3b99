"""The README's blocks are run, every one of them, against the sandbox.

How a block is run follows from what it is:

- ``python``: as a script in an empty folder; one that defines tests is run by pytest.
- ``sh``: by bash, stopping at the first command that fails. ``make`` lines are dry runs in the repository, which fail
  on targets that do not exist; ``pip install`` lines are held against pyproject.toml; everything else is executed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import attrs
import pytest

import aikynetix

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Shell functions win over programs of the same name.
PREAMBLE = """
make() { command make --directory "$ROOT" --dry-run "$@" >/dev/null; }
pip() { python "$ROOT/tests/docs/pip_line.py" "$@"; }
"""


class Block(NamedTuple):
    line: int
    language: str
    code: str


def blocks() -> list[Block]:
    found = re.finditer(r"^```(.*)\n([\s\S]*?)^```$", README, re.MULTILINE)
    return [Block(README[: match.start()].count("\n") + 1, match[1], match[2]) for match in found]


def run(command: list[str], folder: Path, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, **sandbox.env, "PATH": path, "ROOT": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"line-{block.line}-{block.language}")
def test_a_block_of_the_readme_runs(block: Block, tmp_path: Path, aikynetix_sandbox: Sandbox) -> None:
    """It ends without an error, warnings included, and a block in an unknown language is one."""
    if block.language == "sh":
        command = ["bash", "-euo", "pipefail", "-c", PREAMBLE + block.code]
    elif block.language == "python" and "\ndef test_" in block.code:
        (tmp_path / "test_block.py").write_text(block.code, "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "test_block.py"]
    else:
        assert block.language == "python"
        (tmp_path / "block.py").write_text(block.code, "utf-8")
        command = [sys.executable, "-X", "dev", "-W", "error", "block.py"]
    ran = run(command, tmp_path, aikynetix_sandbox)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"


def test_the_python_blocks_pass_a_strict_type_checker(tmp_path: Path) -> None:
    """What a reader copies into an app checks there as well."""
    pytest.importorskip("mypy")
    for block in blocks():
        if block.language == "python":
            (tmp_path / f"line_{block.line}.py").write_text(block.code, "utf-8")
    cache = ROOT / ".cache" / "mypy-readme"
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}", "."]
    environ = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, (ROOT, ROOT / "generated")))}
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stdout


def test_python_blocks_say_what_they_found(tmp_path: Path, aikynetix_sandbox: Sandbox) -> None:
    """A block that prints nothing would show a reader nothing."""
    first = next(block for block in blocks() if block.language == "python")
    (tmp_path / "block.py").write_text(first.code, "utf-8")
    printed = run([sys.executable, "block.py"], tmp_path, aikynetix_sandbox).stdout
    assert printed.startswith(f"jump.mp4 {len(aikynetix_sandbox.video)} ")


def test_the_shell_preamble_lets_no_wrong_line_pass(tmp_path: Path, aikynetix_sandbox: Sandbox) -> None:
    """Neither a target nor an extra that does not exist, nor an exit code other than the one that is told."""
    for line in (
        "make no-such-target",
        "pip install '.[no-such-extra]'",
        "pip uninstall x",
        "aikynetix url session-jump && test 1 -eq 2",
    ):
        assert run(["bash", "-euo", "pipefail", "-c", PREAMBLE + line], tmp_path, aikynetix_sandbox).returncode != 0


def test_no_fence_is_left_out() -> None:
    """Every fence belongs to a block that was found."""
    assert README.count("```") == 2 * len(blocks()) > 0


def test_the_table_of_extras_is_complete() -> None:
    """Each extra for users is named, and none that does not exist."""
    table = README.split("| extra | adds |", 1)[1].split("\n\n", 1)[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert named == set(PROJECT["optional-dependencies"]) - {"dev"}


def test_every_error_class_is_in_the_table_and_exists() -> None:
    """A reader finds what an `except` may name."""
    public = {name for name in aikynetix.__all__ if name.endswith("Error")}
    named = set(re.findall(r"`(\w+Error)`", README))
    assert public - named == {"APIError"}
    assert named - public == {"ValueError", "TypeError"}


def test_the_figures_of_the_readme_are_those_of_the_code() -> None:
    """Limits and defaults are written in prose; they are held together here."""
    from aikynetix import _body, _config, _retry

    timeout = _config.DEFAULT_TIMEOUT
    assert f"One attempt may take {timeout.read:.0f} seconds, {timeout.connect:.0f} of them for connecting" in README
    assert f"retries for {_retry.BUDGET:.0f} seconds at most" in README
    assert f"{_body.ERROR_LIMIT // 1024} KiB of an error's body, {_body.JSON_LIMIT // 2**20} MiB of JSON" in README
    assert f"| `max_retries=` | | {attrs.fields(_config.Settings).max_retries.default} |" in README


def test_variables_and_commands_that_are_named_exist() -> None:
    """The README tells of no setting that nobody reads."""
    from aikynetix import _config
    from aikynetix._cli._commands import COMMANDS

    variables = {_config.API_KEY_VARIABLE, _config.TOKEN_VARIABLE, _config.BASE_URL_VARIABLE}
    assert set(re.findall(r"AIKYNETIX_\w+", README)) == variables
    assert set(re.findall(r"(?:`|^)aikynetix ([a-z]+)\b", README, re.MULTILINE)) <= set(COMMANDS)
