"""What is shown, logged or written down somewhere holds no credential and no signature."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from rich.pretty import pretty_repr

from aikynetix import (
    Aikynetix,
    AnalyzedVideo,
    ApiKey,
    AsyncAikynetix,
    BearerToken,
    DownloadedVideo,
)
from aikynetix.sandbox import Sandbox
from tests.contract.callers import CLIENTS, Replies, ask
from tests.faults.api import SCENARIOS
from tests.faults.calls import outcome_of, scripts_of
from tests.faults.scenario import FOUND_BODY, URL
from tests.faults.server import FaultServer

from .hunt import KEY, SIGNATURE, TOKEN, finds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOGGED = [scenario for scenario in SCENARIOS if not scenario.is_slow and not scenario.retries]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(token=TOKEN) as running:
        yield running


@pytest.mark.parametrize("kind", CLIENTS)
def test_no_logger_at_debug_records_a_secret(
    kind: str, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The whole job, and every fault that echoes something: neither ours nor httpx's or httpcore's loggers tell it."""
    caplog.set_level(logging.DEBUG)
    settings: dict[str, Any] = {"token": TOKEN, "base_url": sandbox.base_url, "max_retries": 0, "timeout": 2}
    ask(kind, "download", sandbox.sessions["jump"], tmp_path / "a.mp4", **settings)
    ask(kind, "export", list(sandbox.sessions.values()), tmp_path / "export", **settings)
    with FaultServer(scripts_of((scenario.name, scenario) for scenario in _LOGGED)) as server:
        for scenario in _LOGGED:
            outcome_of(kind, scenario.name, scenario, tmp_path / "v.mp4", base_url=server.url, timeout=1)
    records = [record for record in caplog.records if record.name != "uvicorn.access"]  # the sandbox's own log
    assert {"aikynetix", "httpx", "httpcore"} <= {record.name.partition(".")[0] for record in records}
    assert finds("".join(record.getMessage() + repr(vars(record)) for record in records)) == []


def test_no_public_object_shows_a_secret() -> None:
    """repr, str and rich's pretty print; only AnalyzedVideo.url, and its pickle, give the signature away."""
    transport = Replies(httpx.Response(200, json=FOUND_BODY))
    credentials: list[dict[str, Any]] = [
        {"api_key": KEY},
        {"token": TOKEN},
        {"token": lambda: TOKEN},
        {"auth": httpx.BasicAuth("u", KEY)},
    ]
    for given in credentials:
        client, patient = Aikynetix(transport=transport, **given), AsyncAikynetix(**given)
        video = client.analyzed_videos.get("s")
        shown: list[object] = [
            *(client, patient, client.with_options(max_retries=1), client.raw, patient.raw, vars(client)),
            *(client.analyzed_videos, client.analyzed_videos.get, vars(client.analyzed_videos), client.api),
            *(ApiKey(KEY), BearerToken(TOKEN), vars(ApiKey(KEY)), vars(BearerToken(lambda: TOKEN))),
            *(video, [AnalyzedVideo("s", URL)], DownloadedVideo("s", "v.mp4", 1, "00")),
        ]
        for thing in shown:
            assert finds(repr(thing) + str(thing) + pretty_repr(thing, expand_all=True)) == []
        assert SIGNATURE in video.url
        assert SIGNATURE in pickle.dumps(video).decode("latin-1")
        client.close()
        asyncio.run(patient.aclose())


def test_nothing_on_disk_holds_a_secret(tmp_path: Path) -> None:
    """Videos, half-done downloads with their journals, the manifest and the page: no key, token or signature in any."""

    def stop(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with (
        Sandbox() as small,
        Sandbox(token=TOKEN, video=small.video + os.urandom(1 << 21)) as sandbox,
        Aikynetix(token=TOKEN, base_url=sandbox.base_url, max_retries=0) as client,
    ):
        with pytest.raises(KeyboardInterrupt):
            client.analyzed_videos.download(sandbox.sessions["jump"], tmp_path / "half.mp4", progress=stop)
        list(client.analyzed_videos.export(sandbox.sessions.values(), tmp_path / "export"))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"manifest.jsonl", "index.html"} <= {path.name for path in files}
    assert any(".part" in path.name for path in files)
    for path in files:
        assert finds(path.name + path.read_bytes().decode("latin-1")) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["doctor"],
        ["download", "jump", "--json", "-v", "-o", "v.mp4"],
        ["export", "ids.txt", "--to", "out", "--json"],
    ],
    ids=" ".join,
)
def test_the_command_prints_no_secret(sandbox: Sandbox, tmp_path: Path, arguments: list[str]) -> None:
    """Whatever goes to stdout and stderr, as text or JSON."""
    (tmp_path / "ids.txt").write_text("\n".join(sandbox.sessions[name] for name in ("jump", "forbidden", "unknown")))
    command = [sys.executable, "-m", "aikynetix", *(sandbox.sessions.get(word, word) for word in arguments)]
    environment = os.environ | {"AIKYNETIX_TOKEN": TOKEN, "AIKYNETIX_BASE_URL": sandbox.base_url}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout + done.stderr
    assert finds(done.stdout + done.stderr) == []
