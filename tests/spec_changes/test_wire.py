# ruff: noqa: E501 -- tables, one case to a line however long
"""What a call of a generated operation puts on the wire, and what it makes of the response, in both clients."""

from __future__ import annotations

import asyncio
import datetime
import importlib
import inspect
import json
import re
import sys
import uuid
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import httpx
import pytest

import aikynetix
from scripts.regen._pipeline import build
from tests.spec_changes._change import planned_of, published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from scripts.regen._facade import Plan

_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_TROUBLE = {path: item["post"]["x-says"] for path, item in published("wire.json")["paths"].items() if "trouble" in path}
_DATE, _UUID = datetime.date(2031, 2, 3), uuid.UUID(int=7)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plan, Callable[[str], Any]]]:
    """Return the plan, and what imports a module of the generated package under a name of its own."""
    folder = tmp_path_factory.mktemp("wire")
    planned = planned_of(published("wire.json"))
    build(planned, folder).rename(folder / "wire_api")
    assert planned.findings == []
    sys.path.insert(0, str(folder))
    yield planned, lambda name: importlib.import_module(f"wire_api.{name}")
    sys.path.remove(str(folder))


class Wire:
    """Calls an operation with both clients, and keeps the request."""

    def __init__(self, planned: Plan, module: Callable[[str], Any]) -> None:
        self.planned, self.module = planned, module
        self.answer = httpx.Response(200, json={})
        self.request: Any = None
        self.transport = httpx.MockTransport(self._serve)

    def _serve(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.request = request
        return httpx.Response(self.answer.status_code, content=self.answer.content, headers=self.answer.headers)

    def __call__(self, called: str, /, **kwargs: Any) -> Any:
        operation = self.module(f"api.wire.{called}")
        options: dict[str, Any] = {"transport": self.transport, "max_retries": 0}

        async def later() -> Any:
            async with aikynetix.AsyncAikynetix(api_key="k", **options) as client:
                return await client.call(operation, **kwargs)

        with aikynetix.Aikynetix(api_key="k", **options) as client:
            result = client.call(operation, **kwargs)
        sent = self.request
        for file in (one for one in kwargs.values() if hasattr(one, "payload")):
            file.payload.seek(0)
        assert asyncio.run(later()) == result
        assert self.request.url == sent.url
        return result

    def __getattr__(self, name: str) -> Any:
        """Return a model of the generated package, for the tables."""
        return getattr(self.module("models"), name)

    def file(self, **more: Any) -> Any:
        """Return a file."""
        return self.module("types").File(payload=BytesIO(b"\x00film"), **more)

    def free(self, model: str, **fields: Any) -> Any:
        """Return a body of fields of any name."""
        body = getattr(self, model)()
        for name, value in fields.items():
            body[name] = value
        return body


@pytest.fixture
def wire(made: tuple[Plan, Callable[[str], Any]]) -> Wire:
    return Wire(*made)


@pytest.mark.parametrize(
    ("name", "arguments", "query"),
    [
        ("search", lambda m: {"repeated": ["a", "b"], "joined": ["a", "b"], "piped": [1, 2], "spaced": ["a", "b"], "filter_": m.SearchFilter(sport="jump", level=2)}, [("repeated", "a"), ("repeated", "b"), ("joined", "a,b"), ("piped", "1|2"), ("spaced", "a b"), ("filter[sport]", "jump"), ("filter[level]", "2")]),
        ("search", lambda _: {"joined": []}, []),
        ("collide", lambda m: {"filter_": m.CollideFilter(name="a"), "sort": m.CollideSort(name="b"), "name": "c"}, [("name", "a"), ("name", "b"), ("name", "c")]),
        ("named", lambda _: {"operation": "1", "self_": "2", "client_query": "3", "request_query": "4", "str_": "5"}, [("operation", "1"), ("self", "2"), ("client", "3"), ("request", "4"), ("str", "5")]),
    ],
)  # fmt: skip
def test_queries(wire: Wire, name: str, arguments: Any, query: list[tuple[str, str]]) -> None:
    """Lists and objects stand in the style of the document, and neither names nor fields overwrite each other."""
    wire(name, **arguments(wire))
    assert wire.request.url.params.multi_items() == query


def test_headers_cookies_and_paths_are_written_by_their_kinds(wire: Wire) -> None:
    """Numbers, dates, identifiers, lists and text beyond ASCII stand as texts that a server reads (RFC 9110, 5.5)."""
    wire(
        "headed",
        x_note="é☃",
        x_n=1.5,
        x_d=_DATE,
        x_u=_UUID,
        x_l=[1, 2],
        x_o=wire.HeadedXO(sport="jump", level=2),
        x_b=True,
    )
    raw = [value.decode() for name, value in wire.request.headers.raw if name.startswith(b"X-")]
    assert raw == ["é☃", "1.5", "2031-02-03", str(_UUID), "1,2", "sport=jump,level=2", "true"]
    wire("baked", n=1.5, d=_DATE, u=_UUID, l=[1, 2], b=False)
    assert wire.request.headers["cookie"] == f"n=1.5; d=2031-02-03; u={_UUID}; l=1%2C2; b=false"
    wire("placed", d=_DATE, l=[1, 2])
    assert wire.request.url.raw_path == b"/at/2031-02-03/1,2"
    wire("undeclared", id="a/b")
    assert wire.request.url.raw_path == b"/un/a%2Fb"
    wire("said", id='"a"')  # a text of a media type is its caller's to write
    assert wire.request.url.raw_path == b"/said/%22a%22"
    wire("share", id="a")  # `/files/{id}#share` in the document, which is no part of a request
    assert wire.request.url.raw_path == b"/files/a"


@pytest.mark.parametrize(
    ("name", "body", "kind", "sent"),
    [
        ("nullable", lambda _: None, _JSON, b"null"),
        ("versioned", lambda m: m.VersionedBody(sport="x"), "application/json; version=2", b'{"sport":"x"}'),
        ("as_dotnet", lambda m: m.AsDotnetBody(sport="x"), _JSON, b'{"sport":"x"}'),
        ("as_dotnet_json", lambda _: "x", "application/vnd.other+json", b'"x"'),
        ("pet", lambda m: m.Horse(height=2), _JSON, b'{"kind":"Horse","height":2}'),
        ("pet", lambda m: m.Dog(kind="dog", bark="é"), _JSON, '{"kind":"dog","bark":"é"}'.encode()),
        ("shared_json", lambda m: m.Shared(clip="x", when=_DATE), _JSON, b'{"clip":"x","when":"2031-02-03"}'),
        ("shaped", lambda m: m.ShapedBody(deep=m.Deep(level=2), many=[m.Deep(sport="b")], tags=["x", "y"], b=True), _FORM, [("deep", '{"level": 2}'), ("many", '{"sport": "b"}'), ("tags", "x"), ("tags", "y"), ("b", "true")]),
        ("form_variants", lambda m: m.FormVariantsBody(b=2), _FORM, [("b", "2")]),
        ("form_shapeless", lambda m: m.free("FormShapelessBody", a=1, b=["x", "y"]), _FORM, [("a", "1"), ("b", "x"), ("b", "y")]),
        ("picture", lambda m: m.file(mime_type="image/webp"), "image/webp", b"\x00film"),
        ("picture", lambda m: m.file(file_name="a.png"), "image/png", b"\x00film"),
        ("pictures", lambda m: m.file(mime_type="image/jpeg"), "image/jpeg", b"\x00film"),
        ("pictures", lambda m: m.file(), "image/png", b"\x00film"),
        ("film", lambda m: m.file(mime_type="video/quicktime"), "video/quicktime", b"\x00film"),
        ("words", lambda m: m.file(), "text/plain", b"\x00film"),
        ("anything", lambda m: m.file(), "application/octet-stream", b"\x00film"),
    ],
)  # fmt: skip
def test_bodies(wire: Wire, name: str, body: Any, kind: str, sent: Any) -> None:
    """A body is announced as what it is, and says what it was given; an object in a form is JSON."""
    wire(name, body=body(wire))
    assert wire.request.headers["content-type"] == kind
    content = wire.request.content
    assert (parse_qsl(content.decode()) if isinstance(sent, list) else content) == sent


def test_a_type_beside_a_reference_makes_no_other_model(wire: Wire) -> None:
    """Converters write `type: object` beside every reference; a nested object stays of the class that it refers to."""
    assert isinstance(wire.Shared.from_dict({"clip": "x", "deep": {"level": 2}}).deep, wire.Deep)


def test_json_of_one_schema_under_several_names_is_one_function(wire: Wire) -> None:
    """Some frameworks list four names of JSON for every body: who uses the package is not to choose among them."""
    own = [one.name for one in wire.planned.canonical.endpoints if one.operation.path == "/as-dotnet"]
    assert own == ["as_dotnet", "as_dotnet_json"]


@pytest.mark.parametrize(
    ("name", "body", "parts"),
    [
        ("upload", lambda m: m.UploadBody(file=m.file(), note=None, is_jump=True), [("file", "file"), ("is_jump", "true")]),
        ("upload", lambda m: m.UploadBody(file=m.file(file_name="a.mp4", mime_type="video/mp4")), [("file", "a.mp4 video/mp4")]),
        ("either", lambda m: m.EitherBody(file=m.file()), [("file", "file")]),
        ("variants", lambda m: m.VariantsBody(kind="clip", file=m.file()), [("kind", "clip"), ("file", "file")]),
        ("shapeless", lambda m: m.free("ShapelessBody", film=m.file(), n=1, deep={"a": [True]}), [("film", "file"), ("n", "1"), ("deep", '{"a": [true]} application/json')]),
        ("bare", lambda m: m.free("BareBody", film=m.file()), [("film", "file")]),
        ("shared_parts", lambda m: m.SharedFiles(clip=m.file(), deep=m.Deep(level=1), when=_DATE), [("clip", "file"), ("deep", '{"level": 1} application/json'), ("when", "2031-02-03")]),
        ("shared_parts", lambda m: m.Shared(clip=m.file()), [("clip", "file")]),
        ("many", lambda m: m.ManyBody(files=[m.file(), m.file(file_name="a.jpg")], tags=["x", "y"], deep=m.Deep(sport="b"), more="[1]"), [("files", "file image/png"), ("files", "a.jpg image/jpeg"), ("tags", "x"), ("tags", "y"), ("deep", '{"sport": "b"} application/json'), ("more", "[1] application/json")]),
    ],
)  # fmt: skip
def test_parts(wire: Wire, name: str, body: Any, parts: list[tuple[str, str]]) -> None:
    """Every file is a part with a name and its own type, everything else the text that a server reads; null is none."""
    made = body(wire)
    with aikynetix.Aikynetix(api_key="k", transport=wire.transport, max_retries=0) as client:
        client.call(wire.module(f"api.wire.{name}"), body=made)
    boundary = wire.request.headers["content-type"].removeprefix("multipart/form-data; boundary=").encode()
    assert boundary not in (b"+++", b"")
    told = []
    for part in wire.request.content.split(b"--" + boundary)[1:-1]:
        head, _, content = part.decode().partition("\r\n\r\n")
        stated = dict(re.findall(r'(?i)\b(name|filename|content-type)(?:="|: )([^"\r\n]+)', head))
        if "filename" in stated:
            assert content == "\x00film\r\n"
            kind = stated["Content-Type"].replace("application/octet-stream", "")
            told.append((stated["name"], f"{stated['filename']} {kind}".strip()))
        else:
            told.append((stated["name"], f"{content.strip()} {stated.get('Content-Type', '')}".strip()))
    assert told == parts


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("remove", lambda _: {"id": ".."}, "to another address"),
        ("remove", lambda _: {"id": ""}, "to another address"),
        ("odd", lambda _: {"x_é_quipe": "1"}, "'X-Équipe' cannot be sent: no header or cookie may have such a name"),
        ("odd", lambda _: {"content_length": "3"}, "'Content-Length' cannot be sent: HTTP itself decides"),
        ("odd", lambda _: {"thème": "1"}, "'thème' cannot be sent: no header or cookie"),
        ("headed", lambda _: {"x_note": "a\r\nEvil: 1"}, "'X-Note' cannot be sent: its value has control characters"),
        ("film", lambda m: {"body": m.file()}, "say so in the `mime_type`"),
        ("pictures", lambda m: {"body": m.file(mime_type="text/css")}, "is to be image/png or image/jpeg"),
        (
            "many",
            lambda m: {"body": m.ManyBody(files=[m.file(mime_type="text/css")])},
            "is to be image/png or image/jpeg",
        ),
        ("shared_json", lambda m: {"body": m.Shared(clip=m.file())}, "a file cannot be sent here"),
    ],
)
def test_what_cannot_be_sent_is_said_before_any_request(wire: Wire, name: str, arguments: Any, says: str) -> None:
    """It is a ValueError that names what is wrong, and not a failure of the connection or another request."""
    with pytest.raises(ValueError, match=says):
        wire(name, **arguments(wire))
    assert wire.request is None


@pytest.mark.parametrize("path", _TROUBLE)
def test_what_cannot_be_called_says_so_in_the_report_and_when_it_is_called(wire: Wire, path: str) -> None:
    """No request can be right, or the client's credential is none that the operation takes; nothing is sent then."""
    with pytest.raises(aikynetix.ConfigurationError) as refusal:
        wire(path.rpartition("/")[2])
    assert _TROUBLE[path] in str(refusal.value)
    assert wire.request is None
    assert any(f"POST {path}" in note for note in wire.planned.canonical.caveats)


def test_a_token_reaches_what_takes_a_token_alone(wire: Wire) -> None:
    """The mark keeps out the other credential, and no request of this one."""
    with aikynetix.Aikynetix(token="t", transport=wire.transport, max_retries=0) as client:
        client.call(wire.module("api.wire.token_alone"))
    assert wire.request.headers["authorization"] == "Bearer t"


def test_responses(wire: Wire) -> None:
    """JSON without a shape is returned as it is, text as text, no content as None; another 2xx as the documented one."""
    wire.answer = httpx.Response(200, json={"pet": {"kind": "cat", "cat": "Tom"}})
    assert wire("optional").pet.cat == "Tom"
    wire.answer = httpx.Response(200, json={"a": [1]})
    assert wire("search") == {"a": [1]}
    wire.answer = httpx.Response(200, text="é")
    assert wire("plain") == "é"
    wire.answer = httpx.Response(204)
    assert wire("search") is None
    for status, kind in zip((200, 201, 202, 203), ("dog", "lion", "cat", "Horse"), strict=True):
        wire.answer = httpx.Response(status, json={"kind": kind})
        assert type(wire("pets")).__name__.lower() == kind.replace("lion", "cat").lower()


@pytest.mark.parametrize(
    ("name", "fit", "unfit"),
    [
        ("pet", {"kind": "cat"}, {"lives": 9}),
        ("pets", [{"kind": "cat"}], [{"lives": 9}]),
        ("pets", None, {"items": []}),
        ("when", "2031-02-03T04:05:06+00:00", "soon"),
        ("kind", None, "cow"),
        ("name", "a", 5),
        ("name", {"kind": "cat"}, {"lives": 9}),
        ("named", {"a": {"kind": "cat"}}, {"a": {"lives": 9}}),
        ("level", 5, "5"),
        ("level", 5.0, {}),
        ("d", {"v": "x"}, 5),
        ("cast", {"names": ["a"]}, 5),
        ("more", {"a": {"kind": "cat"}}, {"a": {}}),
    ],
)
def test_what_fits_no_alternative_is_no_success(wire: Wire, name: str, fit: Any, unfit: Any) -> None:
    """A response of none of the documented kinds, null among them, is not returned raw in the place of a model."""
    wire.answer = httpx.Response(200, json={name: fit})
    assert wire("optional").to_dict() == {name: fit}
    wire.answer = httpx.Response(200, json={name: unfit})
    with pytest.raises(aikynetix.APIResponseValidationError, match="it fits no alternative"):
        wire("optional")


@pytest.mark.parametrize(
    ("name", "sent", "read"),
    [
        ("one", {"id": "a", "pace": 4}, None),
        ("one", {"id": "a", "height": 0.4}, None),
        ("one", {"id": "a", "reps": 3, "load": 80}, None),
        ("held", {"run": {"height": 0.4}}, None),
        ("many", [{"id": "a", "height": 0.4}], None),
        ("many", [], None),
        ("many", None, None),
        ("none", {"id": "a", "load": 80}, {"id": "a"}),
        ("none", {"id": "a", "load": 80, "height": 0.4}, {"id": "a", "height": 0.4}),
        ("matched", {"a1": 1}, None),
        ("either", {"x": []}, None),
        ("either", {"x": {"y": "a"}}, None),
    ],
)
def test_the_alternative_that_has_every_field_is_taken(wire: Wire, name: str, sent: Any, read: Any) -> None:
    """The first that takes what came would drop the fields it does not know; where all would, the one that drops least."""
    wire.answer = httpx.Response(200, json={name: sent})
    assert wire("closed").to_dict() == {name: sent if read is None else read}


def test_numbers_and_flags_tell_alternatives_apart(wire: Wire) -> None:
    """A mapping has texts alone, and the field that it is about may be another type; no value fits two."""
    wire.answer = httpx.Response(200, json={"numbered": {"v": 2, "b": 1}, "flagged": {"ok": False, "error": "e"}})
    found = wire("closed")
    assert (found.numbered.b, found.flagged.error) == (1, "e")
    assert wire.Second(b=2).to_dict() == {"v": 2, "b": 2}
    for sent in ({"v": "three", "c": 1}, {"v": 4, "d": 1}):
        wire.answer = httpx.Response(200, json={"unmapped": sent})
        assert wire("closed").unmapped.additional_properties == {}


@pytest.mark.parametrize("value", [1, 1.5, True, "x", None, {"x": 1}])
def test_types_tell_alternatives_apart(wire: Wire, value: Any) -> None:
    """Models say nothing of a text where a number should be; the alternative that fits is taken all the same."""
    wire.answer = httpx.Response(200, json={"typed": {"result": value}})
    found = wire("closed").typed
    annotation = found.__attrs_attrs__[0].type
    assert annotation.startswith(
        {int: "float", float: "float", bool: "bool", dict: "Closed"}.get(type(value), "None | str")
    )
    assert found.to_dict() == {"result": value}


def test_what_is_read_is_asked_for(wire: Wire) -> None:
    """Of several kinds that a success has the server is told which one is read; the report names the others."""
    wire.answer = httpx.Response(202, json="csv")
    assert wire("two_kinds") == "csv"
    assert wire.request.headers["accept"] == "application/json; v=2"
    never = "JSON is asked for, so these never return application/other+json, text/csv: GET /two-kinds"
    assert never in wire.planned.canonical.caveats


def test_an_operation_on_another_server_is_sent_there_without_the_credential(wire: Wire) -> None:
    """The credential is for one origin; it is not the business of another."""
    wire("other")
    assert str(wire.request.url) == "https://up.aikynetix.app/v2/other"
    assert "api-key" not in wire.request.headers


def test_a_model_may_hold_itself() -> None:
    """A part that refers to the whole, alone or among others, is of its class; with more beside it, of one of its own."""
    spec, whole = published("wire.json"), {"$ref": "#/components/schemas/Whole"}
    fields = {
        "next": whole,
        "parts": {"type": "array", "items": whole},
        "last": {"oneOf": [whole, {"type": "null"}]},
        "noted": {"allOf": [whole, {"description": "x"}, {"readOnly": True}]},
        "sure": {**whole, "required": ["next"]},
        "wide": {"allOf": [whole, {"properties": {"wide": whole}}]},
    }
    spec["components"]["schemas"]["Whole"] = {"type": "object", "properties": fields}
    spec["paths"]["/collide"]["get"]["parameters"].append({"name": "whole", "in": "query", "schema": whole})
    models = planned_of(spec).canonical.document["components"]["schemas"]
    held = {
        name: {own: re.findall(r"/(Whole\w*)", json.dumps(one)) for own, one in model["properties"].items()}
        for name, model in models.items()
        if name.startswith("Whole")
    }
    assert [*held["Whole"].values()] == [["Whole"]] * 4 + [["WholeSure"], ["WholeWide"]]
    assert (held["WholeSure"]["sure"], held["WholeWide"]["wide"]) == (["WholeSure"], ["WholeWide"])


@pytest.mark.parametrize(
    ("model", "required"),
    [("Asked", ["name", "password"]), ("Answered", ["name", "id"]), ("AskedAndAnswered", ["name"])],
)
def test_a_model_must_say_what_its_sides_say(wire: Wire, model: str, required: list[str]) -> None:
    """What the server fills in is left out of requests, a secret is not missed in answers; one class stands for both.

    A value that can only be one is said without the caller.
    """
    stated = inspect.signature(getattr(wire, model)).parameters
    assert sorted(name for name, one in stated.items() if one.default is one.empty) == sorted(required)
    assert (stated["kind"].default == "coach") == ("password" in required)


@pytest.mark.parametrize(("path", "why"), [("/unlisted", "no alternatives"), ("/unnamed", "not every alternative")])
def test_a_discriminator_that_cannot_be_followed_is_noted(wire: Wire, path: str, why: str) -> None:
    """Where alternatives are not listed, or have no name, the report says so."""
    assert [path in note for note in wire.planned.canonical.caveats if why in note] == [True]
