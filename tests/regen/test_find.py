"""What the facade takes from a document is found in whatever shape the vendor gives it, or clearly not found."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.regen._diff import compare, report
from tests.spec_changes._change import BASE, GET, PATH, get, item, planned_of

Json = dict[str, Any]
# Credentials: of several schemes the one for programs is taken, with the prefix that the document states. Base URLs:
# the first server that a credential may be sent to, a developer's own machine only where it stands alone. Places: the
# address of the video is found by its name; an address of something else is never taken for it.
_FOUND = [json.loads(line) for line in (Path(__file__).parent / "data" / "found.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("row", _FOUND, ids=lambda row: next(iter(row)))
def test_what_the_facade_needs_is_found(row: Json) -> None:
    """Schemes, servers or answers in the place of those of the vendor's first document, and what is found in them."""
    spec = copy.deepcopy(BASE)
    if "schemes" in row:
        spec["components"]["securitySchemes"] = row["schemes"]
        spec["security"] = [{name: []} for name in row["schemes"]]
    if "servers" in row:
        spec["servers"] = [{"url": url} for url in row["servers"]]
    for status, schema in row.get("answers", {}).items():
        get(spec)["responses"][status] = {"description": "", "content": {"application/json": {"schema": schema}}}
    spec["paths"] = {path: copy.deepcopy(item(spec)) for path in row.get("before", ())} | spec["paths"]
    text, mesh = {"type": "string"}, {"$ref": "#/components/schemas/Mesh"}
    fields = {"analyzed_video_url": text, **{f"f{number}": mesh for number in range(30)}}
    spec["components"]["schemas"] = {"Mesh": {"type": "object", "properties": fields}}
    planned = planned_of(spec)
    found = planned.canonical.credentials
    assert planned.canonical.facade[GET].operation.path == PATH
    assert list(found.api_key or ()) == (row.get("key", ["header", "API-KEY"]) or [])
    assert (found.bearer or (None, None))[1] == row.get("bearer", "Bearer ")
    assert planned.canonical.base == row.get("base", "https://api.aikynetix.app")
    assert [list(place) for place in planned.url_paths[GET]] == row.get("places", [["analyzed_video_url"]])
    moved = row.get("places", [["analyzed_video_url"]]) not in ([], [["analyzed_video_url"]])
    texts = [one.text for one in compare(planned_of(BASE), planned)]
    assert any("address of the video is read from" in one for one in texts) == moved


_OURS, _THEIRS, _PLAIN = "https://video.aikynetix.app/x", "https://api.aikynetix.app", "http://api.aikynetix.app"


@pytest.mark.parametrize(
    ("ours", "document", "prefix", "says"),
    [
        (_OURS, _THEIRS, _THEIRS, f"what is not on the base URL {_OURS} to {_THEIRS}, with the credential"),
        (_OURS, _PLAIN, "no-server:", "what has no server that can be used (http://api.aikynetix.app): GET /sessions/"),
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
    planned = planned_of(spec)
    assert planned.findings == []
    assert planned.canonical.base == ours
    assert [one.prefix for one in planned.canonical.endpoints] == ["", "", prefix]
    assert says in report(planned, compare(planned_of(before if prefix else spec), planned))
    assert bool(planned.canonical.caveats) == bool(prefix)
