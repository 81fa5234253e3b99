"""The one module that names generated code: from domain terms to a request, as the vendor's spec has it today.

`make regen` writes the request builders of `aikynetix_api.facade`, so that paths, parameters and bodies follow the spec
by regeneration alone. Each generated module is imported when its operation is first called.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, Self, TypeVar, get_args

import httpx  # noqa: TC002 -- tools resolve the annotations at run time
from aikynetix_api import facade
from aikynetix_api.client import AuthenticatedClient, Client
from aikynetix_api.errors import UnexpectedStatus
from attrs import field, frozen

from ._auth import ApiKey, BearerToken, SpecDefaults
from ._errors import ConfigurationError, InvalidArgumentError
from ._responses import misfit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # An operation with a `security` of its own is typed to want an AuthenticatedClient. That class holds the token in
    # plain sight, so it is one for type checkers only: at run time the generated functions just ask for the client.
    class _Base(Client, AuthenticatedClient):  # type: ignore[misc]  # both define the same methods, each for itself
        pass
else:
    _Base = Client

# What the regeneration writes before the path of an operation none of whose servers can be used.
_NO_SERVER = "no-server:"
# What the regeneration calls the credentials that an operation takes, and what its errors call them.
_KINDS: dict[type[object], str] = {ApiKey: "api_key", BearerToken: "token"}
_CREDENTIALS = {"api_key": "an API key (api_key=)", "token": "a bearer token (token=)"}
_RAISING = Client(base_url="", raise_on_unexpected_status=True)
_LONGEST_ID = 1_024
_LONGEST_WAIT = 1e9
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, unpaired surrogates

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


def get_analyzed_video(session_id: str, analysis: Analysis | str | None, as_attachment: bool = False) -> RequestSpec:
    """Return the request that retrieves the video's URL, or has the video made; the arguments are checked."""
    flag = checked_flag("as_attachment", as_attachment)
    return _spec(facade.get_analyzed_video, session_id, analysis, download=flag)


def generate_analyzed_video(session_id: str, analysis: Analysis | str | None) -> RequestSpec:
    """Return the request that has the video made; the arguments are checked."""
    return _spec(facade.generate_analyzed_video, session_id, analysis)


def _spec(
    build: Callable[..., dict[str, Any]], session_id: str, analysis: Analysis | str | None, **flags: bool
) -> RequestSpec:
    name, session_id, analysis = build.__name__, checked_session_id(session_id), checked_analysis(analysis)
    jump, weight = analysis is Analysis.JUMP, analysis is Analysis.WEIGHTLIFTING
    try:
        kwargs = build(session_id, is_jump=jump, is_weight=weight, **flags)
    except (TypeError, ValueError, AttributeError, KeyError) as error:  # what a spec that outgrew the facade leads to
        raise ConfigurationError(
            f"the operation {name} has outgrown this version of aikynetix: {facade.UNSUPPORTED.get(name, error)}. "
            "Update aikynetix, or reach the operation as it is now through client.call or client.raw."
        ) from None
    return RequestSpec(name, kwargs, facade.VIDEO_URL.get(name, ()))


def checked_session_id(session_id: str) -> str:
    """Return ``session_id`` if it can stand in a URL's path."""
    if not isinstance(session_id, str):
        raise TypeError(f"session_id must be a str, not {type(session_id).__name__}")
    if not session_id.strip():
        fault = "is empty; give the id of a session"
    elif session_id in (".", ".."):
        fault = f"{session_id!r} would lead to another path; give the id of a session"
    elif len(session_id) > _LONGEST_ID:
        fault = f"has {len(session_id)} characters; at most {_LONGEST_ID} are allowed"
    elif _UNSENDABLE.search(session_id):
        fault = "has control characters or unpaired surrogates in it; remove them (a line end, perhaps)"
    else:
        return session_id
    raise InvalidArgumentError(f"session_id {fault}")


def checked_analysis(analysis: Analysis | str | None) -> Analysis | None:
    """Return ``analysis`` as an `Analysis`."""
    if analysis is None:
        return None
    try:
        return Analysis(analysis)
    except ValueError:
        choices = ", ".join(repr(choice.value) for choice in Analysis)
        raise ValueError(f"analysis must be one of {choices} or None, not {analysis!r:.100}") from None


def checked_flag(name: str, value: bool) -> bool:
    """Return ``value`` if it is a bool: as a string even ``"false"`` would be true."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r:.100}")
    return value


def checked_wait(wait: float) -> float:
    """Return ``wait`` if it is a number of seconds from 0 to a thousand million."""
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise TypeError(f"the wait must be a number of seconds, not {type(wait).__name__}")
    if not 0 <= wait <= _LONGEST_WAIT:  # not shown: Python refuses to write out a number of thousands of digits
        raise ValueError(f"the wait must be a number of seconds from 0 to {_LONGEST_WAIT:.0e}")
    return float(wait)


def checked_count(name: str, value: int) -> int:
    """Return ``value`` if it is a whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number, 1 or more, not {value!r:.60}")
    return value


def checked_destination(to: str | os.PathLike[str]) -> str:
    """Return the path or URL that ``to`` names."""
    named: object = os.fspath(to) if isinstance(to, str | os.PathLike) else None
    if not isinstance(named, str):
        raise TypeError(f"to must be a str or a path of str, such as pathlib.Path, not {type(to).__name__}")
    if not named:
        raise ValueError("the destination is empty; name a file, a folder ('.' is the current one) or an fsspec URL")
    if re.search(r"[\0\ud800-\udc7f\udd00-\udfff]", named):  # the other surrogates stand for bytes of a name
        raise ValueError(f"the destination has a character in it that no file's name can have: {named!r:.100}")
    return named


def check_progress(progress: object) -> None:
    """Refuse what cannot be told of progress, by `download` or `export`."""
    if progress is not None and (not callable(progress) or inspect.iscoroutinefunction(progress)):
        raise TypeError(f"progress must be a plain function or None, not {progress!r:.100}")


def spec_defaults() -> SpecDefaults:
    """Return what the vendored spec says of the server and its credentials."""
    return SpecDefaults(facade.BASE_URL, facade.API_KEY, facade.BEARER)


def spec_name() -> str:
    """Return the title and version that the vendored spec gives itself."""
    return f"{facade.TITLE} {facade.VERSION}"


def parsed(operation: str, response: httpx.Response) -> Any:
    """Return ``response``, a 2xx, as the success model of one of the facade's operations."""
    return success_model(importlib.import_module(facade.MODULES[operation]), response)


def success_model(operation: Any, response: httpx.Response) -> Any:
    """Return ``response``, a 2xx, as the success model of a generated operation module; None where it has no content.

    A response to HEAD has none, nor have 204 and 205, whatever is documented (RFC 9110, 9.3.2, 15.3.5, 15.3.6). An
    empty one of another status is a success only where the spec has a success without content.
    """
    if response.request.method == "HEAD" or (response.status_code in (204, 205) and not response.content):
        return None
    try:
        made = operation._parse_response(client=_RAISING, response=response)  # noqa: SLF001 -- the generator's
        if hasattr(made, "to_dict") and not isinstance(response.json(), dict):
            raise TypeError("it is no JSON object")
    except Exception as error:
        if isinstance(error, UnexpectedStatus) and not response.content:
            # What the regeneration writes; a module of the plain generator does not say.
            returned = getattr(getattr(operation, "_success", None), "__annotations__", {}).get("return")
            if returned is None or type(None) in get_args(returned):
                return None
            error = ValueError("its body is empty")
        raise misfit(response, error) from None
    return made


def request_kwargs(
    operation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], auth: httpx.Auth
) -> Mapping[str, Any]:
    """Return what a generated operation module makes of its arguments, as httpx takes it; see `Aikynetix.call`."""
    if not hasattr(operation, "_get_kwargs") or not hasattr(operation, "_parse_response"):
        raise TypeError(
            "operation must be a generated operation module, such as "
            f"aikynetix_api.api.analyzed_videos.get_analyzed_video, not {operation!r:.100}"
        )
    name = operation.__name__.rpartition(".")[2]
    if hasattr(operation, "NOT_CALLABLE"):  # so marked by the regeneration: no request can be right
        raise ConfigurationError(f"{operation.NOT_CALLABLE}.")
    given = _KINDS.get(type(auth))
    accepted: Any = getattr(operation, "CREDENTIALS", (given,))  # named by the regeneration where not all are taken
    if given is not None and given not in accepted:
        wanted = " or ".join(_CREDENTIALS[one] for one in accepted) or "a credential that this client cannot give"
        raise ConfigurationError(f"the vendor's spec has {name} take {wanted}, and this client has another credential.")
    try:
        made: dict[str, Any] = operation._get_kwargs(*args, **kwargs)  # noqa: SLF001 -- the generator's
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = str(error).removeprefix("_get_kwargs() ")
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"the arguments are not what {name} takes: {said}") from error
    if str(made.get("url")).startswith(_NO_SERVER):
        raise ConfigurationError(
            "the vendor's spec names no server for this operation that can be used (https, or http on loopback); "
            "send it with an HTTP client of your own, or ask the vendor for the address."
        )
    return made


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
        self._client, self._async_client = client, async_client

    def get_httpx_client(self) -> httpx.Client:
        """Return the facade's httpx client."""
        if self._client is None:
            raise ConfigurationError("this raw client is asynchronous: use its asyncio functions.")
        return self._client

    def get_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the facade's asynchronous httpx client."""
        if self._async_client is None:
            raise ConfigurationError("this raw client is synchronous: use its sync functions.")
        return self._async_client

    def with_headers(self, *_: object, **__: object) -> NoReturn:
        """Not available: a copy would lose the credential, the retries and the bounds."""
        raise ConfigurationError(
            "copies of client.raw are not available; use client.with_options(...).raw for other limits, "
            "or build a generated Client of your own for other headers."
        )

    def with_cookies(self, *_: object, **__: object) -> NoReturn:
        """Not available; see `with_headers`."""
        self.with_headers()

    def with_timeout(self, *_: object, **__: object) -> NoReturn:
        """Not available; see `with_headers`."""
        self.with_headers()

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
