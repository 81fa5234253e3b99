"""The blocks of the README and of the guides are run, every one of them, against the sandbox.

How a block is run follows from what it is:

- ``python``: as a script in an empty folder; one that defines tests is run by pytest, a recipe for a web framework is
  asked for a video.
- ``sh``: by bash, stopping at the first command that fails. ``make`` lines are dry runs in the repository, which fail
  on targets that do not exist; installations are held against pyproject.toml; everything else is executed.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import aikynetix_api
import pytest

import aikynetix
from aikynetix._cli._app import COMMANDS

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
GUIDES = {path.stem: path.read_text("utf-8") for path in (ROOT / "README.md", *ROOT.glob("scripts/docs/*.md"))}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LONGEST_README = 350

# Shell functions win over programs of the same name.
PREAMBLE = """
make() { command make --directory "$ROOT" --dry-run "$@" >/dev/null; }
pip() { :; }
pipx() { :; }
"""
INSTALL = re.compile(r"install '\.(?:\[([\w,]+)\])?'")
# What stands around a recipe: its framework's settings before, a visitor after.
FASTAPI = """{}
import warnings
with warnings.catch_warnings(action="ignore"):  # its client is on its way to httpx2
    from fastapi.testclient import TestClient

with TestClient(app) as visitor:
    assert visitor.get("/videos/session-jump").content[4:8] == b"ftyp"
    assert [visitor.get(f"/videos/{{id_}}").status_code for id_ in ("session-unknown", "%20")] == [404, 404]
"""
DJANGO = """import django
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="__main__", MEDIA_ROOT=".")
django.setup()
{}
from django.test import Client

visitor = Client()
assert b"".join(visitor.get("/videos/session-jump").streaming_content)[4:8] == b"ftyp"
assert [visitor.get(f"/videos/{{id_}}").status_code for id_ in ("session-unknown", "%20")] == [404, 404]
"""
RECIPES = {"\nfrom fastapi import": FASTAPI, "\nfrom django.": DJANGO}


class Block(NamedTuple):
    guide: str
    line: int
    language: str
    code: str


def blocks() -> list[Block]:
    found = [
        Block(guide, text[: match.start()].count("\n") + 1, match[1], match[2])
        for guide, text in GUIDES.items()
        for match in re.finditer(r"^```(.*)\n([\s\S]*?)^```$", text, re.MULTILINE)
    ]
    assert sum(text.count("```") for text in GUIDES.values()) == 2 * len(found), "a fence is left out"
    return found


PYTHON = [block for block in blocks() if block.language == "python"]


def run(command: list[str], folder: Path, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {**os.environ, **sandbox.env, "PATH": path, "ROOT": str(ROOT), "XDG_CACHE_HOME": str(folder / "cache")}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # those of the tools of this repository
    return subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def gone_from_the_document(code: str) -> str | None:
    """Return what code uses that is not generated, or not so: that is the vendor's to change, and no fault here."""
    for module, name in re.findall(r"from (aikynetix_api[\w.]*) import (\w+)", code):
        if find_spec(module) is None or find_spec(f"{module}.{name}") is None:
            return str(name)
    for group, name in re.findall(r"client\.api\.(\w+)\.(\w+)\(", code):
        method: Any = getattr(getattr(aikynetix.Aikynetix(api_key="k").api, group, None), name, None)
        try:
            inspect.signature(method).bind("session")
        except TypeError:  # no function, or one that needs more
            return f"client.api.{group}.{name}(session)"
    return None


@pytest.mark.parametrize("block", blocks(), ids=lambda block: f"{block.guide}-{block.line}-{block.language}")
def test_a_block_runs(block: Block, tmp_path: Path, aikynetix_sandbox: Sandbox) -> None:
    """It ends without an error, warnings included, and a block in an unknown language is one."""
    if block.language == "sh":
        installs = [INSTALL.fullmatch(line) for line in re.findall(r"^pipx? (.*)", block.code, re.MULTILINE)]
        extras = {extra for found in installs for extra in (found[1].split(",") if found and found[1] else ["?"])}
        assert extras <= set(PROJECT["optional-dependencies"])
        command = ["bash", "-euo", "pipefail", "-c", PREAMBLE + block.code]
    else:
        assert block.language == "python"
        if gone := gone_from_the_document(block.code):
            pytest.skip(f"the document has no {gone} any more")
        recipe = next((frame for mark, frame in RECIPES.items() if mark in block.code), "{}")
        (tmp_path / "test_block.py").write_text(recipe.format(block.code), "utf-8")
        program = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "\ndef test_" in block.code else ["-X", "dev"]
        command = [sys.executable, "-W", "error", *program, "test_block.py"]
    ran = run(command, tmp_path, aikynetix_sandbox)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"


SLIPS = """from aikynetix import Aikynetix

with Aikynetix("k") as client:
    reveal_type(client.analyzed_videos.get("s", analysis="jump"))
    for record in client.analyzed_videos.export({"s": "jump"}, "folder"):
        reveal_type(record.status)
    client.analyzed_videos.get("s", analysis="junp")
    client.analyzed_videos.get("s", analisys="jump")
Aikynetix("k", "https://api.example.com")
"""
CHECKERS = {
    "mypy": ["mypy", "--config-file=mypy.ini", f"--cache-dir={ROOT / '.cache' / 'mypy-readme'}", "."],
    "pyright": ["pyright", f"--pythonpath={sys.executable}"],
}


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_type_checker_takes_every_block_and_sees_slips(checker: str, tmp_path: Path) -> None:
    """What a reader copies checks in an app too; a misspelt analysis or keyword, or a setting without its name, not."""
    for block in (block for block in PYTHON if not gone_from_the_document(block.code)):
        (tmp_path / f"{block.guide}_{block.line}.py").write_text(block.code, "utf-8")
    (tmp_path / "slips.py").write_text(SLIPS, "utf-8")
    # Django ships no types.
    ini = "[mypy]\nstrict = True\n[mypy-django.*]\nignore_missing_imports = True\n"
    (tmp_path / "mypy.ini").write_text(ini, "utf-8")
    generated = Path(str(aikynetix_api.__file__)).parents[1]  # of the package that these tests run with
    environ = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, (ROOT, generated)))}
    command = [sys.executable, "-m", *CHECKERS[checker]]
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110, check=False)
    errors = re.findall(r"(\w+)\.py:(\d+):.*\berror: ", ran.stdout)
    assert errors == [("slips", "7"), ("slips", "8"), ("slips", "9")], ran.stdout
    assert re.search(r"AnalyzedVideo\b[\s\S]*ExportStatus\b", ran.stdout)


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    """What is reference is in the guides; a link names a heading or a file that is there."""
    assert len(README.splitlines()) < LONGEST_README
    headings = {
        re.sub(r"[^\w -]", "", line).replace(" ", "-").lower() for line in re.findall(r"^#+ (.*)", README, re.MULTILINE)
    }
    links = set(re.findall(r"\]\((?!https:)([^)]+)\)", README))
    assert {link[1:] for link in links if link.startswith("#")} <= headings
    assert all((ROOT / link).is_file() for link in links if not link.startswith("#"))


def test_the_figures_of_the_guides_are_those_of_the_code() -> None:
    """Limits and defaults are written in prose; they are held together here."""
    from aikynetix import _config, _reading, _responses

    timeout, guide = _config.DEFAULT_TIMEOUT, GUIDES["networks"]
    assert f"One attempt may take {timeout.read:.0f} seconds, {timeout.connect:.0f} of them for connecting" in guide
    assert f"retries for {_responses.BUDGET:.0f} seconds at most" in guide
    assert f"{_reading.ERROR_LIMIT // 1024} KiB of an error's body, {_reading.JSON_LIMIT // 2**20} MiB of JSON" in guide
    assert f"| `max_retries=` | | {inspect.signature(aikynetix.Aikynetix).parameters['max_retries'].default} |" in guide


def test_what_is_named_exists_and_what_a_reader_needs_is_named() -> None:
    """Each extra for users and each error that an `except` may name; no variable that nobody reads, and no command."""
    from aikynetix import _config

    table = README.split("| extra | adds |", 1)[1].split("\n\n", 1)[0]
    extras = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert extras == set(PROJECT["optional-dependencies"]) - {"dev"}
    public = {name for name in aikynetix.__all__ if name.endswith("Error")}
    named = set(re.findall(r"`(\w+Error)`", README))
    assert (public - named, named - public) == ({"APIError"}, {"TypeError", "ValueError"})
    known = {_config.API_KEY_VARIABLE, _config.TOKEN_VARIABLE, _config.BASE_URL_VARIABLE}
    every = "\n".join(GUIDES.values())
    assert set(re.findall(r"AIKYNETIX_\w+", every)) <= known
    assert set(re.findall(r"(?:`|^|\()aikynetix ([a-z]+)\b", every, re.MULTILINE)) <= set(COMMANDS)
