"""Every change of the corpus ends as it should: the facade works, the run is loud, or the document is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scripts.regen._diff import compare
from scripts.regen._document import RefusedError
from scripts.regen._pipeline import build, plan
from tests.spec_changes._change import (
    BASE,
    GENERATE,
    GET,
    LOUD,
    REFUSED,
    WORKS,
    Change,
    changed_document,
    planned_of,
    recorded,
)
from tests.spec_changes._server import SESSION, VIDEO_URL
from tests.spec_changes._special import SPECIAL

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.regen._facade import Plan
    from tests.spec_changes.conftest import User

CHANGES = (*recorded(), *SPECIAL)
_FIRST = planned_of(BASE)
_GENERATED = {GET: ("get", "plain"), GENERATE: ("generate", "generate_later", "generate_plain")}


def _of(outcome: str) -> list[Any]:
    return [pytest.param(change, id=change.name.replace(" ", "-")) for change in CHANGES if change.outcome == outcome]


def _used(change: Change, user: User, folder: Path) -> tuple[Plan, dict[str, Any]]:
    spec, data = changed_document(change.edit)
    assert spec is not None
    planned = plan(data, "openapi.json")
    build(planned, folder)
    return planned, user.use(folder, spec, change.answer)


@pytest.mark.parametrize("change", _of(WORKS))
def test_the_facade_works_after(change: Change, user: User, tmp_path: Path) -> None:
    """After an absorbed change the facade does all it did, against a server that follows the changed document."""
    planned, used = _used(change, user, tmp_path)
    assert planned.findings == []
    assert all(len(compare(*sides)) < 300 for sides in ((_FIRST, planned), (planned, _FIRST)))  # and both soon
    assert used["unfit"] == []
    *done, missing = used["results"].values()
    assert done == [{"url": VIDEO_URL}] * 5
    assert missing["error"] == "NotFoundError", missing
    assert [SESSION in one["path"] for one in used["seen"]] == [True] * 5 + [False]
    said = [
        {name.replace("isJ", "is_j").replace("isW", "is_w"): value for name, value in one["said"].items()}
        for one in used["seen"]
    ]
    asked = [{"is_jump", "download"}, {"is_weight"}, set(), {"is_jump"}, set(), set()]
    true = [{name for name, value in one.items() if value in (True, "true")} for one in said]
    assert [one - set(change.required) for one in true] == asked
    known = {"is_jump", "is_weight", "download", "Authorization", "API-KEY", *change.required}
    unasked = set[str]().union(*said) - known
    assert used["models"] <= 3, "the facade imports the models that its requests and answers name, and no others"
    assert not unasked, f"sent though nobody said it: {unasked}"


@pytest.mark.parametrize("change", _of(LOUD))
def test_the_run_is_loud_after(change: Change, user: User, tmp_path: Path) -> None:
    """A change that takes something from the facade is named, and using the tree all the same ends in typed errors."""
    planned, used = _used(change, user, tmp_path)
    assert {finding.method for finding in planned.findings} == set(change.methods)
    assert change.says in " ".join(finding.changed for finding in planned.findings)
    results = used["results"]
    for call, result in results.items():
        assert "untyped" not in result, (call, result)
        assert result.get("url", VIDEO_URL) == VIDEO_URL, (call, result)
    for name in {GET, GENERATE} - set(change.methods):
        assert all(results[call] == {"url": VIDEO_URL} for call in _GENERATED[name]), results


@pytest.mark.parametrize("change", _of(REFUSED))
def test_the_document_is_refused_after(change: Change) -> None:
    """An unusable document is refused in one readable paragraph that says what is wrong."""
    _, data = changed_document(change.edit)
    with pytest.raises(RefusedError) as refusal:
        plan(data, "openapi.json")
    said = str(refusal.value)
    assert change.says in said
    assert "\n" not in said.strip()
    assert 30 < len(said) < 1200
