"""The one place that names generated code: from domain terms to a request, as the vendor's spec has it today.

`make regen` writes the request builders of `aikynetix_api.facade`, so that paths, parameters and bodies follow the spec
by regeneration alone. Each generated module is imported when its operation is first called.
"""

from __future__ import annotations

import importlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, Self, TypeVar

import httpx  # noqa: TC002 -- tools resolve the annotations at run time
from aikynetix_api import facade
from aikynetix_api.client import AuthenticatedClient, Client
from aikynetix_api.errors import UnexpectedStatus
from attrs import field, frozen

from ._auth import ApiKey, BearerToken
from ._config import SpecDefaults
from ._errors import ConfigurationError
from ._responses import body_text, invalid, misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aikynetix_api.operations import Api as Api  # noqa: PLC0414 -- the clients take it from here
    from aikynetix_api.operations import AsyncApi as AsyncApi  # noqa: PLC0414 -- the same

    # An operation with a `security` of its own is typed to want an AuthenticatedClient. That class holds the token in
    # plain sight, so it is one for type checkers only: at run time the generated functions just ask for the client.
    class _Base(Client, AuthenticatedClient):  # type: ignore[misc]  # both define the same methods, each for itself
        pass
else:
    _Base = Client

# What the regeneration writes before the path of an operation none of whose servers can be used.
_NO_SERVER = "no-server:"


Arguments = ParamSpec("Arguments")
Success_co = TypeVar("Success_co", covariant=True)


class Operation(Protocol[Arguments, Success_co]):
    """What type checkers know of a generated operation module: its arguments, and the model of its success."""

    @property
    def _get_kwargs(self) -> Callable[Arguments, dict[str, Any]]: ...

    def _parse_response(self, *, client: AuthenticatedClient | Client, response: httpx.Response) -> Any: ...

    def _success(self, parsed: Any) -> Success_co: ...


class Analysis(StrEnum):
    """Which analysis to make of a session."""

    __module__ = "aikynetix"

    JUMP = "jump"
    WEIGHTLIFTING = "weightlifting"


@frozen
class RequestSpec:
    """One request, before it is bound to a server."""

    operation: str
    kwargs: Mapping[str, Any] = field(repr=False)
    url_paths: tuple[tuple[str, ...], ...] = ()


def get_analyzed_video(session_id: str, analysis: Analysis | None, as_attachment: bool) -> RequestSpec:
    """Return the request that retrieves the video's URL, or has the video made."""
    return _spec(facade.get_analyzed_video, session_id, analysis, download=as_attachment)


def generate_analyzed_video(session_id: str, analysis: Analysis | None) -> RequestSpec:
    """Return the request that has the video made."""
    return _spec(facade.generate_analyzed_video, session_id, analysis)


def _spec(
    build: Callable[..., dict[str, Any]], session_id: str, analysis: Analysis | None, **flags: bool
) -> RequestSpec:
    name, jump, weight = build.__name__, analysis is Analysis.JUMP, analysis is Analysis.WEIGHTLIFTING
    try:
        kwargs = build(session_id, is_jump=jump, is_weight=weight, **flags)
    except (TypeError, ValueError, AttributeError, KeyError) as error:  # what a spec that outgrew the facade leads to
        raise ConfigurationError(
            f"the operation {name} has outgrown this version of aikynetix: {facade.UNSUPPORTED.get(name, error)}. "
            "Update aikynetix, or reach the operation as it is now through client.call or client.raw."
        ) from None
    return RequestSpec(name, kwargs, facade.VIDEO_URL.get(name, ()))


def api(call: Callable[..., Any]) -> Api:
    """Return every operation of the vendor's spec as a method, each made of a client's ``call``."""
    from aikynetix_api.operations import Api

    return Api(call)


def async_api(call: Callable[..., Any]) -> AsyncApi:
    """As `api`, for an asynchronous client."""
    from aikynetix_api.operations import AsyncApi

    return AsyncApi(call)


def spec_defaults() -> SpecDefaults:
    """Return what the vendored spec says of the server and its credentials."""
    return SpecDefaults(facade.BASE_URL, facade.API_KEY, facade.BEARER)


def spec_name() -> str:
    """Return the title and version that the vendored spec gives itself."""
    return f"{facade.TITLE} {facade.VERSION}"


def parsed(operation: str, response: httpx.Response) -> Any:
    """Return ``response`` as the generated model of ``operation``; whatever the generated parser raises passes."""
    return parse_with(importlib.import_module(facade.MODULES[operation]), response)


def parse_with(module: Any, response: httpx.Response) -> Any:
    """Return ``response``, a 2xx, as the success model of a generated operation module; its parser's exceptions pass.

    204 and 205 have no content whatever else the spec documents (RFC 9110, sections 15.3.5 and 15.3.6).
    """
    if response.status_code in (204, 205) and not response.content:
        return None
    try:
        return module._parse_response(client=_RaisingClient(response.status_code), response=response)  # noqa: SLF001 -- the generator's
    except UnexpectedStatus:
        if response.content:
            raise
        return None  # whatever 2xx it is, nothing is what it holds


class _RaisingClient:
    """Stands in for the client that the generated parsers take: all that they ask it is whether to raise.

    Their own exception would hold the whole body, twice.
    """

    def __init__(self, status: int) -> None:
        self._status = status

    @property
    def raise_on_unexpected_status(self) -> bool:
        raise UnexpectedStatus(self._status, b"")


def success_model(operation: Any, response: httpx.Response) -> Any:
    """Return ``response``, a 2xx, as the success model of a generated operation module."""
    if response.request.method == "HEAD":  # its responses have no content, whatever is documented (RFC 9110, 9.3.2)
        return None
    try:
        return parse_with(operation, response)
    except Exception as error:
        failure = invalid(response, f"the response does not fit the vendored spec: {misfit(error)}")
        failure.body = body_text(response.content)
        raise failure from None


def request_kwargs(
    operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], auth: httpx.Auth
) -> Mapping[str, Any]:
    """Return what a generated operation module makes of its arguments, as httpx takes it, checked.

    Args:
        operation: The module.
        args: As its functions take them.
        kwargs: As its functions take them.
        auth: The client's credential.

    Raises:
        TypeError: ``operation`` is no such module, or the arguments are not its own.
        ValueError: An argument has a value that no request can carry, such as ``..`` for a part of the path.
        ConfigurationError: The vendor's spec names no server for it that can be used, no request that can be made of
            it, or no credential of the kind that the client has.
    """
    if not hasattr(operation, "_get_kwargs") or not hasattr(operation, "_parse_response"):
        raise TypeError(
            "operation must be a generated operation module, such as "
            f"aikynetix_api.api.analyzed_videos.get_analyzed_video, not {operation!r:.100}"
        )
    _check_callable(operation, auth)
    try:
        made: dict[str, Any] = operation._get_kwargs(*args, **kwargs)  # noqa: SLF001 -- the generator's
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = str(error).removeprefix("_get_kwargs() ")
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"the arguments are not what {operation.__name__.rpartition('.')[2]} takes: {said}") from error
    if str(made.get("url")).startswith(_NO_SERVER):
        raise ConfigurationError(
            "the vendor's spec names no server for this operation that can be used (https, or http on loopback); "
            "send it with an HTTP client of your own, or ask the vendor for the address."
        )
    return made


def _check_callable(operation: Any, auth: httpx.Auth) -> None:
    """Refuse what the regeneration marked: no request can be right, or another credential is needed."""
    if hasattr(operation, "NOT_CALLABLE"):
        raise ConfigurationError(f"{operation.NOT_CALLABLE}.")
    accepted = getattr(operation, "CREDENTIALS", None)
    kinds: dict[type[httpx.Auth], str] = {ApiKey: "api_key", BearerToken: "token"}
    kind = kinds.get(type(auth))
    if accepted is not None and kind is not None and kind not in accepted:
        wanted = {"api_key": "an API key (api_key=)", "token": "a bearer token (token=)"}
        named = " or ".join(wanted[one] for one in accepted) or "a credential that this client cannot give but by auth="
        name = operation.__name__.rpartition(".")[2]
        raise ConfigurationError(f"the vendor's spec has {name} take {named}, and this client has another credential.")


class RawClient(_Base):
    """The generated ``Client``, whose requests go through the facade's connections, credential, retries and bounds.

    Its functions behave as the generator documents: statuses are returned, and exceptions are httpx's
    (`httpx.TransportError`, `httpx.DecodingError`).
    """

    __module__ = "aikynetix"
    __slots__ = ()

    def __init__(
        self, base_url: str, client: httpx.Client | None = None, async_client: httpx.AsyncClient | None = None
    ) -> None:
        Client.__init__(self, base_url=base_url)
        if client is not None:
            self.set_httpx_client(client)
        if async_client is not None:
            self.set_async_httpx_client(async_client)

    def get_httpx_client(self) -> httpx.Client:
        """Return the facade's httpx client."""
        if self._client is None:
            raise ConfigurationError(
                "this raw client is asynchronous: use the asyncio functions, or the raw of an Aikynetix."
            )
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the facade's asynchronous httpx client."""
        if self._async_client is None:
            raise ConfigurationError(
                "this raw client is synchronous: use the sync functions, or the raw of an AsyncAikynetix."
            )
        return self._async_client

    def with_headers(self, headers: dict[str, str]) -> NoReturn:  # noqa: ARG002 -- the generator's signature
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise _no_copies()

    def with_cookies(self, cookies: dict[str, str]) -> NoReturn:  # noqa: ARG002 -- the same
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise _no_copies()

    def with_timeout(self, timeout: httpx.Timeout) -> NoReturn:  # noqa: ARG002 -- the same
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise _no_copies()

    def __enter__(self) -> Self:
        self.get_httpx_client()
        return self

    def __exit__(self, *args: object, **kwargs: object) -> None:
        """Leave the connections open: they belong to the facade's client."""

    async def __aenter__(self) -> Self:
        self.get_async_httpx_client()
        return self

    async def __aexit__(self, *args: object, **kwargs: object) -> None:
        """Leave the connections open: they belong to the facade's client."""

    def __repr__(self) -> str:
        return f"RawClient(base_url={self._base_url!r})"


def _no_copies() -> ConfigurationError:
    return ConfigurationError(
        "copies of client.raw are not available; use client.with_options(...).raw for other limits, "
        "or build a generated Client of your own for other headers."
    )
