"""What a call of a generated operation puts on the wire, and what it makes of the answer."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pytest

import aikynetix
from scripts.regen._pipeline import build, plan
from tests.spec_changes._change import BASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TEXT: dict[str, Any] = {"type": "string"}
_LIST: dict[str, Any] = {"type": "array", "items": _TEXT}
_DEEP: dict[str, Any] = {"type": "object", "properties": {"sport": _TEXT, "level": {"type": "integer"}}}


def _operation(name: str, parameters: list[Any], answer: Any, **more: Any) -> dict[str, Any]:
    responses = {"200": {"description": "", **({} if answer is None else {"content": answer})}}
    return {"operationId": name, "tags": ["wire"], "parameters": parameters, "responses": responses, **more}


def _query(name: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema, **more}


def _document() -> dict[str, Any]:
    styles = [
        _query("repeated", _LIST),
        _query("joined", _LIST, explode=False),
        _query("piped", {"type": "array", "items": {"type": "integer"}}, style="pipeDelimited"),
        _query("spaced", _LIST, style="spaceDelimited", explode=False),
        _query("filter", _DEEP, style="deepObject", explode=True),
        {"name": "X-Note", "in": "header", "schema": _TEXT},
    ]
    upload = {
        "file": {"type": "string", "format": "binary"},
        "note": {"type": ["string", "null"]},
        "is_jump": {"type": "boolean"},
    }
    one = {"name": "id", "in": "path", "required": True, "schema": _TEXT}
    plain = {"text/plain": {"schema": _TEXT}}
    shapeless: dict[str, Any] = {"application/json": {"schema": {}}}
    model = {"application/json": {"schema": {"type": "object", "properties": {"name": _TEXT}}}}
    form = {"multipart/form-data": {"schema": {"type": "object", "properties": upload, "required": ["file"]}}}
    shaped = {"type": "object", "properties": {"deep": _DEEP, "many": {"type": "array", "items": _DEEP}, "tags": _LIST}}
    nullable = {
        "application/json": {"schema": {"anyOf": [{"type": "object", "properties": {"a": _TEXT}}, {"type": "null"}]}}
    }
    odd = [
        {"name": name, "in": "header", "schema": _TEXT} for name in ("X-Équipe", "X Team", "Content-Length", "X-Note")
    ]
    odd += [{"name": name, "in": "cookie", "schema": _TEXT} for name in ("thème",)]
    hosts = {
        name: [{"url": f"{scheme}://up.aikynetix.app/v2"}] for name, scheme in (("other", "https"), ("none", "http"))
    }
    form_data = {"application/x-www-form-urlencoded": {"schema": shaped}}
    paths = {
        "/shaped": {"post": _operation("shaped", [], None, requestBody={"required": True, "content": form_data})},
        "/nullable": {"post": _operation("nullable", [], model, requestBody={"required": True, "content": nullable})},
        "/film": {"post": _operation("film", [], None, requestBody={"required": True, "content": {"video/*": {}}})},
        "/note": {"post": _operation("note", [], None, requestBody={"required": True, "content": {"text/*": {}}})},
        "/glance": {"head": _operation("glance", [], model)},
        "/odd": {"get": _operation("odd", odd, model)},
        "/other": {"get": _operation("other", [], model, servers=hosts["other"])},
        "/none": {"get": _operation("none", [], model, servers=hosts["none"])},
        "/search": {"get": _operation("search", styles, shapeless)},
        "/things/{id}": {"delete": _operation("remove", [one], None)},
        "/upload": {"post": _operation("upload", [], None, requestBody={"required": True, "content": form})},
        "/words": {"post": _operation("words", [], plain, requestBody={"required": True, "content": plain})},
        "/maybe": {"post": _operation("maybe", [], model, requestBody={"content": model})},
    }
    return {**BASE, "paths": {**BASE["paths"], **paths}}


@pytest.fixture(scope="module")
def operation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Any]]:
    """Return what imports an operation, or another module, of the generated package under a name of its own."""
    folder = tmp_path_factory.mktemp("wire")
    planned = plan(json.dumps(_document()).encode(), "wire.json")
    assert planned.findings == []
    build(planned, folder).rename(folder / "wire_api")
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"wire_api.{name}")
    sys.path.remove(str(folder))


class Wire:
    """Calls an operation with both clients, and keeps the request."""

    def __init__(self, operation: Callable[[str], Any]) -> None:
        self._operation = operation
        self.answer = httpx.Response(200, json={})
        self.request = httpx.Request("GET", "https://x.test")
        self.contents: list[bytes] = []

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.request = request
        self.contents.append(request.content)
        content = {"content-type": self.answer.headers.get("content-type", "")}
        return httpx.Response(self.answer.status_code, content=self.answer.content, headers=content)

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        module = self._operation(f"api.wire.{name}")

        async def later() -> Any:
            transport = httpx.MockTransport(self._serve)
            async with aikynetix.AsyncAikynetix(api_key="k", transport=transport, max_retries=0) as client:
                return await client.call(module, *args, **kwargs)

        with aikynetix.Aikynetix(api_key="k", transport=httpx.MockTransport(self._serve), max_retries=0) as client:
            result = client.call(module, *args, **kwargs)
        assert asyncio.run(later()) == result
        return result

    @property
    def query(self) -> list[tuple[str, str]]:
        """What the query of the last request says."""
        return self.request.url.params.multi_items()


@pytest.fixture
def wire(operation: Callable[[str], Any]) -> Wire:
    return Wire(operation)


def test_lists_and_objects_go_into_the_query_in_the_style_of_the_document(
    wire: Wire, operation: Callable[[str], Any]
) -> None:
    """Repeated, joined with what the style joins with, or unfolded with brackets (OpenAPI 3.1.1, section 4.8.12.6)."""
    deep = operation("models").SearchFilter(sport="jump", level=2)
    wire("search", repeated=["a", "b"], joined=["a", "b"], piped=[1, 2], spaced=["a", "b"], filter_=deep)
    assert wire.query == [
        ("repeated", "a"),
        ("repeated", "b"),
        ("joined", "a,b"),
        ("piped", "1|2"),
        ("spaced", "a b"),
        ("filter[sport]", "jump"),
        ("filter[level]", "2"),
    ]
    wire("search", joined=[])
    assert wire.query == []


def test_an_answer_of_no_stated_shape_is_returned_as_it_is(wire: Wire) -> None:
    """JSON without a schema is still an answer, not nothing."""
    wire.answer = httpx.Response(200, json={"a": [1]})
    assert wire("search") == {"a": [1]}


def test_text_is_text_beside_a_body_of_text(wire: Wire, operation: Callable[[str], Any]) -> None:
    """The body is sent as bytes, the answer of the same type comes back as a string."""
    wire.answer = httpx.Response(200, text="é")
    body = operation("types").File(payload=BytesIO(b"hello"))
    assert wire("words", body=body) == "é"
    assert wire.contents[0] == b"hello"
    assert wire.request.headers["content-type"] == "text/plain"


@pytest.mark.parametrize("value", ["..", ".", ""])
def test_a_path_parameter_never_leads_elsewhere(wire: Wire, value: str) -> None:
    """`..` would take a deletion to the address above (RFC 3986, section 5.2.4); it is refused before any request."""
    before = wire.request
    with pytest.raises(ValueError, match="another address"):
        wire("remove", value)
    assert wire.request is before
    wire("remove", "../x")
    assert wire.request.url.raw_path == b"/things/..%2Fx"


def test_a_header_beyond_ascii_is_sent_as_utf8(wire: Wire) -> None:
    """Text of any language can stand in a header (RFC 9110, section 5.5)."""
    wire("search", x_note="é☃")
    assert dict(wire.request.headers.raw)[b"X-Note"] == "é☃".encode()


def test_an_upload_has_no_part_for_null_and_a_name_for_every_file(wire: Wire, operation: Callable[[str], Any]) -> None:
    """A part `None` would be taken for that word, a file without a name for text (RFC 7578, section 4.2)."""
    types, models = operation("types"), operation("models")
    wire.answer = httpx.Response(200)
    file = types.File(payload=BytesIO(b"video"))
    assert wire("upload", body=models.UploadBody(file=file, note=None, is_jump=True)) is None
    sent = wire.contents[0]
    assert b'name="file"; filename="file"' in sent
    assert b'name="note"' not in sent
    assert b"\r\n\r\ntrue\r\n" in sent


def test_no_body_announces_no_type(wire: Wire) -> None:
    """An optional body that is left out leaves its content type out."""
    wire("maybe")
    assert "content-type" not in wire.request.headers
    assert wire.request.content == b""


def test_no_content_is_no_answer(wire: Wire) -> None:
    """204 is a success without a model, whether the document names it or not."""
    wire.answer = httpx.Response(204)
    assert wire("maybe") is None


def test_an_object_in_a_form_is_json(wire: Wire, operation: Callable[[str], Any]) -> None:
    """A server reads JSON where the document has an object, alone or in a list, and never Python's notation."""
    models = operation("models")
    deep, many = models.SearchFilter(sport="é", level=2), [models.SearchFilter(sport="b")]
    wire("shaped", body=models.ShapedBody(deep=deep, many=many, tags=["x", "y"]))
    assert parse_qsl(wire.contents[0].decode()) == [
        ("deep", '{"sport": "é", "level": 2}'),
        ("many", '{"sport": "b"}'),
        ("tags", "x"),
        ("tags", "y"),
    ]


def test_null_is_a_body(wire: Wire) -> None:
    """Where the document allows null, None is sent as that, and not as nothing."""
    wire("nullable", body=None)
    assert wire.contents[0] == b"null"
    assert wire.request.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("name", "kind"), [("film", "video/mp4"), ("note", "text/plain")])
def test_a_range_of_media_types_is_not_announced(
    wire: Wire, operation: Callable[[str], Any], name: str, kind: str
) -> None:
    """`video/*` is a range and no type that a body could have (RFC 9110, section 8.3)."""
    wire(name, body=operation("types").File(payload=BytesIO(b"bytes"), file_name="clip.mp4"))
    assert wire.request.headers["content-type"] == kind
    assert wire.contents[0] == b"bytes"


def test_an_answer_to_head_has_no_content(wire: Wire) -> None:
    """Whatever the document says of it, for the schema is that of the GET (RFC 9110, section 9.3.2)."""
    wire.answer = httpx.Response(200)
    assert wire("glance") is None


@pytest.mark.parametrize(
    ("argument", "value", "says"),
    [
        ("x_é_quipe", "1", "'X-Équipe' cannot be sent: no header or cookie may have such a name"),
        ("x_team", "1", "'X Team' cannot be sent: no header or cookie"),
        ("content_length", "3", "'Content-Length' cannot be sent: HTTP itself"),
        ("x_note", "a\r\nEvil: 1", "'X-Note' cannot be sent: its value has control characters"),
        ("thème", "1", "'thème' cannot be sent: no header or cookie"),
    ],
)
def test_a_header_that_cannot_be_sent_is_named(wire: Wire, argument: str, value: str, says: str) -> None:
    """It is found before any request, by its name, and not told as a failure of the connection."""
    before = wire.request
    with pytest.raises(ValueError, match=says) as refusal:
        wire("odd", **{argument: value})
    assert type(refusal.value) is ValueError
    assert wire.request is before


def test_an_operation_on_another_server_is_sent_there_without_the_credential(wire: Wire) -> None:
    """The credential is for one origin; it is not the business of another."""
    wire("other")
    assert str(wire.request.url) == "https://up.aikynetix.app/v2/other"
    assert "api-key" not in wire.request.headers


def test_an_operation_without_a_usable_server_is_not_sent(wire: Wire) -> None:
    """Its own server is no address for a credential, and the base URL is not where the operation is."""
    before = wire.request
    with pytest.raises(aikynetix.ConfigurationError, match="no server for this operation that can be used"):
        wire("none")
    assert wire.request is before
