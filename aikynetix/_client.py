"""The two clients: settings, transports, and the doors to everything else."""

from __future__ import annotations

import os
import threading
from functools import partial
from types import TracebackType  # noqa: TC003 -- tools resolve the annotations at run time
from typing import TYPE_CHECKING, Any, NoReturn, Self

import httpx
from attrs import evolve

from . import _config, _operations, _responses
from ._call import AsyncHttpClient, HttpClient, RequestBuilder
from ._config import AsyncToken, Settings, Token, Verify  # noqa: TC001 -- tools resolve the annotations at run time
from ._errors import ConfigurationError
from ._operations import Arguments, Operation, RawClient, Success_co
from ._transport import AsyncStackTransport, StackTransport, Trust, make_stacks
from ._videos import AnalyzedVideos, AsyncAnalyzedVideos

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ._download import OpenUrl, Options
    from ._models import AnalyzedVideo, DownloadedVideo


class _ClientBase:
    """What both clients do alike."""

    _settings: Settings
    _transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None

    def _factory(self) -> Callable[[], Aikynetix]:
        """Return what makes a client like this one in another process.

        Raises:
            ConfigurationError: A transport or a TLS context of the caller's own cannot go there.
        """
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
        settings: Settings | None = getattr(self, "_settings", None)
        if settings is None:  # seen by those who print the local variables of a constructor that failed
            return f"<{type(self).__name__}, not set up>"
        kind = type(settings.credential.inner).__name__
        return f"{type(self).__name__}(base_url={str(settings.base_url)!r}, auth={kind}(***))"


class Aikynetix(_ClientBase):
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

    analyzed_videos: AnalyzedVideos

    def __init__(
        self,
        api_key: str | None = None,
        *,
        token: Token | None = None,
        auth: httpx.Auth | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int = 3,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: Verify | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        _check_transport(transport, httpx.BaseTransport, proxy, verify)
        settings = _config.resolve(
            api_key=api_key,
            token=token,
            auth=auth,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            proxy=proxy,
            verify=verify,
            environ=os.environ,
            spec=_operations.spec_defaults(),
            asynchronous=False,
        )
        self._transport = transport
        self._trust = Trust(settings.verify)
        carriers = (transport, {}) if transport else make_stacks(StackTransport, self._trust, settings.proxy)
        self._assemble(settings, HttpClient(settings, carriers), _StorageHolder(settings, self._trust, transport))

    def _assemble(self, settings: Settings, http: HttpClient, storage: _StorageHolder) -> None:
        self._settings, self._http, self._storage = settings, http, storage
        self._builder = RequestBuilder(http)
        self.analyzed_videos = AnalyzedVideos(self._exchange, settings, storage.open_url, self)

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
        return _operations.api(self.call)

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
            ConfigurationError: The vendor's spec names no server for it that can be used.
            APIError: As for every other call: the response is not 2xx, cannot be used, or did not come.
        """
        response = self._exchange(_operations.request_kwargs(operation, args, kwargs))
        result: Success_co = _success_model(operation, response)
        return result

    def with_options(self, *, timeout: float | httpx.Timeout | None = None, max_retries: int | None = None) -> Self:
        """Return a copy with other limits that shares the connections; it lives as long as this client is open.

        Args:
            timeout: As for the client; None keeps what this client has.
            max_retries: As for the client; None keeps what this client has.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        settings = _evolved(self._settings, timeout, max_retries)
        copy = object.__new__(type(self))
        copy._transport, copy._trust = self._transport, self._trust
        copy._assemble(settings, self._http.copy(settings), self._storage)
        return copy

    def close(self) -> None:
        """Close the connections. Closing twice is fine; using a closed client is an `AikynetixError`."""
        self._http.close()
        if self._http.is_owner:
            self._storage.close()

    def _exchange(
        self, kwargs: Mapping[str, Any], limit: int | None = None, cancel: threading.Event | None = None
    ) -> httpx.Response:
        return self._http.exchange(self._builder.build(kwargs), limit=limit, cancel=cancel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncAikynetix(_ClientBase):
    """An asynchronous client for the Aikynetix web API, on asyncio and on trio.

    One client may be shared by any number of tasks of one event loop. Close it, or use it in an ``async with`` block.

    Args:
        api_key: As for `Aikynetix`.
        token: As for `Aikynetix`; it may also be a coroutine function.
        auth: As for `Aikynetix`.
        base_url: As for `Aikynetix`.
        timeout: As for `Aikynetix`.
        max_retries: As for `Aikynetix`.
        proxy: As for `Aikynetix`.
        verify: As for `Aikynetix`.
        transport: An asynchronous httpx transport that carries everything, downloads too.

    Attributes:
        analyzed_videos: The annotated videos of sessions.

    Raises:
        ConfigurationError: A setting is wrong, or there is no credential, or more than one.

    Example:
        >>> async with AsyncAikynetix("my-key") as client:
        ...     print((await client.analyzed_videos.get("session-id")).url)
    """

    __module__ = "aikynetix"

    analyzed_videos: AsyncAnalyzedVideos

    def __init__(
        self,
        api_key: str | None = None,
        *,
        token: AsyncToken | None = None,
        auth: httpx.Auth | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int = 3,
        proxy: str | httpx.URL | httpx.Proxy | None = None,
        verify: Verify | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        _check_transport(transport, httpx.AsyncBaseTransport, proxy, verify)
        settings = _config.resolve(
            api_key=api_key,
            token=token,
            auth=auth,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            proxy=proxy,
            verify=verify,
            environ=os.environ,
            spec=_operations.spec_defaults(),
            asynchronous=True,
        )
        self._transport = transport
        self._trust = Trust(settings.verify)
        carriers = (transport, {}) if transport else make_stacks(AsyncStackTransport, self._trust, settings.proxy)
        self._assemble(settings, AsyncHttpClient(settings, carriers), _StorageHolder(settings, self._trust, None))

    def _assemble(self, settings: Settings, http: AsyncHttpClient, storage: _StorageHolder) -> None:
        self._settings, self._http, self._storage = settings, http, storage
        self._builder = RequestBuilder(http)
        self.analyzed_videos = AsyncAnalyzedVideos(self._exchange, settings, self._fetch, self)

    @property
    def raw(self) -> RawClient:
        """See `Aikynetix.raw`; for the generated ``asyncio`` functions."""
        return RawClient(str(self._settings.base_url), async_client=self._http)

    @property
    def api(self) -> AsyncApi:
        """See `Aikynetix.api`; its methods are awaited."""
        return _operations.async_api(self.call)

    async def call(
        self, operation: Operation[Arguments, Success_co], /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Success_co:
        """See `Aikynetix.call`."""
        response = await self._exchange(_operations.request_kwargs(operation, args, kwargs))
        result: Success_co = _success_model(operation, response)
        return result

    def with_options(self, *, timeout: float | httpx.Timeout | None = None, max_retries: int | None = None) -> Self:
        """See `Aikynetix.with_options`."""
        settings = _evolved(self._settings, timeout, max_retries)
        copy = object.__new__(type(self))
        copy._transport, copy._trust = self._transport, self._trust
        copy._assemble(settings, self._http.copy(settings), self._storage)
        return copy

    async def close(self) -> None:
        """See `Aikynetix.close`."""
        await self._http.aclose()
        if self._http.is_owner:
            self._storage.close()

    aclose = close

    async def _exchange(self, kwargs: Mapping[str, Any], limit: int | None = None) -> httpx.Response:
        return await self._http.exchange(self._builder.build(kwargs), limit=limit)

    async def _fetch(
        self, session_id: str, to: Any, lookup: Callable[[], Awaitable[AnalyzedVideo]], options: Options
    ) -> DownloadedVideo:
        from ._download._opener import AsyncStorageClient, download_in_thread

        if isinstance(self._transport, httpx.AsyncBaseTransport):
            opener = AsyncStorageClient((self._transport, {}), self._settings.timeout).opener
        else:
            open_url = self._storage.open_url()
            opener = partial(_same, open_url)
        return await download_in_thread(session_id, to, lookup=lookup, opener=opener, options=options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _same(open_url: OpenUrl, _: object) -> OpenUrl:
    return open_url


class _StorageHolder:
    """The client towards the storage host, made when the first download needs it."""

    def __init__(self, settings: Settings, trust: Trust, transport: httpx.BaseTransport | None) -> None:
        self._settings, self._trust, self._transport = settings, trust, transport
        self._open_url: OpenUrl | None = None
        self._carriers: Any = None
        self._lock = threading.Lock()

    def open_url(self) -> OpenUrl:
        with self._lock:  # of two threads that need it first, one makes it: the other's would never be closed
            if self._open_url is None:
                from ._download._opener import StorageClient

                own = self._transport is None
                self._carriers = make_stacks(StackTransport, self._trust, self._settings.proxy) if own else None
                carriers = self._carriers if self._transport is None else (self._transport, {})
                self._open_url = StorageClient(carriers, self._settings.timeout).open_url
            return self._open_url

    def close(self) -> None:
        if self._carriers is not None:
            transport, mounts = self._carriers
            for each in (transport, *mounts.values()):
                if each is not None:
                    each.close()


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


def _success_model(operation: Any, response: httpx.Response) -> Any:
    if response.request.method == "HEAD":  # its responses have no content, whatever is documented (RFC 9110, 9.3.2)
        return None
    try:
        return _operations.parse_with(operation, response)
    except Exception as error:
        failure = _responses.invalid(
            response, f"the response does not fit the vendored spec: {_responses.misfit(error)}"
        )
        failure.body = _responses.body_text(response.content)
        raise failure from None


def _evolved(settings: Settings, timeout: float | httpx.Timeout | None, max_retries: int | None) -> Settings:
    return evolve(
        settings,
        timeout=settings.timeout if timeout is None else _config.resolve_timeout(timeout),
        max_retries=settings.max_retries if max_retries is None else _config.resolve_max_retries(max_retries),
    )
