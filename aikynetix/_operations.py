"""The one place that names generated code: from domain terms to a request, as the vendor's spec has it today.

Only the request side is used (`_get_kwargs` and the body models), so that paths, parameters and bodies follow the spec
by regeneration alone. Each generated module is imported when its operation is first called.
"""

from __future__ import annotations

import importlib
import inspect
import typing
from enum import StrEnum
from functools import cache
from types import ModuleType, UnionType
from typing import TYPE_CHECKING, Any

from aikynetix_api import vendor
from aikynetix_api.client import AuthenticatedClient, Client
from aikynetix_api.errors import UnexpectedStatus
from aikynetix_api.types import UNSET, Unset
from attrs import field, fields, frozen

from . import _header_fields
from ._config import SpecDefaults
from ._errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx


class _Asked:
    """Stands in for the client that the generated parsers take.

    All that they ask it is whether to raise on a status that the spec does not name; their own exception would hold the
    whole body, twice.
    """

    def __init__(self, status: int) -> None:
        self._status = status

    @property
    def raise_on_unexpected_status(self) -> bool:
        raise UnexpectedStatus(self._status, b"")


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
    flags = {**_flags(analysis), "download": as_attachment}
    return _operation("get_analyzed_video").call(session_id, flags)


def generate_analyzed_video(session_id: str, analysis: Analysis | None) -> Call:
    """Return the request that has the video made."""
    return _operation("generate_analyzed_video").call(session_id, _flags(analysis))


def spec_defaults() -> SpecDefaults:
    """Return what the vendored spec says of the server and its credentials."""
    return SpecDefaults(vendor.BASE_URL, vendor.API_KEY, vendor.BEARER)


def spec_name() -> str:
    """Return the title and version that the vendored spec gives itself."""
    return f"{vendor.TITLE} {vendor.VERSION}"


def parsed(operation: str, response: httpx.Response) -> Any:
    """Return ``response`` as the generated model of ``operation``; whatever the generated parser raises passes."""
    return parse_with(_operation(operation).module, response)


def parse_with(module: ModuleType, response: httpx.Response) -> Any:
    """Return ``response``, a 2xx, as the success model of a generated operation module; its parser's exceptions pass.

    204 and 205 have no content whatever else the spec documents (RFC 9110, sections 15.3.5 and 15.3.6).

    Raises:
        UnexpectedStatus: The spec does not name the status, so that there is no model for what is in the body.
    """
    if response.status_code in (204, 205) and not response.content:
        return None
    try:
        return module._parse_response(client=_Asked(response.status_code), response=response)
    except UnexpectedStatus:
        if response.content:
            raise
        return None  # whatever 2xx it is, nothing is what it holds


def _flags(analysis: Analysis | None) -> dict[str, bool]:
    return {"is_jump": analysis is Analysis.JUMP, "is_weight": analysis is Analysis.WEIGHTLIFTING}


@frozen
class _Operation:
    """A generated operation and what it takes.

    Attributes:
        name: The facade's name of the operation.
        module: The generated module.
        unsaid: Keyword parameters to pass when the caller says nothing: UNSET, so that a default that the vendor
            declares is not sent as if the caller had asked for it.
        required: Keyword parameters that must be said.
        body: The body model, or None.
        body_unsaid: As ``unsaid``, of the body's fields.
        body_required: As ``required``, of the body's fields.
        url_places: Where the video's URL may be in a success answer, each the JSON keys that lead there.
    """

    name: str
    module: ModuleType
    unsaid: Mapping[str, Any]
    required: frozenset[str]
    body: type | None
    body_unsaid: Mapping[str, Any]
    body_required: frozenset[str]
    url_places: tuple[tuple[str, ...], ...]

    def call(self, session_id: str, flags: Mapping[str, bool]) -> Call:
        """Return the request for ``session_id``: true flags are said, false ones only where the spec requires them."""
        keywords, content = dict(self.unsaid), dict(self.body_unsaid)
        for flag, value in flags.items():
            if flag in self.unsaid or flag in self.required:
                if value or flag in self.required:
                    keywords[flag] = value
            elif flag in self.body_unsaid or flag in self.body_required:
                if value or flag in self.body_required:
                    content[flag] = value
            elif value:
                raise _outgrown(self.name, f"it no longer takes {flag!r}")
        try:
            if self.body is not None:
                keywords["body"] = self.body(**content)
            kwargs = self.module._get_kwargs(session_id, **keywords)
            if self.body is not None and not (kwargs.get("data", True) and kwargs.get("files", True)):
                # A form that says nothing is no body at all on the wire, so it says that it is neither.
                unset = {flag: value for flag, value in flags.items() if flag in self.body_unsaid}
                kwargs = self.module._get_kwargs(session_id, **{**keywords, "body": self.body(**{**content, **unset})})
            _header_fields.check(kwargs.get("headers") or {})
            return Call(self.name, kwargs, self.url_places)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise _outgrown(self.name, f"it asks for more than the facade can say ({error})") from None


@cache
def _operation(name: str) -> _Operation:
    path = vendor.OPERATIONS.get(name)
    if path is None:
        raise _outgrown(name, "the vendor's spec has no such operation any more")
    module = importlib.import_module(path)
    parameters = list(inspect.signature(module._get_kwargs).parameters.values())[1:]
    body, keywords = None, [parameter for parameter in parameters if parameter.name != "body"]
    if len(keywords) != len(parameters):
        body = _body_model(module)
    unsaid, required = _split({p.name: p.default is not p.empty and _is_optional(module, p.name) for p in keywords})
    body_fields = {} if body is None else {f.alias or f.name: f.default is UNSET for f in fields(body) if f.init}
    body_unsaid, body_required = _split(body_fields)
    return _Operation(name, module, unsaid, required, body, body_unsaid, body_required, vendor.VIDEO_URL.get(name, ()))


def _split(optional: Mapping[str, bool]) -> tuple[dict[str, Any], frozenset[str]]:
    unsaid = {name: UNSET for name, is_optional in optional.items() if is_optional}
    return unsaid, frozenset(optional) - frozenset(unsaid)


def _is_optional(module: ModuleType, name: str) -> bool:
    """A required parameter may have a default too, which then is sent: the vendor wants the parameter in any case."""
    annotation = typing.get_type_hints(module._get_kwargs)[name]
    return Unset in _members(annotation)


def _body_model(module: ModuleType) -> type | None:
    """Return the model of the operation's JSON body; of several bodies the first model that serializes itself."""
    for member in _members(typing.get_type_hints(module._get_kwargs)["body"]):
        if isinstance(member, type) and hasattr(member, "to_dict"):
            return member
    return None


def _members(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (UnionType, typing.Union)
    return typing.get_args(annotation) if is_union else (annotation,)


def _outgrown(operation: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the operation {operation} has outgrown this version of aikynetix: {why}. "
        "Update aikynetix, or reach the operation as it is now through client.call or client.raw."
    )


__all__ = ["Analysis", "AuthenticatedClient", "Call", "Client", "generate_analyzed_video", "get_analyzed_video"]
