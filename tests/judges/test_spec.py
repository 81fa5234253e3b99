"""openapi-spec-validator on ``openapi.json``."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from .prism import SPEC

validator = pytest.importorskip(
    "openapi_spec_validator", reason="openapi-spec-validator is not installed: it comes with the extra `dev`"
)


@pytest.fixture(scope="module")
def spec() -> Any:
    return json.loads(SPEC.read_text("utf-8"))


def test_the_spec_is_valid(spec: Any) -> None:
    """It is OpenAPI 3.1 by its own word, and conforms to that version's schema."""
    assert spec["openapi"].startswith("3.1.")
    assert list(validator.OpenAPIV31SpecValidator(spec).iter_errors()) == []


@pytest.mark.parametrize(
    ("pointer", "value", "complaint"),
    [
        (["info"], None, "'info' is a required property"),
        (["paths", "*", "get", "parameters", 0, "in"], "nowhere", "nowhere"),
        (["paths", "*", "get", "responses", "200", "description"], None, "'description' is a required property"),
        (["paths", "*", "post", "operationId"], "session-management_sessions_analyzed-video_list", "not unique"),
    ],
    ids=["no info", "a parameter nowhere", "a response without description", "one id twice"],
)
def test_a_broken_spec_is_not_valid(spec: Any, pointer: list[str | int], value: str | None, complaint: str) -> None:
    """The judge finds each of a few breaks, and names it."""
    broken = copy.deepcopy(spec)
    place = broken
    for key in pointer[:-1]:
        place = next(iter(place.values())) if key == "*" else place[key]
    if value is None:
        del place[pointer[-1]]
    else:
        place[pointer[-1]] = value
    found = [_told(error) for error in validator.OpenAPIV31SpecValidator(broken).iter_errors()]
    assert any(complaint in told for told in found), found


def _told(error: Any) -> str:
    """Return the text of an error and of all that it consists of; which quotes it has differs between releases."""
    text: str = error.message.replace('"', "'")
    return " | ".join([text, *(_told(part) for part in error.context or ())])
