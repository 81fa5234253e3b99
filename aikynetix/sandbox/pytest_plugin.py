"""A pytest plugin with one fixture: a running sandbox.

A test suite loads it in its ``conftest.py``::

    pytest_plugins = ["aikynetix.sandbox.pytest_plugin"]

    def test_my_app(aikynetix_sandbox):
        client = Aikynetix(api_key=aikynetix_sandbox.api_key, base_url=aikynetix_sandbox.base_url)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aikynetix.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["aikynetix_sandbox"]


@pytest.fixture
def aikynetix_sandbox() -> Iterator[Sandbox]:
    """A sandbox of the test's own. Nothing global is set: pass its ``base_url`` and ``api_key`` to the client."""
    with Sandbox() as sandbox:
        yield sandbox
