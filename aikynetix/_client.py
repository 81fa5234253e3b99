"""The two clients: settings, a pool, and the doors to everything else."""

from __future__ import annotations

import os
import sys
import threading
from types import ModuleType, TracebackType  # noqa: TC003 -- tools resolve the annotations at run time
from typing import TYPE_CHECKING, Any, NoReturn, Self, cast

import httpx

# By way of the package, because that is where tools look for the names in the annotations of its classes.
from . import AnalyzedVideos, AsyncAnalyzedVideos, __version__, _body, _classify, _config, _operations, _transport
from ._auth import hidden
from ._causes import detached
from ._config import AsyncToken, Settings, Token
from ._errors import AikynetixError, ConfigurationError
from ._prepared import Prepared
from ._raw import RawClient
from ._session import AsyncSession, Policy, Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from ._download import Storage
    from ._models import AnalyzedVideo, DownloadedVideo
    from ._videos import StrPath

_HEADERS = {
    "accept-encoding": _body.ACCEPT_ENCODING,
    "user-agent": f"aikynetix/{__version__} python-httpx/{httpx.__version__}",
}


def _operation_kwargs(operation: ModuleType, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    make = getattr(operation, "_get_kwargs", None)
    if make is None or not hasattr(operation, "_parse_response"):
        raise TypeError(
            "operation must be a generated operation module, such as "
            f"aikynetix_api.api.analyzed_videos.get_analyzed_video, not {operation!r:.100}"
        )
    try:
        made: Mapping[str, Any] = make(*args, **kwargs)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = str(error).removeprefix("_get_kwargs() ")
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"the arguments are not what {operation.__name__.rpartition('.')[2]} takes: {said}") from error
    return made


def _no_copy(client: object) -> NoReturn:
    raise TypeError(
        f"{type(client).__name__} holds connections and a credential and can be neither copied nor pickled; "
        "use with_options() for a copy, and make a client of its own in every process"
    )


def _shown(client: Aikynetix | AsyncAikynetix) -> str:
    settings: Settings | None = getattr(client, "_settings", None)
    if settings is None:  # seen by those who print the local variables of a constructor that failed
        return f"<{type(client).__name__}, not set up>"
    kind = type(settings.credential.inner).__name__
    return f"{type(client).__name__}(base_url={str(settings.base_url)!r}, auth={kind}(***))"


def _checked_transport(transport: object, kind: type[Any]) -> Any:
    if transport is not None and not isinstance(transport, kind):
        raise ConfigurationError(f"transport= must be an httpx.{kind.__name__}, not {type(transport).__name__}.")
    return transport


def _success_model(operation: ModuleType, response: httpx.Response) -> Any:
    if response.request.method == "HEAD":  # its answers have no content, whatever is documented (RFC 9110, 9.3.2)
        return None
    outer, weighed = sys.exception(), _classify.Weighed(response)
    try:
        return _operations.parse_with(operation, cast("httpx.Response", weighed))
    except AikynetixError:
        raise
    except Exception as error:
        why = f"the answer does not fit the vendored spec ({type(error).__name__})"
        failure, cause = _classify.invalid(response, why), detached(error, _classify.secrets_of(response), outer)
    raise failure from cause


class Aikynetix:
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
        transport: An httpx transport, for a proxy, a test or another backend. Closed with the client. The time limit of
            a whole attempt holds as far as it knows of it: httpx's own only knows that of a single read, so that a head
            which comes byte by byte may take longer.

    Attributes:
        analyzed_videos: The annotated videos of sessions.

    Raises:
        ConfigurationError: A setting is wrong, or there is no credential, or more than one.
    """

    __module__ = "aikynetix"

    analyzed_videos: AnalyzedVideos

    def __init__(
        self,
        api_key: str | None = None,
        token: Token | None = None,
        auth: httpx.Auth | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        # Not bare in the frames of an error, which some tools show: neither a credential nor one in the wrong place.
        api_key, token, auth, base_url = hidden(api_key), hidden(token), hidden(auth), hidden(base_url)
        settings = _config.resolve(
            api_key=api_key,
            token=token,
            auth=auth,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            environ=os.environ,
            spec=_operations.spec_defaults(),
            asynchronous=False,
        )
        session = Session(
            base_url=settings.base_url,
            credential=settings.credential,
            timeout=settings.timeout,
            policy=Policy(settings.deadline, settings.max_retries),
            transport=_checked_transport(transport, httpx.BaseTransport) or _transport.default_transport(),
            headers=_HEADERS,
        )
        self._assemble(settings, session, _StorageHolder(transport))

    def _assemble(self, settings: Settings, session: Session, storage: _StorageHolder) -> None:
        self._settings, self._session, self._storage = settings, session, storage
        self._requests = Prepared(session)
        self._raw: RawClient | None = None
        self.analyzed_videos = AnalyzedVideos(self)

    @property
    def raw(self) -> RawClient:
        """The generated client on this client's pool, credential and retries, for the generated functions.

        Its functions behave as the generator documents: statuses are returned, not raised, and exceptions are httpx's.
        """
        if self._raw is None:
            self._raw = RawClient(self._settings.base_url, self._session, None)
        return self._raw

    def call(self, operation: ModuleType, *args: Any, **kwargs: Any) -> Any:
        """Run any generated operation, and return its success model.

        Args:
            operation: A module under ``aikynetix_api.api``.
            *args: As its functions take them.
            **kwargs: As its functions take them, ``client`` left out.

        Raises:
            TypeError: ``operation`` is no such module, or the arguments are not its own.
            ValueError: An argument has a value that no request can carry, such as ``..`` for a part of the path.
            ConfigurationError: The vendor's spec names no server for it that can be used.
            APIError: As for every other call: the answer is not 2xx, cannot be used, or did not come.
        """
        response = self._exchange(_operation_kwargs(operation, args, kwargs), None)
        return _success_model(operation, response)

    def with_options(self, *, timeout: float | httpx.Timeout | None = None, max_retries: int | None = None) -> Self:
        """Return a copy with other limits that shares the pool; it lives as long as this client is open.

        Args:
            timeout: As for the client; None keeps what this client has.
            max_retries: As for the client; None keeps what this client has.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        settings = _evolved(self._settings, timeout, max_retries)
        return self._sharing(settings, Policy(settings.deadline, settings.max_retries))

    def _sharing(self, settings: Settings, policy: Policy) -> Self:
        copy = object.__new__(type(self))
        copy._assemble(settings, self._session.copy(timeout=settings.timeout, policy=policy), self._storage.shared())
        return copy

    def close(self) -> None:
        """Close the connections. Closing twice is fine; using a closed client is an `AikynetixError`."""
        self._session.close()
        self._storage.close()

    def _exchange(self, kwargs: Mapping[str, Any], limit: int | None) -> httpx.Response:
        return self._session.exchange(self._requests.request(kwargs), limit=limit)

    def _fetch(
        self,
        session_id: str,
        resolve: Callable[[], AnalyzedVideo],
        to: StrPath,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        **options: Any,
    ) -> DownloadedVideo:
        from . import _download

        limits = _download.Options(
            timeout=self._settings.timeout, max_retries=self._settings.max_retries, cancelled=cancelled, **options
        )
        storage = self._storage.get(self._settings)
        return _download.download(_download.Source(session_id, resolve), to, storage, limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        _no_copy(self)

    def __repr__(self) -> str:
        return _shown(self)


class AsyncAikynetix:
    """An asynchronous client for the Aikynetix web API, on asyncio and on trio.

    One client may be shared by any number of tasks of one event loop. Close it, or use it in an ``async with`` block.

    Args:
        api_key: As for `Aikynetix`.
        token: As for `Aikynetix`; it may also be a coroutine function.
        auth: As for `Aikynetix`.
        base_url: As for `Aikynetix`.
        timeout: As for `Aikynetix`.
        max_retries: As for `Aikynetix`.
        transport: An asynchronous httpx transport. Downloads run in threads and use it only if it is a synchronous
            transport as well.

    Attributes:
        analyzed_videos: The annotated videos of sessions.

    Raises:
        ConfigurationError: A setting is wrong, or there is no credential, or more than one.
    """

    __module__ = "aikynetix"

    analyzed_videos: AsyncAnalyzedVideos

    def __init__(
        self,
        api_key: str | None = None,
        token: AsyncToken | None = None,
        auth: httpx.Auth | None = None,
        base_url: str | httpx.URL | None = None,
        timeout: float | httpx.Timeout | None = None,
        max_retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        api_key, token, auth, base_url = hidden(api_key), hidden(token), hidden(auth), hidden(base_url)
        settings = _config.resolve(
            api_key=api_key,
            token=token,
            auth=auth,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            environ=os.environ,
            spec=_operations.spec_defaults(),
            asynchronous=True,
        )
        session = AsyncSession(
            base_url=settings.base_url,
            credential=settings.credential,
            timeout=settings.timeout,
            policy=Policy(settings.deadline, settings.max_retries),
            transport=_checked_transport(transport, httpx.AsyncBaseTransport) or _transport.default_async_transport(),
            headers=_HEADERS,
        )
        both_ways = transport if isinstance(transport, httpx.BaseTransport) else None
        self._assemble(settings, session, _StorageHolder(both_ways))

    def _assemble(self, settings: Settings, session: AsyncSession, storage: _StorageHolder) -> None:
        self._settings, self._session, self._storage = settings, session, storage
        self._requests = Prepared(session)
        self._raw: RawClient | None = None
        self.analyzed_videos = AsyncAnalyzedVideos(self)

    @property
    def raw(self) -> RawClient:
        """See `Aikynetix.raw`; for the generated ``asyncio`` functions."""
        if self._raw is None:
            self._raw = RawClient(self._settings.base_url, None, self._session)
        return self._raw

    async def call(self, operation: ModuleType, *args: Any, **kwargs: Any) -> Any:
        """See `Aikynetix.call`."""
        response = await self._exchange(_operation_kwargs(operation, args, kwargs), None)
        return _success_model(operation, response)

    def with_options(self, *, timeout: float | httpx.Timeout | None = None, max_retries: int | None = None) -> Self:
        """See `Aikynetix.with_options`."""
        settings = _evolved(self._settings, timeout, max_retries)
        return self._sharing(settings, Policy(settings.deadline, settings.max_retries))

    def _sharing(self, settings: Settings, policy: Policy) -> Self:
        copy = object.__new__(type(self))
        copy._assemble(settings, self._session.copy(timeout=settings.timeout, policy=policy), self._storage.shared())
        return copy

    async def close(self) -> None:
        """See `Aikynetix.close`."""
        await self._session.aclose()
        self._storage.close()

    aclose = close

    async def _exchange(self, kwargs: Mapping[str, Any], limit: int | None) -> httpx.Response:
        return await self._session.exchange(self._requests.request(kwargs), limit=limit)

    async def _fetch(
        self,
        session_id: str,
        resolve: Callable[[], Awaitable[AnalyzedVideo]],
        to: StrPath,
        *,
        cancel: threading.Event | None = None,
        **options: Any,
    ) -> DownloadedVideo:
        from . import _bridge, _download

        lookup = _bridge.Lookup(resolve, _download.Cancelled)
        source = _download.Source(session_id, lookup)
        storage = self._storage.get(self._settings)

        def work(cancelled: Callable[[], bool]) -> DownloadedVideo:
            limits = _download.Options(
                timeout=self._settings.timeout,
                max_retries=self._settings.max_retries,
                cancelled=lambda: cancelled() or (cancel is not None and cancel.is_set()),
                **options,
            )
            return _download.download(source, to, storage, limits)

        return await _bridge.in_thread(work, lookup.cancel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __reduce__(self) -> NoReturn:
        _no_copy(self)

    def __repr__(self) -> str:
        return _shown(self)


class _StorageHolder:
    """The pool towards the storage host, made when the first download needs it."""

    def __init__(self, transport: httpx.BaseTransport | None, owner: _StorageHolder | None = None) -> None:
        self._transport = transport
        self._owner = owner
        self._storage: Storage | None = None
        self._lock = threading.Lock()

    def get(self, settings: Settings) -> Storage:
        if self._owner is not None:
            return self._owner.get(settings)
        with self._lock:  # of two threads that need it first, one makes it: the other's would never be closed
            if self._storage is None:
                from ._download import Storage

                self._storage = Storage(timeout=settings.timeout, transport=self._transport)
            return self._storage

    def shared(self) -> _StorageHolder:
        return _StorageHolder(None, self._owner or self)

    def close(self) -> None:
        if self._storage is not None:
            self._storage.close()


def _evolved(settings: Settings, timeout: float | httpx.Timeout | None, max_retries: int | None) -> Settings:
    limits = settings.timeout if timeout is None else _config.resolve_timeout(timeout)
    retries = settings.max_retries if max_retries is None else _config.resolve_max_retries(max_retries)
    return Settings(settings.base_url, settings.credential, limits, _config.deadline_of(limits), retries)
