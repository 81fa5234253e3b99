# ruff: noqa: E501 -- tables, one case to a line however long
"""What the facade takes from a document is found in whatever shape the vendor gives it, or clearly not found."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.regen._find import base_url, find_credentials, video_url_places
from scripts.regen._operations import operations_of
from scripts.regen._schemas import ModelBook

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_KEY: Json = {"type": "apiKey", "in": "header", "name": "API-KEY"}
_JWT: Json = {"type": "http", "scheme": "bearer"}


def _spec(schemes: Json, security: list[Json] | None, answers: Json | None = None) -> Json:
    responses = {
        status: {"description": "", "content": {"application/json": {"schema": schema}}}
        for status, schema in (answers or {"200": {}}).items()
    }
    operation = {"responses": responses, **({} if security is None else {"security": security})}
    return {
        "openapi": "3.1.1",
        "info": {},
        "paths": {"/": {"get": operation}},
        "components": {"securitySchemes": schemes},
    }


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
    spec = _spec(schemes, [{name: []} for name in schemes])
    found = find_credentials(spec, operations_of(spec))
    assert found.api_key == key
    assert (found.bearer or (None, None))[1] == bearer


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        (["http://localhost:8000", "https://api.test/"], "https://api.test"),
        (["http://127.0.0.1:8000/v1"], "http://127.0.0.1:8000/v1"),
        (["https://localhost:5001", "https://api.test"], "https://api.test"),
        (["https://127.0.0.1:8443"], "https://127.0.0.1:8443"),
        (["http://api.test", "wss://api.test", "https://b.test"], "https://b.test"),
        (["https://user@api.test", "https://api.test?x=1"], None),
        (["https://a.test", "https://b.test"], "https://a.test"),
        (["api2.aikynetix.app/v2"], None),
        (["api2.aikynetix.app:8443"], None),
        (["api2.aikynetix.app/v2", "https://b.test"], "https://b.test"),
        (["v1.5/beta", "https://b.test"], "https://api.aikynetix.app/v1.5/beta"),
        (["v2"], "https://api.aikynetix.app/v2"),
        (["./v2.json.d"], "https://api.aikynetix.app/v2.json.d"),
    ],
)
def test_base_url(servers: list[str], base: str | None) -> None:
    """The first server that a credential may be sent to, a developer's own machine only where it stands alone."""
    assert base_url([{"url": url} for url in servers]) == base


def _object(**properties: Any) -> Json:
    return {"type": "object", "properties": properties}


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
        ({"200": _object(url=_TEXT, overlay_url=_TEXT)}, []),
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
        ({"200": _object(analyzed_video_url={"type": ["string", "array"], "items": _TEXT})}, [("analyzed_video_url",)]),
        ({"200": _object(analyzed_video_url={"type": "null"})}, []),
        ({"200": _object(analyzed_video_url={"allOf": [_TEXT, {"type": "integer"}]})}, []),
        ({"200": _object(analyzed_video_url=False)}, []),
        ({"200": _object(analyzed_video_url={"oneOf": [_TEXT, _object(url=_TEXT, size=_TEXT)]})}, [("analyzed_video_url", "url"), ("analyzed_video_url",)]),
        ({"200": _object(analyzed_video_url={"oneOf": [_TEXT, _object(url=_TEXT, href=_TEXT)]})}, []),
        ({"200": _object(signed_url=_TEXT), "201": _object(analyzed_video_url=_TEXT)}, [("analyzed_video_url",), ("signed_url",)]),
        ({"200": _object(url=_TEXT), "201": _object(analyzed_video_url=_TEXT)}, []),
        ({"200": _object(analyzed_video_url={**_TEXT, "deprecated": True}, signed_url=_TEXT)}, [("analyzed_video_url",), ("signed_url",)]),
        ({"200": _object(analyzed_video_url=_TEXT, signed_url=_TEXT)}, [("analyzed_video_url",)]),
        ({"200": _object(analyzed_video_url={**_TEXT, "deprecated": True}, url=_TEXT)}, [("analyzed_video_url",)]),
    ],
)  # fmt: skip
def test_places_of_the_address(answers: Json, places: list[tuple[str, ...]]) -> None:
    """The address of the video is found by its name; an address of something else is never taken for it."""
    spec = _spec({}, None, answers)
    assert list(video_url_places(ModelBook(spec), operations_of(spec)[0])) == places


def test_every_kind_of_json_that_is_answered_is_looked_through() -> None:
    """Which of two documented kinds the server sends is its choice, so the address is read in both."""
    spec = _spec({}, None, {"200": _object(analyzed_video_url=_TEXT)})
    content = spec["paths"]["/"]["get"]["responses"]["200"]["content"]
    content["application/vnd.v2+json"] = {"schema": _object(data=_object(analyzed_video_url=_TEXT))}
    places = video_url_places(ModelBook(spec), operations_of(spec)[0])
    assert places == (("analyzed_video_url",), ("data", "analyzed_video_url"))


def test_models_that_hold_each_other_are_looked_through_once() -> None:
    """An address that stands on top is found, however many ways lead from a model back to itself."""
    fields = {f"f{number}": {"$ref": "#/components/schemas/M"} for number in range(30)}
    spec = _spec({}, None, {"200": {"$ref": "#/components/schemas/M"}})
    spec["components"]["schemas"] = {"M": _object(analyzed_video_url=_TEXT, **fields)}
    assert video_url_places(ModelBook(spec), operations_of(spec)[0]) == (("analyzed_video_url",),)
