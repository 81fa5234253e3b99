"""The commands against the sandbox, in this process."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from aikynetix.sandbox import Sandbox
from tests import spec
from tests.faults.scenario import answer
from tests.faults.server import FaultServer
from tests.networks.conftest import server_context

if TYPE_CHECKING:
    from .conftest import Command


def test_url_prints_the_signed_url_and_nothing_else(sandbox: Sandbox, command: Command) -> None:
    """``$(aikynetix url ...)`` is the URL; programs get the whole answer as one line of JSON."""
    ran = command("url", sandbox.sessions["jump"])
    assert (ran.code, ran.err, ran.out.count("\n")) == (0, "", 1)
    assert ran.out.startswith(f"{sandbox.storage_url}/")
    assert "X-Goog-Signature=" in ran.out
    told = json.loads(command("url", sandbox.sessions["jump"], "--json").out)
    assert set(told) == {"session_id", "url", "expires_at", "filename", "request_id"}
    assert told["expires_at"].endswith("+00:00")


def test_url_passes_the_options_on(sandbox: Sandbox, command: Command) -> None:
    """Each analysis sends its own flag alone, and --attachment asks for a URL that saves."""
    command("url", sandbox.sessions["jump"], "--analysis", "weightlifting", "--attachment")
    due = spec.request(said={"is_weight": True, "download": True})
    assert sandbox.requests[-1].query.startswith(due.url.query.decode())


def test_url_can_wait_for_a_video_that_is_not_there_yet(sandbox: Sandbox, command: Command) -> None:
    """--wait has the video made; without it a missing video is exit code 5."""
    assert command("url", sandbox.sessions["new"]).code == 5
    assert command("url", sandbox.sessions["new"], "--wait", "30").code == 0
    waited = command("url", sandbox.sessions["new"], "--wait", "30", "--attachment")
    assert "response-content-disposition" in waited.out


def test_generate_sends_the_post(sandbox: Sandbox, command: Command) -> None:
    """It is sent even where a video is there, for it may be wanted again."""
    ran = command("generate", sandbox.sessions["jump"], "--analysis", "jump")
    assert ran.code == 0
    assert ran.out.startswith("http")
    due = spec.request(spec.GENERATE, said={"is_jump": True})
    assert [(request.method, request.body) for request in sandbox.requests] == [(due.method, due.content)]


def test_a_video_that_is_being_made_is_not_ready_however_often_it_is_asked_for(command: Command) -> None:
    """One verdict for one state, with an option named that helps: a script looks until the video is there."""
    calls = [("generate",), ("generate",), ("url", "--wait", "0.01"), ("url", "--wait", "0.01")]
    with Sandbox(polls=100) as sandbox:
        ran = [command(name, sandbox.sessions["slow"], *more, **sandbox.env) for name, *more in calls]
    assert [(one.code, one.out) for one in ran] == [(6, "")] * 4
    assert all("is not there yet" in one.err and "--wait" in one.err for one in ran)


def test_generate_waits_or_is_refused_in_the_servers_words(sandbox: Sandbox, command: Command) -> None:
    """With --wait a POST that is only accepted is followed; 400 with a video that is there is no "not ready"."""
    ran = command("generate", sandbox.sessions["new"], "--wait", "30", "--json")
    assert json.loads(ran.out)["url"].startswith(sandbox.storage_url)
    refused = command("generate", sandbox.sessions["analyzed"])
    assert refused.code == 1
    assert refused.err.startswith("aikynetix: 400: Session already analyzed")


def test_download_replaces_a_file_only_when_told_to(sandbox: Sandbox, command: Command, tmp_path: Path) -> None:
    """The result is the path; where a file is there, the line names the option that allows it."""
    target = tmp_path / "jump.mp4"
    target.write_text("mine")
    ran = command("download", sandbox.sessions["jump"], "-o", str(target))
    assert (ran.code, ran.out, "--overwrite" in ran.err) == (1, "", True)
    assert target.read_text() == "mine"
    ran = command("download", sandbox.sessions["jump"], "-o", str(target), "--overwrite")
    assert (ran.code, ran.out, ran.err) == (0, f"{target}\n", "")
    assert target.read_bytes() == sandbox.video


@pytest.mark.parametrize(
    ("session", "code"),
    [("forbidden", 4), ("unknown", 5), ("server_error", 6), ("bad_request", 1)],
)
def test_each_refusal_of_the_api_has_its_exit_code(sandbox: Sandbox, command: Command, session: str, code: int) -> None:
    """One line on stderr and nothing on stdout; with --json a line of JSON there."""
    ran = command("url", sandbox.sessions[session], "--max-retries", "0")
    assert (ran.code, ran.out, ran.err.count("\n")) == (code, "", 1)
    assert ran.err.startswith("aikynetix: ")
    told = json.loads(command("url", sandbox.sessions[session], "--max-retries", "0", "--json").out)
    assert told["exit_code"] == code
    assert told["message"]


@pytest.mark.parametrize(
    ("key", "token", "options", "code", "said"),
    [
        ("canary-key", "", [], 3, "doctor"),
        ("", "{box.token}", [], 0, "Bearer ***"),
        ("{box.api_key}", "", ["--key-header", "Authorization"], 0, "API-KEY ***"),
        ("", "canary", ["--key-header", "X-Key"], 2, "AIKYNETIX_TOKEN is a token"),
        ("", "", [], 2, "set AIKYNETIX_API_KEY (or AIKYNETIX_TOKEN)"),
        ("canary-1", "canary-2", [], 2, "unset one"),
    ],
)
def test_a_credential_comes_from_the_environment(
    sandbox: Sandbox, command: Command, key: str, token: str, options: list[str], code: int, said: str
) -> None:
    """Sent as it was asked for, or a line that says what is wrong and never shows it."""
    environ = {"AIKYNETIX_API_KEY": key.format(box=sandbox), "AIKYNETIX_TOKEN": token.format(box=sandbox)}
    ran = command("url", sandbox.sessions["jump"], *options, **environ)
    assert ran.code == code
    assert said in (ran.err if code else sandbox.requests[-1].headers["authorization"])
    assert "canary" not in ran.err


def test_a_certificate_is_trusted_by_option_and_refused_in_plain_words_without(
    command: Command, tmp_path: Path
) -> None:
    """--ca-file does what SSL_CERT_FILE does; the line without it says what is wrong and not where in which C file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    script = answer(spec.success("https://storage.example/v.mp4"))
    with FaultServer({"s": script}, tls=server_context(authority, "127.0.0.1")) as server:
        options = "url", "s", "--base-url", server.url
        refused = command(*options, AIKYNETIX_API_KEY="key")
        trusted = command(*options, "--ca-file", str(tmp_path / "ca.pem"))
    assert (trusted.code, trusted.out) == (0, "https://storage.example/v.mp4\n")
    assert (refused.code, refused.out) == (6, "")
    assert "certificate" in refused.err
    assert "_ssl.c" not in refused.err


def test_a_proxy_that_is_not_there_is_try_again_later(command: Command) -> None:
    """The line names it, without its password."""
    options = "--base-url", "https://api.example.invalid", "--proxy", "http://user:canary@127.0.0.1:1"
    ran = command("url", "s", "--max-retries", "0", *options, AIKYNETIX_API_KEY="key")
    assert ran.code == 6
    assert "proxy" in ran.err
    assert "canary" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["url"], "SESSION"),
        (["url", ""], "empty"),
        (["url", ".."], "'..'"),
        (["url", "a\nb"], "control characters"),
        (["url", "s", "--wait", "-1"], "--wait"),
        (["url", "s", "--wait", "nan"], "wait"),
        (["url", "s", "--analysis", "swim"], "weightlifting"),
        (["url", "s", "--nonsense"], "--nonsense"),
        (["url", "s", "--timeout", "0"], "--timeout"),
        (["url", "s", "--timeout", "inf"], "--timeout"),
        (["url", "s", "--max-retries", "-1"], "--max-retries"),
        (["url", "s", "--base-url", "http://example.com"], "https"),
        (["url", "s", "--base-url", "ftp://example.com"], "--base-url"),
        (["url", "s", "--key-header", "not a header"], "--key-header must"),
        (["url", "s", "--timeout", "1e300"], "--timeout"),
        (["download", "s", "--connections", "0"], "--connections"),
        (["download", "s", "--output", ""], "destination is empty"),
        (["download", "s", "--output", "-"], "--output"),
        (["export", "-", "--to", "", "--dry-run"], "is empty"),
        (["export", "-", "--to", "out", "--dask", "foo"], "no scheduler responds at foo; write tcp://HOST:PORT."),
        (["url", "a", "b"], "argument (b). `aikynetix url --help`"),
        (["nonsense"], "nonsense"),
        (["donwload", "s"], "Did you mean 'download'?"),
        (["url", "-abc"], "aikynetix url -- ID"),
        (["--nonsense"], "--nonsense"),
        (["url", "s", "--proxy", "ftp://proxy"], "--proxy"),
        (["url", "s", "--ca-file", "/nonexistent"], "--ca-file"),
        (["completion", "dos"], "bash"),
        (["sandbox", "--port", "70000"], "--port"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line_that_names_what_is_wrong(command: Command, arguments: list[str], named: str) -> None:
    """Exit code 2 and nothing on stdout; nothing is sent to anybody."""
    ran = command(*arguments, AIKYNETIX_API_KEY="key", AIKYNETIX_BASE_URL="http://127.0.0.1:1")
    assert (ran.code, ran.out) == (2, "")
    assert named in ran.err
    assert ran.err.count("\n") == 1
    assert not re.search(r"\w=|ApiKey|\bto is", ran.err)


def test_verbose_tells_of_each_attempt(sandbox: Sandbox, command: Command) -> None:
    """On stderr, without the query of any URL."""
    ran = command("url", sandbox.sessions["jump"], "-v")
    assert "GET" in ran.err
    assert "200" in ran.err
    assert "X-Goog" not in ran.err
    assert ran.out.startswith("http")


def test_demo_leaves_a_video_and_tells_what_it_did(command: Command, tmp_path: Path) -> None:
    """The story is on stderr, the path on stdout; run again, quietly, it does the same; a file in its way is named."""
    ran = command("demo", "--output", str(tmp_path / "out"))
    path = Path(ran.out.strip())
    assert (ran.code, path.parent, path.read_bytes()[4:8]) == (0, tmp_path / "out", b"ftyp")
    assert all(said in ran.err for said in ("-> 404", "POST", "verified"))
    quiet = command("demo", "--quiet", "--output", str(tmp_path / "out"))
    assert (quiet.code, quiet.out, quiet.err) == (0, ran.out, "")
    assert list(path.parent.iterdir()) == [path]
    stopped = command("demo", "--output", str(path))
    assert (stopped.code, stopped.out) == (1, "")
    assert path.name in stopped.err
