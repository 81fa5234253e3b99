"""Every change of the corpus ends as it should: the facade works, the run is loud, or the document is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scripts.regen._pipeline import Plan, build, plan
from scripts.regen._problems import RefusedError
from tests.spec_changes._change import GENERATE, GET, LOUD, REFUSED, ROOT, WORKS, Change, recorded
from tests.spec_changes._server import KEY, MISSING, SESSION, TOKEN, VIDEO_URL, SpecServer, running
from tests.spec_changes._special import SPECIAL

if TYPE_CHECKING:
    from collections.abc import Iterator

CHANGES = (*recorded(), *SPECIAL)
_GENERATED = {GET: ("get", "plain"), GENERATE: ("generate", "generate_later", "generate_plain")}


class User:
    """A process that uses the facade with one generated package after another."""

    def __init__(self) -> None:
        program = [sys.executable, "-W", "error", str(Path(__file__).with_name("_use.py"))]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def use(self, folder: Path, origin: str) -> dict[str, Any]:
        """Let the facade do its job with the package in `folder` against the server at `origin`."""
        job = {"folder": str(folder), "base_url": origin, "session": SESSION, "missing": MISSING, "key": KEY}
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({**job, "token": TOKEN}) + "\n")
        self._process.stdin.flush()
        result: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "crash" not in result, result
        return result

    def close(self) -> None:
        """End the process."""
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    user = User()
    yield user
    user.close()


def _of(outcome: str) -> list[Any]:
    return [pytest.param(change, id=change.name.replace(" ", "-")) for change in CHANGES if change.outcome == outcome]


def _used(change: Change, user: User, folder: Path) -> tuple[Plan, dict[str, Any], SpecServer]:
    spec, data = change.apply()
    assert spec is not None
    planned = plan(data, "openapi.json")
    build(planned, folder)
    server = SpecServer(spec, change.answer)
    with running(server) as origin:
        return planned, user.use(folder, origin), server


@pytest.mark.parametrize("change", _of(WORKS))
def test_the_facade_works_after(change: Change, user: User, tmp_path: Path) -> None:
    """After an absorbed change the facade does all it did, against a server that follows the changed document."""
    planned, results, server = _used(change, user, tmp_path)
    assert planned.findings == []
    assert server.unfit == []
    for call in ("get", "generate", "plain", "generate_later", "generate_plain"):
        assert results[call] == {"url": VIDEO_URL}, (call, results[call])
    assert results["missing"]["error"] == "NotFoundError", results["missing"]
    said = [
        {name.replace("isJ", "is_j").replace("isW", "is_w"): value for name, value in one.said.items()}
        for one in server.seen
    ]
    asked = [{"is_jump", "download"}, {"is_weight"}, set(), {"is_jump"}, set(), set()]
    true = [{name for name, value in one.items() if value in (True, "true")} for one in said]
    assert [one - set(change.required) for one in true] == asked
    known = {"is_jump", "is_weight", "download", "Authorization", "API-KEY", *change.required}
    unasked = set[str]().union(*said) - known
    assert results["models"] <= 3, "the facade imports the models that its requests and answers name, and no others"
    assert not unasked, f"sent though nobody said it: {unasked}"


@pytest.mark.parametrize("change", _of(LOUD))
def test_the_run_is_loud_after(change: Change, user: User, tmp_path: Path) -> None:
    """A change that takes something from the facade is named, and using the tree all the same ends in typed errors."""
    planned, results, _ = _used(change, user, tmp_path)
    assert {finding.method for finding in planned.findings} == set(change.methods)
    assert change.says in " ".join(finding.changed for finding in planned.findings)
    for call in (*_GENERATED[GET], *_GENERATED[GENERATE], "missing"):
        result = results[call]
        assert "untyped" not in result, (call, result)
        assert result.get("url", VIDEO_URL) == VIDEO_URL, (call, result)
    untouched = {GET, GENERATE} - set(change.methods)
    for name in untouched:
        assert all(results[call] == {"url": VIDEO_URL} for call in _GENERATED[name]), results


@pytest.mark.parametrize("change", _of(REFUSED))
def test_the_document_is_refused_after(change: Change) -> None:
    """An unusable document is refused in one readable paragraph that says what is wrong."""
    _, data = change.apply()
    with pytest.raises(RefusedError) as refusal:
        plan(data, "openapi.json")
    said = str(refusal.value)
    assert change.says in said
    assert "\n" not in said.strip()
    assert 30 < len(said) < 1200
