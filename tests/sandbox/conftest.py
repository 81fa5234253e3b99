"""Fixtures of the sandbox's own tests: a running sandbox, and plain HTTP clients that know nothing of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One running sandbox for a module."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    """The module's sandbox with fresh state."""
    shared.reset()
    return shared


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    """A bare HTTP client; one for all tests, because making one reads the machine's certificates."""
    with httpx.Client(verify=False) as client:  # every request goes to the loopback address without TLS
        yield client


@pytest.fixture(scope="module")
def api(shared: Sandbox) -> Iterator[httpx.Client]:
    """An HTTP client for the sandbox's API with its key."""
    with httpx.Client(base_url=shared.base_url, headers={"API-KEY": shared.api_key}, verify=False) as client:
        yield client
