"""The one place that names generated code: from domain terms to a request, as the vendor's spec has it today.

`make regen` writes the request builders of `aikynetix_api.facade`, so that paths, parameters and bodies follow the spec
by regeneration alone. Each generated module is imported when its operation is first called.
"""

from __future__ import annotations

import importlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aikynetix_api import facade
from aikynetix_api.client import AuthenticatedClient, Client
from aikynetix_api.errors import UnexpectedStatus
from attrs import field, frozen

from ._config import SpecDefaults
from ._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    import httpx


class Analysis(StrEnum):
    """Which analysis to make of a session."""

    __module__ = "aikynetix"

    JUMP = "jump"
    WEIGHTLIFTING = "weightlifting"


@frozen
class Call:
    """One request, before it is bound to a server.

    Attributes:
        operation: The facade's name of the operation.
        kwargs: What `httpx.Client.build_request` takes.
        url_places: Where the video's URL may be in a success answer, each the JSON keys that lead there.
    """

    operation: str
    kwargs: Mapping[str, Any] = field(repr=False)
    url_places: tuple[tuple[str, ...], ...] = ()


def get_analyzed_video(session_id: str, analysis: Analysis | None, as_attachment: bool) -> Call:
    """Return the request that retrieves the video's URL, or has the video made."""
    return _call(facade.get_analyzed_video, session_id, analysis, download=as_attachment)


def generate_analyzed_video(session_id: str, analysis: Analysis | None) -> Call:
    """Return the request that has the video made."""
    return _call(facade.generate_analyzed_video, session_id, analysis)


def _call(build: Callable[..., dict[str, Any]], session_id: str, analysis: Analysis | None, **flags: bool) -> Call:
    name, jump, weight = build.__name__, analysis is Analysis.JUMP, analysis is Analysis.WEIGHTLIFTING
    try:
        kwargs = build(session_id, is_jump=jump, is_weight=weight, **flags)
    except (TypeError, ValueError, AttributeError, KeyError) as error:  # what a spec that outgrew the facade leads to
        raise ConfigurationError(
            f"the operation {name} has outgrown this version of aikynetix: {facade.UNSUPPORTED.get(name, error)}. "
            "Update aikynetix, or reach the operation as it is now through client.call or client.raw."
        ) from None
    return Call(name, kwargs, facade.VIDEO_URL.get(name, ()))


def spec_defaults() -> SpecDefaults:
    """Return what the vendored spec says of the server and its credentials."""
    return SpecDefaults(facade.BASE_URL, facade.API_KEY, facade.BEARER)


def spec_name() -> str:
    """Return the title and version that the vendored spec gives itself."""
    return f"{facade.TITLE} {facade.VERSION}"


def parsed(operation: str, response: httpx.Response) -> Any:
    """Return ``response`` as the generated model of ``operation``; whatever the generated parser raises passes."""
    return parse_with(importlib.import_module(facade.MODULES[operation]), response)


def parse_with(module: ModuleType, response: httpx.Response) -> Any:
    """Return ``response``, a 2xx, as the success model of a generated operation module; its parser's exceptions pass.

    204 and 205 have no content whatever else the spec documents (RFC 9110, sections 15.3.5 and 15.3.6).

    Raises:
        UnexpectedStatus: The spec does not name the status, so that there is no model for what is in the body.
    """
    if response.status_code in (204, 205) and not response.content:
        return None
    try:
        return module._parse_response(client=_RaisingClient(response.status_code), response=response)
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


__all__ = ["Analysis", "AuthenticatedClient", "Call", "Client", "generate_analyzed_video", "get_analyzed_video"]
