"""What a change is, how those that are written down as data are made, and the parts of a document that changes touch.

A line of `changes.jsonl` says what the vendor moves, drops and sets. Places are JSON pointers (RFC 6901), from the
document's root with a slash first, else from our path item. `both` stands for its `get` and `post`, `success` and
`body` behind it for the schemas of response and request, a name for the entry of that name in a list, `+` for its end.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.regen._pipeline import plan
from tests.first import DOCUMENT

if TYPE_CHECKING:
    from scripts.regen._facade import Plan

Json = dict[str, Any]
Edit = Callable[[Json], Any]

ROOT = Path(__file__).resolve().parents[2]
PATH = "/session-management/sessions/{session_id}/analyzed-video/"
WORKS, LOUD, REFUSED = "works", "loud", "refused"
GET, GENERATE = "get_analyzed_video", "generate_analyzed_video"
BASE: Json = json.loads(DOCUMENT.read_text("utf-8"))
_SCHEMAS = {
    "success": ("responses", "200", "content", "application/json", "schema"),
    "body": ("requestBody", "content", "application/json", "schema"),
}


@dataclass(frozen=True)
class Change:
    """One change of the document.

    Attributes:
        name: What the vendor did.
        outcome: What `make regen` is to do: works, loud or refused.
        edit: Changes the parsed document in place, or returns another one, or text or bytes in its place.
        methods: For a loud change, the facade operations that it names.
        says: For a loud or refused change, a part of what is said.
        answer: The body of a success, where the schema does not say it, with `URL` for the video's address.
        required: Names that the document requires beside what the facade says.
    """

    name: str
    outcome: str
    edit: Edit
    methods: tuple[str, ...] = ()
    says: str = ""
    answer: Json | None = None
    required: tuple[str, ...] = ()


def recorded() -> list[Change]:
    """Return the changes of `changes.jsonl`."""
    rows = [json.loads(line) for line in Path(__file__).with_name("changes.jsonl").read_text("utf-8").splitlines()]
    return [
        Change(
            row["change"],
            row["outcome"],
            partial(_edited, row),
            tuple(row.get("methods", ())),
            row.get("says", ""),
            row.get("answer"),
            tuple(row.get("required", ())),
        )
        for row in rows
    ]


def _edited(row: Json, spec: Json) -> str | None:
    if "text" in row:
        return str(row["text"])
    whole = item(spec)
    for method, (status, schema) in row.get("respond", {}).items():
        for one in ("get", "post") if method == "both" else (method,):
            answer_with(whole[one], copy.deepcopy(schema), status)
    for old, new in row.get("move", {}).items():
        (node, key), (target, name) = *_places(spec, whole, old), *_places(spec, whole, new)
        target[name] = node.pop(key)
    for place in row.get("drop", ()):
        for node, key in _places(spec, whole, place):
            del node[key]
    if "path" in row:
        move_path(spec, row["path"])
    for place, value in row.get("set", {}).items():
        for node, key in _places(spec, whole, place):
            if key == "+":
                node.extend(copy.deepcopy(value))
            else:
                node[key] = copy.deepcopy(value)
    spec["paths"].update({path: copy.deepcopy(whole) for path in row.get("copy", ())})
    return None


def _places(spec: Json, whole: Json, pointer: str) -> Iterator[tuple[Any, Any]]:
    """Yield what holds the place (or places) of a pointer, and its key or index there."""
    root, *parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]
    if root:
        parts = [*_SCHEMAS.get(parts[0], parts[:1]), *parts[1:]] if parts else []
    for start in ("get", "post") if root == "both" else (root,):
        node: Any = whole if start else spec
        keys = [start, *parts] if start else parts
        for key in keys[:-1]:
            node = node[_index(node, key)]
        yield node, _index(node, keys[-1])


def _index(node: Any, key: str) -> Any:
    return next((n for n, one in enumerate(node) if one["name"] == key), key) if isinstance(node, list) else key


def changed_document(edit: Edit) -> tuple[Json | None, bytes]:
    """Return the vendor's first document after an edit, None where it is no document any more, and its bytes."""
    spec = copy.deepcopy(BASE)
    result = edit(spec)
    if isinstance(result, tuple):  # a document, and the bytes that it is published as
        return result
    if isinstance(result, str | bytes):
        return None, result.encode() if isinstance(result, str) else result
    changed = result if isinstance(result, dict) and "paths" in result else spec
    return changed, json.dumps(changed).encode()


def published(name: str) -> Json:
    """Return the vendor's first document with the schemas and operations of a file in this folder beside its own."""
    more = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    spec = copy.deepcopy(BASE)
    spec["components"]["schemas"] = more["schemas"]
    spec["components"]["securitySchemes"].update(more.get("securitySchemes", {}))
    spec["paths"].update(more["paths"])
    return spec


def planned_of(spec: Json) -> Plan:
    """Read a document as `make regen` does."""
    return plan(json.dumps(spec).encode(), "openapi.json")


def get(spec: Json) -> Json:
    """Return the GET operation."""
    found: Json = item(spec)["get"]
    return found


def post(spec: Json) -> Json:
    """Return the POST operation."""
    found: Json = item(spec)["post"]
    return found


def both(spec: Json) -> list[Json]:
    """Return both operations."""
    return [get(spec), post(spec)]


def item(spec: Json) -> Json:
    """Return the path item."""
    found: Json = next(one for path, one in spec["paths"].items() if "get" in one or "post" in one if "session" in path)
    return found


def success(operation: Json) -> Json:
    """Return the schema of the success answer."""
    schema: Json = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


def body(spec: Json) -> Json:
    """Return the schema of the POST's body."""
    schema: Json = post(spec)["requestBody"]["content"]["application/json"]["schema"]
    return schema


def parameter(spec: Json, name: str, operation: Json | None = None) -> Json:
    """Return a parameter of the GET operation (or of another)."""
    found: Json = next(one for one in (operation or get(spec))["parameters"] if one["name"] == name)
    return found


def add_parameter(operation: Json, name: str, place: str = "query", schema: Json | None = None, **more: Any) -> None:
    """Add a parameter to an operation."""
    operation["parameters"].append({"name": name, "in": place, "schema": schema or {"type": "string"}, **more})


def answer_with(operation: Json, schema: Json, status: str = "200") -> None:
    """Document another success answer in the place of the one there is."""
    operation["responses"].pop("200", None)
    operation["responses"][status] = {"description": "done", "content": {"application/json": {"schema": schema}}}


def move_path(spec: Json, path: str) -> None:
    """Publish both operations under another path."""
    spec["paths"] = {path: next(iter(spec["paths"].values()))}
