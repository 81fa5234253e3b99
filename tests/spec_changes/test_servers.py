"""Which server an operation is called on when the document names several, and what the report says of it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from scripts.regen._diff import compare
from scripts.regen._pipeline import plan
from scripts.regen._report import report
from tests.spec_changes._change import BASE, item

if TYPE_CHECKING:
    from scripts.regen._pipeline import Plan

_LIST: dict[str, Any] = {"operationId": "sessions_list", "responses": {"200": {"description": "ok"}}}
_OURS, _THEIRS = "https://video.aikynetix.app/x", "https://api.aikynetix.app"


def _planned(ours: str, document: str, *, on_operations: bool = False) -> Plan:
    spec = copy.deepcopy(BASE)
    spec["servers"] = [{"url": document}]
    for owner in [item(spec)["get"], item(spec)["post"]] if on_operations else [item(spec)]:
        owner["servers"] = [{"url": ours}]
    spec["paths"]["/sessions/"] = {"get": _LIST}
    return plan(json.dumps(spec).encode(), "openapi.json")


@pytest.mark.parametrize("on_operations", [False, True])
@pytest.mark.parametrize(
    ("document", "prefix", "says"),
    [
        (_THEIRS, _THEIRS, f"not on the base URL {_OURS}, but on {_THEIRS}: GET /sessions/."),
        (
            "http://api.aikynetix.app",
            "no-server:",
            "no server that can be used is named for GET /sessions/ (http://api",
        ),
    ],
)
def test_other_operations_stay_on_the_server_of_the_document(
    document: str, prefix: str, says: str, on_operations: bool
) -> None:
    """A server stated for the facade's path alone is not the one of others, and the report says where those are."""
    planned = _planned(_OURS, document, on_operations=on_operations)
    assert planned.findings == []
    assert planned.canonical.base == _OURS
    prefixes = {one.name: one.prefix for one in planned.canonical.endpoints}
    assert prefixes == {"get_analyzed_video": "", "generate_analyzed_video": "", "sessions_list": prefix}
    text = report(planned, compare(BASE, planned.spec))
    assert f"- servers: the base URL is {_OURS}, was {_THEIRS}: the facade's operations name their servers" in text
    assert says in text


def test_one_server_for_all_needs_no_words() -> None:
    """A server stated for the path that is the document's own changes nothing."""
    planned = _planned(_THEIRS, _THEIRS)
    assert {one.prefix for one in planned.canonical.endpoints} == {""}
    assert planned.canonical.notes == []
