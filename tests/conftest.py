"""What every test has: a clean environment, and the sandbox as its users get it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests import first

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aikynetix.sandbox import Sandbox

first.use()  # before anything imports the package

pytest_plugins = ["aikynetix.sandbox.pytest_plugin"]

# A shell has what it starts in the background ignore Ctrl-C, and nohup SIGHUP; so would every process of a test.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# No setting of the machine's own reaches a test, nor a process that a fixture starts.
_SETTINGS = ("AIKYNETIX_", "MAKE", "SSL_CERT_", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
for _name in set(os.environ) - {first.COMMITTED}:
    if _name.startswith(_SETTINGS) or _name.lower().endswith("_proxy"):
        del os.environ[_name]


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """One running sandbox for a module."""
    from aikynetix.sandbox import Sandbox

    with Sandbox(polls=1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    """The module's sandbox with fresh state."""
    running.reset()
    return running
