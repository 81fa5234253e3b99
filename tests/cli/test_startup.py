"""What the command imports, which is what a shell waits for."""

from __future__ import annotations

import subprocess
import sys

import pytest


def imported(*arguments: str) -> set[str]:
    """Return the modules that a run of the command imports beyond those of an empty Python."""

    def modules(code: str) -> set[str]:
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
        return set(told.stderr.split())

    tell = "import sys; print(*sys.modules, file=sys.stderr)"
    start = f"import sys; sys.argv = ['aikynetix', *{arguments!r}]\nfrom aikynetix.__main__ import main"
    run = f"{start}\ntry:\n main()\nfinally:\n {tell}"
    return modules(run) - modules(tell)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=" ".join)
def test_version_and_help_import_next_to_nothing(arguments: list[str]) -> None:
    """No module outside this package: neither click nor even typing."""
    beyond = imported(*arguments)
    assert beyond <= {
        "__future__",
        "aikynetix",
        "aikynetix.__main__",
        "aikynetix._cli",
        "aikynetix._cli._commands",
        "importlib",
        "importlib._bootstrap",
        "importlib._bootstrap_external",
        "importlib.machinery",
        "warnings",
        "_warnings",
    }


@pytest.mark.parametrize("command", ["url", "export", "doctor", "demo"])
def test_the_help_of_a_command_imports_no_client(command: str) -> None:
    """Httpx and rich are for work."""
    beyond = imported(command, "--help")
    assert "click" in beyond
    assert not beyond & {"httpx", "httpcore", "rich", "attr", "starlette", "uvicorn", "aikynetix._client", "asyncio"}
