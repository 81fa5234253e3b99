"""A field that one side alone says is required in the models of that side, and of no other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

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


@pytest.mark.parametrize(
    ("asked", "answered", "required"),
    [
        ("User", "Other", ["name", "password", "kind"]),
        ("Other", "User", ["name", "id"]),
        ("User", "User", ["name"]),
    ],
)
def test_a_model_must_say_what_its_sides_say(asked: str, answered: str, required: list[str]) -> None:
    """What the server fills in is left out of requests, a secret is not missed in answers; one class stands for both.

    A value that can only be one is said without the caller.
    """
    spec = copy.deepcopy(BASE)
    spec["components"]["schemas"] = {"User": _USER, "Other": _USER, "Id": {"type": "integer", "readOnly": True}}
    content = [{"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}} for name in (asked, answered)]
    responses = {"200": {"description": "ok", "content": content[1]}}
    spec["paths"]["/users/"] = {"post": {"requestBody": {"content": content[0]}, "responses": responses}}
    model = plan(json.dumps(spec).encode(), "openapi.json").canonical.document["components"]["schemas"]["User"]
    assert model["required"] == required
    assert ("default" in model["properties"]["kind"]) == ("kind" in required)
