# ruff: noqa: E501 -- tables, one case to a line however long
"""What the facade takes from a document is found in whatever shape the vendor gives it, or clearly not found."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from scripts.regen._diff import compare
from scripts.regen._pipeline import plan
from scripts.regen._report import report
from tests.spec_changes._change import BASE, GET, get, item

if TYPE_CHECKING:
    from scripts.regen._pipeline import Plan

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_KEY: Json = {"type": "apiKey", "in": "header", "name": "API-KEY"}
_JWT: Json = {"type": "http", "scheme": "bearer"}


def _object(**properties: Any) -> Json:
    return {"type": "object", "properties": properties}


_MESH = _object(
    analyzed_video_url=_TEXT, **{f"f{number}": {"$ref": "#/components/schemas/Mesh"} for number in range(30)}
)


def _planned(schemes: Json | None = None, servers: list[str] | None = None, answers: Json | None = None) -> Plan:
    spec = copy.deepcopy(BASE)
    if schemes:
        spec["components"]["securitySchemes"] = schemes
        spec["security"] = [{name: []} for name in schemes]
    if servers:
        spec["servers"] = [{"url": url} for url in servers]
    for status, schema in (answers or {}).items():
        get(spec)["responses"][status] = {"description": "", "content": {"application/json": {"schema": schema}}}
    spec["components"]["schemas"] = {"Mesh": _MESH}
    return plan(json.dumps(spec).encode(), "openapi.json")


def _named(name: str, place: str = "header", **more: Any) -> Json:
    return {"type": "apiKey", "in": place, "name": name, **more}


@pytest.mark.parametrize(
    ("schemes", "key", "bearer"),
    [
        ({"c": _named("sessionid", "cookie"), "k": _KEY, "j": _JWT}, ("header", "API-KEY"), "Bearer "),
        ({"c": _named("X-CSRFToken"), "k": _named("X-Api-Key"), "j": _JWT}, ("header", "X-Api-Key"), "Bearer "),
        ({"q": _named("signature", "query"), "k": _named("apikey", "query"), "j": _JWT}, ("query", "apikey"), "Bearer "),
        ({"a": _named("X-App"), "k": _named("X-Team-Key")}, ("header", "X-Team-Key"), None),
        ({"c": _named("sessionid", "cookie"), "j": _JWT}, None, "Bearer "),
        ({"k": _KEY, "t": _named("Authorization", description='Token-based, with required prefix "Token"')}, ("header", "API-KEY"), "Token "),
        ({"k": _KEY, "t": _named("authorization", description="Send `Authorization: JWT abc`")}, ("header", "API-KEY"), "JWT "),
        ({"k": _KEY, "t": _named("Authorization", description="Enter your token (any) in the format: bearer <token>")}, ("header", "API-KEY"), "Bearer "),
        ({"k": _KEY, "t": _named("Authorization", description="Put your <token> here")}, ("header", "API-KEY"), "Bearer "),
        ({"k": _KEY, "t": {"type": "http", "scheme": "Token"}}, ("header", "API-KEY"), "Token "),
        ({"k": _KEY, "t": {"type": "http", "scheme": "token"}, "j": _JWT}, ("header", "API-KEY"), "Bearer "),
        ({"b": {"type": "http", "scheme": "basic"}, "d": {"type": "http", "scheme": "digest"}}, None, None),
    ],
)  # fmt: skip
def test_credentials(schemes: Json, key: tuple[str, str] | None, bearer: str | None) -> None:
    """Of several schemes the one for programs is taken, with the prefix that the document states."""
    found = _planned(schemes).credentials
    assert found.api_key == key
    assert (found.bearer or (None, None))[1] == bearer


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        (["http://127.0.0.1:8000/v1"], "http://127.0.0.1:8000/v1"),
        (["https://localhost:5001", "https://api.test/"], "https://api.test"),
        (["http://api.test", "wss://api.test", "https://b.test"], "https://b.test"),
        (["https://user@api.test", "https://api.test?x=1"], None),
        (["https://a.test", "https://b.test"], "https://a.test"),
        (["api2.aikynetix.app:8443"], None),
        (["api2.aikynetix.app/v2", "https://b.test"], "https://b.test"),
        (["v1.5/beta", "https://b.test"], "https://api.aikynetix.app/v1.5/beta"),
        (["./v2.json.d"], "https://api.aikynetix.app/v2.json.d"),
    ],
)
def test_base_url(servers: list[str], base: str | None) -> None:
    """The first server that a credential may be sent to, a developer's own machine only where it stands alone."""
    assert _planned(servers=servers).base == base


_OURS, _THEIRS, _PLAIN = "https://video.aikynetix.app/x", "https://api.aikynetix.app", "http://api.aikynetix.app"


@pytest.mark.parametrize(
    ("ours", "document", "prefix", "says"),
    [
        (_OURS, _THEIRS, _THEIRS, f"not on the base URL {_OURS}, but on {_THEIRS}: GET /sessions/."),
        (_OURS, _PLAIN, "no-server:", "no server that can be used is named for GET /sessions/ (http://api"),
        (_THEIRS, _THEIRS, "", "Nothing changed."),
    ],
)
def test_other_operations_stay_on_the_server_of_the_document(ours: str, document: str, prefix: str, says: str) -> None:
    """A server stated for the facade's path alone is not the one of others, and the report says where those are."""
    spec = copy.deepcopy(BASE)
    spec["servers"] = [{"url": document}]
    spec["paths"]["/sessions/"] = {"get": {"operationId": "sessions_list", "responses": {}}}
    before = copy.deepcopy(spec)
    item(spec)["servers"] = [{"url": ours}]
    planned = plan(json.dumps(spec).encode(), "openapi.json")
    assert planned.findings == []
    assert planned.base == ours
    assert [one.prefix for one in planned.canonical.endpoints] == ["", "", prefix]
    assert says in report(planned, compare(before if prefix else spec, spec), {})
    assert bool(planned.canonical.notes) == bool(prefix)


@pytest.mark.parametrize(
    ("answers", "places"),
    [
        ({"200": _object(analyzed_video_url=_object(url=_TEXT, expires=_TEXT))}, [("analyzed_video_url", "url")]),
        ({"200": _object(original_video_url=_TEXT)}, []),
        ({"200": _object(thumbnail=_object(video_url=_TEXT))}, []),
        ({"200": _object(annotated_video_url=_TEXT, original_video_url=_TEXT)}, [("annotated_video_url",)]),
        ({"200": _object(anything=_object(analyzedVideoUrl=_TEXT))}, [("anything", "analyzedVideoUrl")]),
        ({"200": _object(job_url=_TEXT, thumbnail_url=_TEXT)}, []),
        ({"200": _object(url=_TEXT, state=_TEXT)}, [("url",)]),
        ({"200": _object(upload_signed_url=_TEXT, url=_TEXT)}, []),
        ({"200": _object(data=_object(url=_TEXT), overlay_url=_TEXT)}, []),
        ({"200": _object(data=_object(url=_TEXT), thumbnail_url=_TEXT)}, [("data", "url")]),
        ({"200": _object(video_url=_TEXT, annotated_url=_TEXT)}, []),
        ({"200": _object(video=_object(url=_TEXT), analysis=_object(url=_TEXT))}, []),
        ({"200": _object(annotated_video_url=_TEXT, analysis_url=_TEXT)}, [("annotated_video_url",)]),
        ({"200": _object(analyzed_video_url={**_TEXT, "format": "uuid"})}, []),
        ({"200": _object(analyzed_video_url={**_TEXT, "writeOnly": True})}, []),
        ({"200": _object(analyzed_video_url=_TEXT), "202": _object(url=_TEXT, job=_TEXT)}, [("analyzed_video_url",)]),
        ({"200": _object(analyzed_video_url=_TEXT), "201": _object(data=_object(analyzed_video_url=_TEXT))}, [("analyzed_video_url",), ("data", "analyzed_video_url")]),
        ({"200": {"oneOf": [_object(video=_object(url=_TEXT)), _object(video_url=_TEXT)]}}, [("video", "url"), ("video_url",)]),
        ({"200": {"anyOf": [_object(analyzed_video_url=_TEXT), {"type": "null"}]}}, [("analyzed_video_url",)]),
        ({"200": _object(front=_object(analyzed_video_url=_TEXT), side=_object(analyzed_video_url=_TEXT))}, []),
        ({"200": _object(analyzed_video_url={"type": "array", "items": _TEXT})}, []),
        ({"200": _object(analyzed_video_url=False)}, []),
        ({"200": _object(analyzed_video_url={"oneOf": [_TEXT, _object(url=_TEXT, size=_TEXT)]})}, [("analyzed_video_url", "url"), ("analyzed_video_url",)]),
        ({"200": _object(analyzed_video_url={"oneOf": [_TEXT, _object(url=_TEXT, href=_TEXT)]})}, []),
        ({"200": _object(analyzed_video_url=_TEXT, signed_url=_TEXT)}, [("analyzed_video_url",)]),
        ({"200": _object(analyzed_video_url={**_TEXT, "deprecated": True}, url=_TEXT)}, [("analyzed_video_url",)]),
        ({"200": {"$ref": "#/components/schemas/Mesh"}}, [("analyzed_video_url",)]),
    ],
)  # fmt: skip
def test_places_of_the_address(answers: Json, places: list[tuple[str, ...]]) -> None:
    """The address of the video is found by its name; an address of something else is never taken for it."""
    assert list(_planned(answers=answers).places[GET]) == places
