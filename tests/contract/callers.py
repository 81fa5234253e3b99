"""Both clients behind one signature, and the three documented forms of a credential."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aikynetix import Aikynetix, ApiKey, AsyncAikynetix

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

Settings = dict[str, Any]
Caller = Callable[[Settings, Callable[[Any], Any]], Any]
"""Makes a client of the settings, gives it to the action, closes it, and returns what the action did."""


def _sync(settings: Settings, action: Callable[[Any], Any]) -> Any:
    with Aikynetix(**settings) as client:
        return action(client)


def _async(settings: Settings, action: Callable[[Any], Any]) -> Any:
    async def main() -> Any:
        async with AsyncAikynetix(**settings) as client:
            return await action(client)

    return asyncio.run(main())


CLIENTS: dict[str, Caller] = {"sync": _sync, "async": _async}

FORMS: dict[str, Callable[[str, str], Settings]] = {
    "API-KEY header": lambda key, _token: {"api_key": key},
    "Authorization: API-KEY": lambda key, _token: {"auth": ApiKey(key, header="Authorization")},
    "bearer": lambda _key, token: {"token": token},
}
"""The settings for a credential, given a key and a token."""

SENT = {
    "API-KEY header": {"api-key": "***"},
    "Authorization: API-KEY": {"authorization": "API-KEY ***"},
    "bearer": {"authorization": "Bearer ***"},
}
"""What the sandbox records of each form: the header it came in, with the scheme, without the credential."""


def settings_of(sandbox: Sandbox, form: str = "bearer", *, right: bool = True) -> Settings:
    """The settings for a sandbox with its credential or with a wrong one, in this form, and without retries."""
    key, token = (sandbox.api_key, sandbox.token) if right else ("another-key", "another-token")
    return {**FORMS[form](key, token), "base_url": sandbox.base_url, "max_retries": 0}
