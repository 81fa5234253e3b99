"""What is shown, logged or written down somewhere holds no credential and no signature."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pickle
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from aikynetix import (
    Aikynetix,
    AikynetixError,
    AnalyzedVideo,
    ApiKey,
    AsyncAikynetix,
    BearerToken,
    ConfigurationError,
    DownloadedVideo,
)
from aikynetix.sandbox import Sandbox
from tests.faults import bodies, statuses, wires
from tests.faults.server import FaultServer, Stall
from tests.faults.statuses import ERRORS

from .hunt import KEY, SIGNATURE, TOKEN, Records, finds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = f"https://storage.googleapis.com/b/v.mp4?X-Goog-Date=20260101T000000Z&X-Goog-Signature={SIGNATURE}"
_LOGGED = [
    scenario
    for scenario in (*ERRORS, *statuses.RETRIES, *bodies.BODIES, *wires.HEADERS, *wires.CONNECTIONS, *wires.REDIRECTS)
    if not any(isinstance(part, Stall) for part in scenario.script.parts)
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(api_key=KEY.replace("/", "-").replace("&", "-"), token=TOKEN) as running:
        yield running


def test_no_logger_at_debug_records_a_secret(sandbox: Sandbox, tmp_path: Path) -> None:
    """The whole job with both clients, and every fault that echoes something: no logger at DEBUG tells it."""
    names = list(sandbox.sessions.values())
    settings: dict[str, Any] = {"token": TOKEN, "base_url": sandbox.base_url, "max_retries": 1, "timeout": 2}
    with Records() as records:
        with Aikynetix(**settings) as client:
            client.analyzed_videos.download(sandbox.sessions["jump"], tmp_path / "a.mp4")
            list(client.analyzed_videos.export(names, tmp_path / "export"))

        async def main() -> None:
            async with AsyncAikynetix(**settings) as client:
                await client.analyzed_videos.download(sandbox.sessions["jump"], tmp_path / "b.mp4")

        asyncio.run(main(), debug=True)
        with (
            FaultServer({scenario.name: scenario.script for scenario in _LOGGED}) as server,
            Aikynetix(KEY, base_url=server.url, timeout=1, max_retries=0) as client,
        ):
            for scenario in _LOGGED:
                with contextlib.suppress(AikynetixError):
                    client.analyzed_videos.get(scenario.name)
    assert "aikynetix" in records.names
    assert finds(records.text.replace(KEY.replace("/", "-").replace("&", "-"), "")) == []


def test_no_public_object_shows_a_secret() -> None:
    """repr, str, rich's pretty print and the pickles of errors; only AnalyzedVideo.url gives the signature away."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"analyzed_video_url": URL}))
    for credential in (
        {"api_key": KEY},
        {"token": TOKEN},
        {"token": lambda: TOKEN},
        {"auth": httpx.BasicAuth("u", KEY)},
    ):
        given: dict[str, Any] = credential
        client, patient = Aikynetix(transport=transport, **given), AsyncAikynetix(**given)
        video = client.analyzed_videos.get("s")
        shown: list[object] = [
            client,
            patient,
            client.with_options(max_retries=1),
            client.raw,
            patient.raw,
            client.analyzed_videos,
            client.analyzed_videos.get,
            video,
            client._session,
            client._settings,
            client._session.headers,
            vars(client),
            vars(client.analyzed_videos),
            ApiKey(KEY),
            BearerToken(TOKEN),
            vars(ApiKey(KEY)),
            vars(BearerToken(lambda: TOKEN)),
            [AnalyzedVideo("s", URL)],
            DownloadedVideo("s", "v.mp4", 1, "00"),
        ]
        for thing in shown:
            assert finds(repr(thing) + str(thing) + pretty_repr(thing, expand_all=True)) == []
        assert SIGNATURE in video.url
        assert SIGNATURE in pickle.dumps(video).decode("latin-1")
        client.close()


# Each of these fails while a credential is in use, without having it in a variable of its own.
_FAILURES = {
    "status": "client(404).analyzed_videos.get('s')",
    "echo": "client(403, json={'error': os.environ['AIKYNETIX_API_KEY']}).analyzed_videos.get('s')",
    "not-json": "client(200, text='<html>').analyzed_videos.get('s')",
    "no-url": "client(200, json={}).analyzed_videos.get('s')",
    "refused": "Aikynetix(base_url='http://127.0.0.1:9', max_retries=0).analyzed_videos.get('s')",
    "raises": "Aikynetix(transport=httpx.MockTransport(broken), max_retries=0).analyzed_videos.get('s')",
    "interrupted": "Aikynetix(transport=httpx.MockTransport(interrupted)).analyzed_videos.get('s')",
    "bad-timeout": "Aikynetix(timeout=-1)",
    "bad-url": "Aikynetix(base_url='nonsense')",
    "bad-key": "Aikynetix(os.environ['AIKYNETIX_API_KEY'] + ' x')",
    "bad-apikey": "ApiKey(os.environ['AIKYNETIX_API_KEY'] + ' x')",
    "bad-token": "BearerToken(os.environ['AIKYNETIX_API_KEY'] + ' x')",
    "bad-header": "ApiKey(os.environ['AIKYNETIX_API_KEY'], header='a b')",
    "two": "Aikynetix(os.environ['AIKYNETIX_API_KEY'], token=os.environ['AIKYNETIX_API_KEY'])",
    "callable": "Aikynetix(token=lambda: os.environ['AIKYNETIX_API_KEY'] + '\\n x').analyzed_videos.get('s')",
    "callable-async": "asyncio.run(patient().analyzed_videos.get('s'))",
    "signed-user-info": "client(200, json=found('https://u@h/v' + signed())).analyzed_videos.get('s')",
    "signed-with-space": "client(200, json=found('https://h/v ' + signed())).analyzed_videos.get('s')",
    "signed-relative": "client(200, json=found('/v' + signed())).analyzed_videos.get('s')",
    "signed-list": "client(200, json=found(['https://h/v' + signed()])).analyzed_videos.get('s')",
    "signed-and-cut": "client(200, text='{\"analyzed_video_url\": \"https://h/v' + signed()).analyzed_videos.get('s')",
    "reason": "client(404, extensions=reason()).analyzed_videos.get('s')",
    "reason-success": "client(200, json={}, extensions=reason()).analyzed_videos.get('s')",
    "key-bytes": "Aikynetix(os.environ['AIKYNETIX_API_KEY'].encode())",
    "key-list": "AsyncAikynetix([os.environ['AIKYNETIX_API_KEY']])",
    "token-bytes": "Aikynetix(token=os.environ['AIKYNETIX_API_KEY'].encode())",
    "apikey-bytes": "ApiKey(os.environ['AIKYNETIX_API_KEY'].encode())",
    "auth-text": "Aikynetix(auth=os.environ['AIKYNETIX_API_KEY'])",
    "auth-pair": "AsyncAikynetix(auth=('me', os.environ['AIKYNETIX_API_KEY']))",
    "swapped": "ApiKey('API-KEY', header=os.environ['AIKYNETIX_API_KEY'])",
    "url-query": "Aikynetix('k' * 20, base_url='https://h/?key=' + os.environ['AIKYNETIX_API_KEY'])",
    "url-userinfo": "AsyncAikynetix('k' * 20, base_url='https://u:' + os.environ['AIKYNETIX_API_KEY'] + '@h')",
    "cancelled": "asyncio.run(cancelled())",
    "raw": "get_analyzed_video.sync('s', client=Aikynetix(base_url='http://127.0.0.1:9', max_retries=0).raw)",
    "model": "client(200, json=[1]).call(get_analyzed_video, 's')",
}
_PRELUDE = """
import asyncio, os
import httpx
from aikynetix import Aikynetix, ApiKey, AsyncAikynetix, BearerToken
from aikynetix_api.api.analyzed_videos import get_analyzed_video

def client(status, **content):
    return Aikynetix(transport=httpx.MockTransport(lambda _: httpx.Response(status, **content)), max_retries=0)

def found(url):
    return {"analyzed_video_url": url}

def signed():
    return "?X-Goog-Signature=" + os.environ["SIGNATURE"]

def reason():
    return {"reason_phrase": os.environ["AIKYNETIX_API_KEY"].encode()}

def patient():
    return AsyncAikynetix(token=lambda: os.environ["AIKYNETIX_API_KEY"] + " x", max_retries=0)

def broken(request):
    raise httpx.RemoteProtocolError("illegal line: " + request.headers["api-key"], request=request)

def interrupted(request):
    raise KeyboardInterrupt

async def cancelled():
    async def slow(request):
        await asyncio.sleep(60)
    async with asyncio.timeout(0.05), AsyncAikynetix(transport=httpx.MockTransport(slow)) as client:
        await client.analyzed_videos.get("s")
"""


@pytest.mark.parametrize("failure", _FAILURES)
def test_a_traceback_with_local_variables_shows_no_secret(failure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rich prints the local variables of every frame of every exception in the chain, expanded."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", KEY)
    monkeypatch.setenv("SIGNATURE", SIGNATURE)
    space: dict[str, Any] = {}
    exec(_PRELUDE, space)
    caught: BaseException | None = None
    try:
        exec(compile(_FAILURES[failure], "<failure>", "exec"), space)
    except BaseException as error:
        caught = error
    assert caught is not None
    assert caught.__traceback__ is not None
    frames = caught.__traceback__.tb_next
    trace = Traceback.from_exception(
        type(caught),
        caught,
        frames,
        show_locals=True,
        locals_max_length=10_000,
        locals_max_string=100_000,
        locals_hide_dunder=False,
    )
    screen = Console(file=io.StringIO(), width=400, force_terminal=False, record=True)
    screen.print(trace)
    shown = screen.export_text()
    assert type(caught).__name__ in shown
    assert finds(shown) == []
    assert finds(repr(_chain(caught))) == []


def _chain(error: BaseException | None) -> list[str]:
    told: list[str] = []
    while error is not None:
        told += [repr(error), str(error), repr(error.args)]
        error = error.__cause__ or error.__context__
    return told


def test_pytest_with_local_variables_shows_no_secret(tmp_path: Path) -> None:
    """``pytest --showlocals`` over failing calls, in a process of its own."""
    body = textwrap.dedent(_PRELUDE)
    skipped = (
        "interrupted",
        "callable-async",
        "bad-key",
        "bad-apikey",
        "bad-token",
        "bad-header",
        "two",
        "callable",
        "echo",
    )
    for number, (name, code) in enumerate(_FAILURES.items()):
        if name not in skipped:
            body += f"\n\ndef test_{number}():\n    {code}\n"
    (tmp_path / "test_failing.py").write_text(body)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--showlocals",
            "--tb=long",
            "-vv",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            ".",
        ],
        cwd=tmp_path,
        env=os.environ | {"AIKYNETIX_API_KEY": KEY, "SIGNATURE": SIGNATURE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"{len(_FAILURES) - len(skipped)} failed" in done.stdout
    assert finds(done.stdout + done.stderr) == []


def test_nothing_on_disk_holds_a_secret(tmp_path: Path) -> None:
    """Videos, half-done downloads with their journals, the manifest and the page: no key, token or signature in any."""

    def stop(done: int, total: int | None) -> None:
        if done:
            raise KeyboardInterrupt

    with (
        Sandbox() as small,
        Sandbox(token=TOKEN, video=small.video + os.urandom(1 << 21)) as sandbox,
        Aikynetix(token=TOKEN, base_url=sandbox.base_url) as client,
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
        ["doctor", "--json"],
        ["doctor"],
        ["download", "jump", "--json", "-v", "-o", "v.mp4"],
        ["export", "ids.txt", "--to", "out", "--json"],
        ["download", "nobody"],
        ["url", "nobody", "--json"],
        ["completion", "bash"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_the_command_prints_no_secret(sandbox: Sandbox, tmp_path: Path, arguments: list[str]) -> None:
    """Whatever goes to stdout and stderr, as text or JSON; the arguments of the process hold none either."""
    (tmp_path / "ids.txt").write_text("\n".join(sandbox.sessions.values()))
    arguments = [sandbox.sessions.get(word, word) for word in arguments]
    environment = os.environ | {"AIKYNETIX_TOKEN": TOKEN, "AIKYNETIX_BASE_URL": sandbox.base_url}
    done = subprocess.run(
        [sys.executable, "-m", "aikynetix", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout + done.stderr
    assert finds(done.stdout + done.stderr) == []


def test_the_environment_is_not_shown_by_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two variables at once, or a broken one: the text names the variable and never its value."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", KEY)
    monkeypatch.setenv("AIKYNETIX_TOKEN", TOKEN)
    with pytest.raises(ConfigurationError, match="AIKYNETIX_API_KEY and AIKYNETIX_TOKEN") as caught:
        Aikynetix()
    assert finds(str(caught.value)) == []
