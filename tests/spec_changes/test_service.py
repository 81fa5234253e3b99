"""`client.call` on a whole service: uploads, filters, exports, deletions, keys, each normalized, in both clients."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.regen._pipeline import build, plan
from tests.spec_changes._change import ROOT
from tests.spec_changes._server import running
from tests.spec_changes._service import VIDEO, ServiceServer, service

_EXPECTED = {
    "list_sessions": {"type": "ListSessionsResponse200", "text": None},
    "get_athlete": {"type": "Athlete", "text": None},
    "create_key": {"type": "Key", "text": None},
    "upload_video": {"type": "Session", "text": None},
    "replace_video": {"type": "NoneType", "text": None},
    "delete_user": {"type": "NoneType", "text": None},
    "download_video": {"bytes": len(VIDEO)},
    "get_thumbnail": {"bytes": len(VIDEO)},
    "export_data": {"type": "str", "text": "a,b\n1,2\n"},
    "whoami": {"type": "User", "text": None},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("service")
    planned = plan(json.dumps(service()).encode(), "service.json")
    assert planned.findings == []
    assert len(planned.operations) > 60
    build(planned, folder)
    return folder


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_operation_can_be_called(folder: Path, kind: str) -> None:
    """Each operation gives its success model, text or bytes; each failure is one of our errors."""
    server = ServiceServer(service())
    with running(server) as origin:
        program = [sys.executable, "-W", "error", str(Path(__file__).with_name("_call.py")), str(folder), origin, kind]
        done = subprocess.run(program, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results: dict[str, Any] = json.loads(done.stdout)
    ours = ("get_analyzed_video", "generate_analyzed_video")
    called = {name: told for name, told in results.items() if name.split()[0] not in ours}
    assert [name for name, told in called.items() if "untyped" in told] == []
    assert server.unfit == []
    for name, told in called.items():
        operation, value = name.split()
        if value == "x":
            assert "error" not in told, (name, told)
            assert told == _EXPECTED.get(operation, told), (name, told)
        else:
            expected = ("NotFoundError", 404) if value == "missing" else ("InternalServerError", 520)
            assert (told["error"], told["status"]) == expected, (name, told)
    assert len(called) > 130
    assert [body.count(VIDEO) for body in server.uploads] == [1, 1]
