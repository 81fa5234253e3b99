"""A field that one side alone says is required in the models of that side, and of no other."""

from __future__ import annotations

import copy
import json
from typing import Any

from scripts.regen._pipeline import plan
from tests.spec_changes._change import BASE

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_USER: Json = {
    "type": "object",
    "required": ["name", "password", "kind", "id"],
    "properties": {
        "name": _TEXT,
        "password": {**_TEXT, "writeOnly": True},
        "kind": {"const": "coach", "writeOnly": True},
        "id": {"$ref": "#/components/schemas/Id"},
    },
}


def _models(asked: str, answered: str) -> Json:
    spec = copy.deepcopy(BASE)
    users: Json = {"Asked": _USER, "Answered": {**_USER, "title": "Answered"}, "Both": _USER}
    spec["components"]["schemas"] = {**users, "Id": {"type": "integer", "readOnly": True}}
    content = [{"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}} for name in (asked, answered)]
    responses = {"200": {"description": "ok", "content": content[1]}}
    spec["paths"]["/users/"] = {"post": {"requestBody": {"content": content[0]}, "responses": responses}}
    models: Json = plan(json.dumps(spec).encode(), "openapi.json").canonical.document["components"]["schemas"]
    return models


def test_a_request_must_say_what_requests_alone_say() -> None:
    """A value that can only be one is said without the caller; what the server fills in is left out."""
    asked = _models("Asked", "Answered")["Asked"]
    assert asked["required"] == ["name", "password", "kind"]
    assert asked["properties"]["kind"]["allOf"]
    assert asked["properties"]["kind"]["default"] == "coach"


def test_an_answer_must_say_what_answers_alone_say() -> None:
    """A secret that nobody sends back is not missed."""
    assert _models("Asked", "Answered")["Answered"]["required"] == ["name", "id"]


def test_a_model_of_both_sides_must_say_what_both_say() -> None:
    """One class stands for the request and the answer, and must hold either."""
    assert _models("Both", "Both")["Both"]["required"] == ["name"]
