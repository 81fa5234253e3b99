"""``client.raw``: the generated client, on the facade's session."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Self

import httpx  # noqa: TC002 -- tools resolve the annotations at run time

from ._errors import ConfigurationError
from ._operations import Client
from ._session import AsyncSession, Session  # noqa: TC001 -- the same

if TYPE_CHECKING:
    from ._operations import AuthenticatedClient

    # An operation with a `security` of its own is typed to want an AuthenticatedClient. That class holds the token in
    # plain sight, so it is one for type checkers only: at run time the generated functions just ask for the session.
    class _Base(Client, AuthenticatedClient):  # type: ignore[misc]  # both define the same methods, each for itself
        pass
else:
    _Base = Client


class RawClient(_Base):
    """The generated ``Client``, whose requests go through the facade's pool, credential, retries and bounds.

    Args:
        base_url: For the generated client's own attribute.
        session: The session of a synchronous client, or None.
        async_session: The session of an asynchronous client, or None.
    """

    __module__ = "aikynetix"
    __slots__ = ()

    def __init__(self, base_url: httpx.URL, session: Session | None, async_session: AsyncSession | None) -> None:
        Client.__init__(self, base_url=str(base_url))
        if session is not None:
            self.set_httpx_client(session)
        if async_session is not None:
            self.set_async_httpx_client(async_session)

    def get_httpx_client(self) -> httpx.Client:
        """Return the facade's session.

        Raises:
            ConfigurationError: This is the raw client of an `AsyncAikynetix`.
        """
        if self._client is None:
            raise ConfigurationError(
                "this raw client is asynchronous: use the asyncio functions, or the raw of an Aikynetix."
            )
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the facade's asynchronous session.

        Raises:
            ConfigurationError: This is the raw client of an `Aikynetix`.
        """
        if self._async_client is None:
            raise ConfigurationError(
                "this raw client is synchronous: use the sync functions, or the raw of an AsyncAikynetix."
            )
        return self._async_client

    def with_headers(self, headers: dict[str, str]) -> NoReturn:  # noqa: ARG002 -- the generator's signature
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise _no_copies("with_headers")

    def with_cookies(self, cookies: dict[str, str]) -> NoReturn:  # noqa: ARG002 -- the generator's signature
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise _no_copies("with_cookies")

    def with_timeout(self, timeout: httpx.Timeout) -> NoReturn:  # noqa: ARG002 -- the generator's signature
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise _no_copies("with_timeout")

    def __enter__(self) -> Self:
        self.get_httpx_client()
        return self

    def __exit__(self, *args: object, **kwargs: object) -> None:
        """Leave the pool open: it belongs to the facade's client."""

    async def __aenter__(self) -> Self:
        self.get_async_httpx_client()
        return self

    async def __aexit__(self, *args: object, **kwargs: object) -> None:
        """Leave the pool open: it belongs to the facade's client."""

    def __repr__(self) -> str:
        return f"RawClient(base_url={self._base_url!r})"


def _no_copies(method: str) -> ConfigurationError:
    return ConfigurationError(
        f"client.raw.{method}() is not available; use client.with_options(...).raw for other limits, "
        "or build a generated Client of your own for other headers."
    )
