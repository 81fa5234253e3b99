"""The commands against the sandbox, in this process."""

from __future__ import annotations

import json
import re
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
import trustme

from aikynetix.sandbox import Sandbox
from tests import spec

if TYPE_CHECKING:
    from .conftest import Command


def test_url_prints_the_signed_url_and_nothing_else(sandbox: Sandbox, command: Command) -> None:
    """``$(aikynetix url ...)`` is the URL."""
    ran = command("url", sandbox.sessions["jump"])
    assert ran.code == 0
    assert ran.out.startswith(f"{sandbox.storage_url}/")
    assert ran.out.count("\n") == 1
    assert "X-Goog-Signature=" in ran.out
    assert ran.err == ""


def test_url_as_json_tells_when_the_url_expires(sandbox: Sandbox, command: Command) -> None:
    """Programs get the whole answer as one line."""
    told = json.loads(command("url", sandbox.sessions["jump"], "--json").out)
    assert set(told) == {"session_id", "url", "expires_at", "filename", "request_id"}
    assert told["session_id"] == sandbox.sessions["jump"]
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


def test_a_wait_that_runs_out_is_try_again_later(sandbox: Sandbox, command: Command) -> None:
    """Exit code 6, with an option named that helps."""
    ran = command("url", sandbox.sessions["slow"], "--wait", "0.001")
    assert (ran.code, ran.out) == (6, "")
    assert "--wait" in ran.err


def test_generate_sends_the_post(sandbox: Sandbox, command: Command) -> None:
    """It is sent even where a video is there, for it may be wanted again."""
    ran = command("generate", sandbox.sessions["jump"], "--analysis", "jump")
    assert ran.code == 0
    assert ran.out.startswith("http")
    due = spec.request(spec.GENERATE, said={"is_jump": True})
    assert [(request.method, request.body) for request in sandbox.requests] == [(due.method, due.content)]


def test_generate_that_is_only_accepted_is_try_again_later(sandbox: Sandbox, command: Command) -> None:
    """A script looks for the video until it is there."""
    ran = command("generate", sandbox.sessions["slow"])
    assert (ran.code, ran.out) == (6, "")
    assert "--wait" in ran.err
    assert command("url", sandbox.sessions["slow"]).code == 0


def test_a_video_that_is_being_made_is_not_ready_however_often_it_is_asked_for(command: Command) -> None:
    """One verdict for one state: the first call and the second are "try again later", and so is a wait in vain."""
    with Sandbox(polls=100) as sandbox:
        options = "--base-url", sandbox.base_url
        calls = [("generate",), ("generate",), ("url", "--wait", "0.01"), ("url", "--wait", "0.01")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AIKYNETIX_API_KEY", sandbox.api_key)
            ran = [command(name, sandbox.sessions["slow"], *more, *options) for name, *more in calls]
    assert [one.code for one in ran] == [6, 6, 6, 6]
    assert all("is not there yet" in one.err for one in ran)


def test_generate_that_was_done_before_is_refused_in_the_servers_words(sandbox: Sandbox, command: Command) -> None:
    """400 with a video that is there is no "not ready"."""
    ran = command("generate", sandbox.sessions["analyzed"])
    assert ran.code == 1
    assert ran.err.startswith("aikynetix: 400: Session already analyzed")


def test_generate_can_wait(sandbox: Sandbox, command: Command) -> None:
    """With --wait a POST that is only accepted is followed until the URL is there."""
    ran = command("generate", sandbox.sessions["new"], "--wait", "30", "--json")
    assert json.loads(ran.out)["url"].startswith(sandbox.storage_url)


def test_download_prints_where_the_video_is(sandbox: Sandbox, command: Command, tmp_path: Path) -> None:
    """The result is the path, and the bytes there are the storage's."""
    target = tmp_path / "jump.mp4"
    ran = command("download", sandbox.sessions["jump"], "-o", str(target))
    assert (ran.code, ran.out, ran.err) == (0, f"{target}\n", "")
    assert target.read_bytes() == sandbox.video


def test_download_replaces_a_file_only_when_told_to(sandbox: Sandbox, command: Command, tmp_path: Path) -> None:
    """The line names the option that allows it."""
    target = tmp_path / "jump.mp4"
    target.write_text("mine")
    ran = command("download", sandbox.sessions["jump"], "-o", str(target))
    assert ran.code == 1
    assert "--overwrite" in ran.err
    assert target.read_text() == "mine"
    assert command("download", sandbox.sessions["jump"], "-o", str(target), "--overwrite").code == 0
    assert target.read_bytes() == sandbox.video


@pytest.mark.parametrize(
    ("session", "code"),
    [("forbidden", 4), ("unknown", 5), ("server_error", 6), ("bad_request", 1)],
)
def test_each_refusal_of_the_api_has_its_exit_code(sandbox: Sandbox, command: Command, session: str, code: int) -> None:
    """One line on stderr and nothing on stdout; with --json a line of JSON there."""
    ran = command("url", sandbox.sessions[session], "--max-retries", "0")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("aikynetix: ")
    assert ran.err.count("\n") == 1
    told = json.loads(command("url", sandbox.sessions[session], "--max-retries", "0", "--json").out)
    assert told["exit_code"] == code
    assert told["message"]


def test_a_wrong_key_is_exit_code_3(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line points to the doctor, and does not show the key."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "canary-key-1234")
    ran = command("url", sandbox.sessions["jump"])
    assert ran.code == 3
    assert "doctor" in ran.err
    assert "canary" not in ran.err


def test_a_token_from_the_environment_is_sent_as_bearer(
    sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AIKYNETIX_TOKEN is the other credential."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    monkeypatch.setenv("AIKYNETIX_TOKEN", sandbox.token)
    assert command("url", sandbox.sessions["jump"]).code == 0
    assert sandbox.requests[-1].headers["authorization"] == "Bearer ***"


def test_the_key_can_go_into_the_header_of_the_vendors_prose(sandbox: Sandbox, command: Command) -> None:
    """--key-header chooses the header."""
    assert command("url", sandbox.sessions["jump"], "--key-header", "Authorization").code == 0
    assert sandbox.requests[-1].headers["authorization"] == "API-KEY ***"


def test_a_header_for_a_token_is_refused(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option is for keys, and saying nothing would hide that it had no effect."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    monkeypatch.setenv("AIKYNETIX_TOKEN", sandbox.token)
    ran = command("url", sandbox.sessions["jump"], "--key-header", "X-Key")
    assert ran.code == 2
    assert "AIKYNETIX_TOKEN" in ran.err


def test_a_server_that_is_not_there_is_try_again_later(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line names what was asked for."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    ran = command("url", "s", "--base-url", "http://127.0.0.1:1", "--max-retries", "0")
    assert ran.code == 6
    assert "127.0.0.1:1" in ran.err


class _Secure(BaseHTTPRequestHandler):
    """An API that gives everybody the same URL."""

    def do_GET(self) -> None:
        body = json.dumps(spec.success("https://storage.example/v.mp4")).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
        """Say nothing."""


def test_a_certificate_is_trusted_by_option_and_refused_in_plain_words_without(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--ca-file does what SSL_CERT_FILE does; the line without it says what is wrong and not where in which C file."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Secure) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, daemon=True).start()
        options = "url", "s", "--base-url", f"https://127.0.0.1:{server.server_port}"
        refused, trusted = command(*options), command(*options, "--ca-file", str(tmp_path / "ca.pem"))
        server.shutdown()
    assert (trusted.code, trusted.out) == (0, "https://storage.example/v.mp4\n")
    assert (refused.code, refused.out) == (6, "")
    assert "certificate" in refused.err
    assert "_ssl.c" not in refused.err


def test_a_proxy_is_taken_from_the_option(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there is what the line is about, and its password is not shown."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    options = "--base-url", "https://api.example.invalid", "--max-retries", "0"
    ran = command("url", "s", *options, "--proxy", "http://user:canary@127.0.0.1:1")
    assert ran.code == 6
    assert "proxy" in ran.err or "refused" in ran.err
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
        (["url", "s", "--key-header", "not a header"], "header"),
        (["url", "s", "--timeout", "1e300"], "--timeout"),
        (["download", "s", "--connections", "0"], "--connections"),
        (["download", "s", "--output", ""], "is empty"),
        (["export", "-", "--to", "", "--dry-run"], "is empty"),
        (["nonsense"], "nonsense"),
        (["donwload", "s"], "Did you mean 'download'?"),
        (["--nonsense"], "--nonsense"),
        (["url", "-abc"], "aikynetix url -- -abc"),
        (["url", "s", "--proxy", "ftp://proxy"], "--proxy"),
        (["url", "s", "--ca-file", "/nonexistent"], "--ca-file"),
        (["completion", "dos"], "bash"),
        (["sandbox", "--port", "70000"], "--port"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line_that_names_what_is_wrong(
    command: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], named: str
) -> None:
    """Exit code 2 and nothing on stdout; nothing is sent to anybody."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    monkeypatch.setenv("AIKYNETIX_BASE_URL", "http://127.0.0.1:1")
    ran = command(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert named in ran.err
    assert ran.err.count("\n") == 1
    assert not re.search(r"\w=|ApiKey", ran.err)


def test_a_download_to_stdout_is_refused(sandbox: Sandbox, command: Command) -> None:
    """A video is verified before anybody gets it, so there must be a file."""
    ran = command("download", sandbox.sessions["jump"], "-o", "-")
    assert ran.code == 2
    assert "--output" in ran.err
    assert not sandbox.requests


def test_no_credential_is_a_configuration_error(command: Command) -> None:
    """Without a terminal nobody is asked, and the line names the variables."""
    ran = command("url", "s")
    assert ran.code == 2
    assert "AIKYNETIX_API_KEY" in ran.err
    assert "AIKYNETIX_TOKEN" in ran.err


def test_two_credentials_are_a_configuration_error(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of them was meant is not for the command to guess."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "canary-1")
    monkeypatch.setenv("AIKYNETIX_TOKEN", "canary-2")
    ran = command("url", "s")
    assert ran.code == 2
    assert "unset one" in ran.err
    assert "canary" not in ran.err


def test_verbose_tells_of_each_attempt(sandbox: Sandbox, command: Command) -> None:
    """On stderr, without the query of any URL."""
    ran = command("url", sandbox.sessions["jump"], "-v")
    assert "GET" in ran.err
    assert "200" in ran.err
    assert "X-Goog" not in ran.err
    assert ran.out.startswith("http")


def test_demo_leaves_a_video_and_tells_what_it_did(command: Command, tmp_path: Path) -> None:
    """The story is on stderr, the path on stdout; run twice it does the same."""
    for _ in range(2):
        ran = command("demo", "--output", str(tmp_path / "out"))
        assert ran.code == 0
        path = Path(ran.out.strip())
        assert path.parent == tmp_path / "out"
        assert path.read_bytes()[4:8] == b"ftyp"
        assert "-> 404" in ran.err
        assert "POST" in ran.err
        assert "verified" in ran.err
        assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_demo_can_be_quiet(command: Command, tmp_path: Path) -> None:
    """Only the path remains."""
    ran = command("demo", "--quiet", "--output", str(tmp_path))
    assert ran.err == ""
    assert ran.out.count("\n") == 1


def test_demo_that_cannot_write_says_so(command: Command, tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "taken").write_text("")
    ran = command("demo", "--output", str(tmp_path / "taken"))
    assert (ran.code, ran.out) == (1, "")
    assert "taken" in ran.err


def test_sandbox_on_a_taken_port_says_so(sandbox: Sandbox, command: Command) -> None:
    """The line names the option to change."""
    ran = command("sandbox", "--port", str(httpx.URL(sandbox.base_url).port))
    assert ran.code == 1
    assert "--port" in ran.err
    assert ran.err.count("\n") == 1
