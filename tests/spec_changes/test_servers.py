"""Which server an operation is called on when the document names several, and what the report says of it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

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


def _prefixes(planned: Plan) -> dict[str, str]:
    return {one.name: one.prefix for one in planned.canonical.endpoints}


def _report(planned: Plan) -> str:
    return report(planned, compare(BASE, planned.spec), {})


def test_other_operations_stay_on_the_server_of_the_document() -> None:
    """A server that is stated for the facade's path alone is not the one of all others."""
    for on_operations in (False, True):
        planned = _planned(_OURS, _THEIRS, on_operations=on_operations)
        assert planned.findings == []
        assert planned.base == _OURS
        assert _prefixes(planned) == {"get_analyzed_video": "", "generate_analyzed_video": "", "sessions_list": _THEIRS}


def test_the_report_says_that_the_base_url_moved_and_what_is_elsewhere() -> None:
    """Whoever calls the other operations has to know that the credential does not go there."""
    text = _report(_planned(_OURS, _THEIRS))
    assert f"- servers: the base URL is {_OURS}, was {_THEIRS}: the facade's operations name their servers" in text
    assert f"not on the base URL {_OURS}, but on {_THEIRS}: GET /sessions/." in text


def test_operations_without_a_usable_server_are_marked_and_named() -> None:
    """A document's server that cannot be used is not replaced by the one of the facade's path."""
    planned = _planned(_OURS, "http://api.aikynetix.app")
    assert _prefixes(planned)["sessions_list"] == "no-server:"
    assert f"- servers: the base URL is {_OURS}, was {_THEIRS}" in _report(planned)
    named = "no server that can be used is named for GET /sessions/ (http://api.aikynetix.app): `client.call` refuses"
    assert named in _report(planned)


def test_one_server_for_all_needs_no_words() -> None:
    """A server stated for the path that is the document's own changes nothing."""
    planned = _planned(_THEIRS, _THEIRS)
    assert set(_prefixes(planned).values()) == {""}
    assert planned.canonical.notes == []
