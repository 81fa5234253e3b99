"""Schemathesis holds the sandbox's answers to its requests against ``openapi.json``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix.sandbox import Sandbox

from .prism import SPEC

if TYPE_CHECKING:
    from pathlib import Path

# Random ids are unknown sessions, so most of the time one that the sandbox knows is taken. Credentials come from the
# environment, so that none is in a file or among a process's arguments.
CONFIG = """
base-url = "${{AIKYNETIX_BASE_URL}}"
request-timeout = 5.0
continue-on-failure = true
warnings.fail-on = true
[generation]
max-examples = 60
deterministic = true
database = "none"
[dictionaries.sessions]
values = {sessions}
[parameters]
"path.session_id" = {{ dictionary = "sessions", probability = 0.8 }}
[auth.openapi.{scheme}]
api_key = "{credential}"
"""
KEY = {"scheme": "ApiKeyAuth", "credential": "${AIKYNETIX_API_KEY}"}
BEARER = {"scheme": "Bearer", "credential": "Bearer ${AIKYNETIX_TOKEN}"}

# Two checks hold that a request which conforms to the schema is not answered with 400, and no request with 500. The
# vendor documents both for such requests ("session already analyzed"); these sessions are there to be answered so.
DOCUMENTED_REFUSALS = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "500"]
not_a_server_error.expected-statuses = ["2xx", "400", "401", "403", "404", "405", "500"]
"""


def report_of(folder: Path, config: str, **environ: str) -> Any:
    """Run schemathesis with a configuration; return its report and what it printed."""
    (folder / "schemathesis.toml").write_text(config, "utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run", str(SPEC)]
    command += ["--no-color", "--report", "json", "--report-json-path", "report.json"]
    ran = subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    assert (folder / "report.json").exists(), ran.stdout + ran.stderr
    return json.loads((folder / "report.json").read_text("utf-8")) | {"exit": ran.returncode, "printed": ran.stdout}


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="it comes with the extra `dev`")
@pytest.mark.parametrize(
    ("sessions", "credential", "checks", "statuses"),
    [
        (["jump", "weightlifting", "forbidden", "unknown"], KEY, "", {200, 400, 401, 403, 404, 405}),
        (
            ["new", "slow", "analyzed", "bad_request", "server_error"],
            BEARER,
            DOCUMENTED_REFUSALS,
            {200, 400, 401, 404, 405, 500},
        ),
    ],
    ids=["all checks", "documented refusals"],
)
def test_schemathesis_finds_nothing(
    tmp_path: Path, sessions: list[str], credential: dict[str, str], checks: str, statuses: set[int]
) -> None:
    """Both operations, requests that conform and requests that do not, all checks: no failure, error or warning."""
    with Sandbox(polls=1) as sandbox:
        ids = json.dumps([sandbox.sessions[name] for name in sessions])
        config = CONFIG.format(sessions=ids, **credential) + checks
        report = report_of(tmp_path, config, **sandbox.env, AIKYNETIX_TOKEN=sandbox.token)
        answered = {request.status for request in sandbox.requests}
    assert report["exit"] == 0, report["printed"]
    assert (report["failures"], report["errors"]) == ([], [])
    assert not any(report["warnings"].values())
    assert report["stop_reason"] == "completed"
    assert report["operations"]["tested"] == report["operations"]["total"] == 2
    assert {report["phases"][phase]["status"] for phase in ("coverage", "fuzzing")} == {"success"}
    assert report["test_cases"]["generated"] >= 100
    assert answered >= statuses
