"""The two clients: settings, transports, and the doors to everything else."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Self, TypeVar

import httpx
from attrs import evolve

from ._auth import ApiKey, BearerToken, SameOriginAuth
from ._call import AsyncHttpClient, HttpClient
from ._config import (
    AsyncToken,
    Settings,
    Token,
    Verify,
    checked_verify,
    resolve_base_url,
    resolve_credential,
    variables,
)
from ._errors import ConfigurationError
from ._operations import Arguments, Operation, RawClient, Success_co, request_kwargs, spec_defaults, success_model
from ._transport import AsyncStackTransport, StackTransport, make_stacks
from ._videos import AnalyzedVideos, AsyncAnalyzedVideos

if TYPE_CHECKING:
    from collections.abc import Callable

    from aikynetix_api.operations import Api, AsyncApi

TokenT = TypeVar("TokenT", bound=AsyncToken)
TransportT = TypeVar("TransportT")


class _ClientBase(Generic[TokenT, TransportT]):
    """What both clients do alike."""

    _is_async: bool

    def __init__(
        self,
        api_key: str | None = None,
        *,
        token: TokenT | None = None,
        auth: httpx.Auth | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int = 3,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: Verify | None = None,
        transport: TransportT | None = None,
    ) -> None:
        _check_transport(transport, httpx.AsyncBaseTransport if self._is_async else httpx.BaseTransport, proxy, verify)
        environ, spec = variables(os.environ), spec_defaults()
        url, credential = resolve_base_url(base_url, environ, spec), resolve_credential(api_key, token, auth, environ)
        if isinstance(credential, ApiKey | BearerToken):
            credential._bind(spec, self._is_async)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- users would see it
        settings = Settings(url, SameOriginAuth(credential, url), timeout, max_retries, proxy, checked_verify(verify))
        self._transport = transport
        carriers: list[dict[str, Any]] = [{"transport": transport}]
        if transport is None:
            kinds = (StackTransport, AsyncStackTransport) if self._is_async else (StackTransport,)
            carriers = make_stacks(settings.verify, settings.proxy, *kinds)
        self._storage = carriers[0]  # of downloads, which run in threads
        self._use(settings, (AsyncHttpClient if self._is_async else HttpClient)(settings, carriers[-1]))

    def _use(self, settings: Settings, http: Any) -> None:
        self._settings, self._http = settings, http
        kind: Any = AsyncAnalyzedVideos if self._is_async else AnalyzedVideos
        # No assignment, whose type editors would take for that of the attribute, which each client declares.
        vars(self)["analyzed_videos"] = kind(self, settings, http, self._storage, self._factory)

    def with_options(self, *, timeout: float | httpx.Timeout | None = None, max_retries: int | None = None) -> Self:
        """Return a copy with other limits that shares the connections; it lives as long as this client is open.

        Args:
            timeout: As for the client; None keeps what this client has.
            max_retries: As for the client; None keeps what this client has.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        given: dict[str, Any] = {"timeout": timeout, "max_retries": max_retries}
        settings = evolve(self._settings, **{name: value for name, value in given.items() if value is not None})
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy._use(settings, self._http.with_settings(settings))
        return copy

    def _factory(self) -> Callable[[], Aikynetix]:
        """Return what makes a client like this one in another process, where all of its settings can go there."""
        if self._transport is not None or not isinstance(self._settings.verify, str | None):
            raise ConfigurationError(
                "executor= cannot be used with transport= or with verify= as an ssl.SSLContext: its workers are other "
                "processes, which cannot share them; give verify= as a path, or leave executor= out.",
                setting="transport",
            )
        return partial(
            Aikynetix,
            auth=self._settings.credential.inner,
            base_url=str(self._settings.base_url),
            timeout=self._settings.timeout,
            max_retries=self._settings.max_retries,
            proxy=self._settings.proxy,
            verify=self._settings.verify,
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} holds connections and a credential and can be neither copied nor pickled; "
            "use with_options() for a copy, and make a client of its own in every process"
        )

    def __repr__(self) -> str:
        kind = type(self._settings.credential.inner).__name__
        return f"{type(self).__name__}(base_url={str(self._settings.base_url)!r}, auth={kind}(***))"


class Aikynetix(_ClientBase[Token, httpx.BaseTransport]):
    """A client for the Aikynetix web API.

    One client may be shared by all threads. Close it, or use it in a ``with`` block, to free its connections.

    Args:
        api_key: The API key, sent where the vendor's spec wants it. Default: the variable ``AIKYNETIX_API_KEY``.
        token: A bearer token, or a callable that returns one; the callable is asked again once on 401. Default: the
            variable ``AIKYNETIX_TOKEN``.
        auth: Any `httpx.Auth`, such as ``ApiKey(key, header="Authorization")``.
        base_url: Default: the variable ``AIKYNETIX_BASE_URL``, then the spec's server. Plain http is for loopback only.
        timeout: Seconds that one attempt may take, or an `httpx.Timeout` with a limit for each phase. None means 30
            seconds, 10 of them for connecting.
        max_retries: How often a request that failed in passing is sent again, 0 to 100. One call waits and retries for
            30 seconds at most.
        proxy: Carries every request to the API and to the storage but those to loopback: a URL (http, https, socks5) or
            an `httpx.Proxy`. Default: ``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, as httpx reads
            them.
        verify: Whose certificates are trusted: an `ssl.SSLContext` (which may have a client certificate), or the path
            of a PEM file or of a folder. Default: ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``, then the system's store, then
            certifi's.
        transport: An httpx transport that carries everything, for a test or another backend; closed with the client.
            The time limit of a whole attempt holds as far as it knows of it: httpx's own only knows that of a single
            read, so that a head which comes byte by byte may take longer.

    Attributes:
        analyzed_videos: The annotated videos of sessions.

    Raises:
        ConfigurationError: A setting is wrong, or there is no credential, or more than one.

    Example:
        >>> with Aikynetix("my-key") as client:
        ...     print(client.analyzed_videos.get("session-id").url)
    """

    __module__ = "aikynetix"

    _is_async = False
    analyzed_videos: AnalyzedVideos

    @property
    def raw(self) -> RawClient:
        """The generated client on this client's connections, credential and retries, for the generated functions.

        Its functions behave as the generator documents: statuses are returned, not raised, and exceptions are httpx's.
        """
        return RawClient(str(self._settings.base_url), client=self._http)

    @property
    def api(self) -> Api:
        """Every operation of the vendor's spec as a typed method, by group: ``client.api.sessions.list()``.

        Each returns its success model, and raises as `call` does.
        """
        from aikynetix_api.operations import Api  # here, because few programs use it

        return Api(self.call)

    def call(
        self, operation: Operation[Arguments, Success_co], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Success_co:
        """Run any generated operation, and return its success model.

        Args:
            operation: A module under ``aikynetix_api.api``.
            *args: As its functions take them.
            **kwargs: As its functions take them, ``client`` left out.

        Raises:
            TypeError: ``operation`` is no such module, or the arguments are not its own.
            ValueError: An argument has a value that no request can carry, such as ``..`` for a part of the path.
            ConfigurationError: The vendor's spec has no server for it that can be used, no request that can be made,
                or no credential of this client's kind.
            APIError: As for every other call: the response is not 2xx, cannot be used, or did not come.
        """
        response = self._http.send_checked(request_kwargs(operation, args, kwargs, self._settings.credential.inner))
        result: Success_co = success_model(operation, response)
        return result

    def close(self) -> None:
        """Close the connections. Closing twice is fine; using a closed client is an `AikynetixError`."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncAikynetix(_ClientBase[AsyncToken, httpx.AsyncBaseTransport]):
    """An asynchronous client for the Aikynetix web API, on asyncio and on trio.

    One client may be shared by any number of tasks of one event loop. Close it, or use it in an ``async with`` block.

    Its arguments, attributes and errors are those of `Aikynetix`; ``token`` may also be a coroutine function, and
    ``transport`` is an asynchronous one, which carries everything, downloads too.

    Example:
        >>> async with AsyncAikynetix("my-key") as client:
        ...     print((await client.analyzed_videos.get("session-id")).url)
    """

    __module__ = "aikynetix"

    _is_async = True
    analyzed_videos: AsyncAnalyzedVideos

    @property
    def raw(self) -> RawClient:
        """See `Aikynetix.raw`; for the generated ``asyncio`` functions."""
        return RawClient(str(self._settings.base_url), async_client=self._http)

    @property
    def api(self) -> AsyncApi:
        """See `Aikynetix.api`; its methods are awaited."""
        from aikynetix_api.operations import AsyncApi  # here, because few programs use it

        return AsyncApi(self.call)

    async def call(
        self, operation: Operation[Arguments, Success_co], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Success_co:
        """See `Aikynetix.call`."""
        response = await self._http.send_checked(
            request_kwargs(operation, args, kwargs, self._settings.credential.inner)
        )
        result: Success_co = success_model(operation, response)
        return result

    async def close(self) -> None:
        """See `Aikynetix.close`."""
        await self._http.aclose()
        if self._transport is None:
            httpx.Client(**self._storage).close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _check_transport(transport: object, kind: type[Any], proxy: object, verify: object) -> None:
    if transport is None:
        return
    if not isinstance(transport, kind):
        text = f"transport= must be an httpx.{kind.__name__}, not {type(transport).__name__}."
        raise ConfigurationError(text, setting="transport")
    if proxy is not None or verify is not None:
        raise ConfigurationError(
            "transport= carries everything, so proxy= and verify= do nothing beside it: give them to the transport.",
            setting="transport",
        )
