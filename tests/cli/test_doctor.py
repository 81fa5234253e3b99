"""The doctor: what it concludes, and what it finds against real servers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from aikynetix._cli import _diagnosis as diagnosis
from aikynetix._cli import _inventory
from aikynetix._cli._diagnosis import Probe
from aikynetix._cli._exits import Exit
from tests.faults.scenario import raw
from tests.faults.server import Drip, FaultServer

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox
    from tests.faults.server import Script

    from .conftest import Command

IN_FORCE = "API-KEY: <key>"


@pytest.mark.parametrize(
    ("status", "control", "verdict"),
    [
        (404, 401, "accepted"),
        (200, 401, "accepted"),
        (403, 401, "accepted"),
        (400, 401, "accepted"),
        (404, 403, "accepted"),
        (401, 401, "refused"),
        (401, 403, "refused"),
        (403, 403, "cannot tell"),
        (404, 404, "cannot tell"),
        (500, 401, "cannot tell"),
        (429, 401, "cannot tell"),
        (None, 401, "cannot tell"),
        (302, 401, "cannot tell"),
    ],
)
def test_a_style_is_accepted_only_if_it_makes_a_difference(status: int | None, control: int, verdict: str) -> None:
    """A server that answers 404 to everybody has accepted nothing."""
    assert diagnosis.verdict(status, control) == verdict


@pytest.mark.parametrize(
    ("skew", "state", "said"),
    [(0.5, "ok", "agrees"), (30, "ok", "30 s off"), (120, "warning", "ahead of"), (-3600, "warning", "behind")],
)
def test_a_clock_that_is_off_is_told(skew: float, state: str, said: str) -> None:
    """The answer's date is the measure."""
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    probe = Probe(404, "", format_datetime(moment, usegmt=True), moment.timestamp() + skew)
    check = diagnosis.clock(probe)
    assert check.state == state
    assert said in check.detail


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Mon, 99 Xxx 0000 99:99:99 GMT",
        "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
    ],
)
def test_a_date_that_cannot_be_read_is_no_verdict(date: str) -> None:
    """Whatever the server sends."""
    assert diagnosis.clock(Probe(404, "", date, 0.0)).state == "unknown"


def test_the_style_in_force_decides(command: Command) -> None:
    """Another style that is refused is no failure; one that would work is named."""
    del command
    prose = "Authorization: API-KEY <key>"
    found, ways = {IN_FORCE: Probe(401), prose: Probe(404)}, {IN_FORCE: "", prose: "use --key-header Authorization"}
    refused, accepted = diagnosis.styles(found, Probe(401), IN_FORCE, ways)
    assert (refused.state, accepted.state) == ("failed", "ok")
    assert refused.detail.endswith(f"while {prose!r} is accepted: use --key-header Authorization")
    assert diagnosis.worst([refused, accepted]) is Exit.CREDENTIAL
    other = diagnosis.styles(found, Probe(401), prose, ways)
    assert diagnosis.worst(other) is Exit.DONE


def test_all_is_well_with_the_sandbox(sandbox: Sandbox, command: Command) -> None:
    """Every part of the report is there, and the credential is not."""
    ran = command("doctor", sandbox.sessions["jump"])
    assert (ran.code, ran.err) == (0, "")
    for part in ("httpx", "AIKYNETIX WEB API", sandbox.base_url, "AIKYNETIX_API_KEY", "storage", "clock", "transport"):
        assert part in ran.out
    assert sandbox.api_key not in ran.out
    assert "X-Goog" not in ran.out


def test_it_tells_the_header_styles_apart(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key is accepted in both of its forms, and not as a token."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    told = json.loads(command("doctor", "--json").out)
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert states == {
        "server": "ok",
        "clock": "ok",
        "API-KEY: <key>": "ok",
        "Authorization: API-KEY <key>": "ok",
        "Authorization: Bearer <token>": "no",
    }
    assert told["exit_code"] == 0
    assert {setting["name"]: setting["source"] for setting in told["settings"]} == {
        "base URL": "AIKYNETIX_BASE_URL",
        "credential": "AIKYNETIX_API_KEY",
        "header": "vendored spec",
        "timeout": "default",
        "retries": "default",
        "certificates": "default",
    }


def test_a_header_that_the_server_does_not_want_is_told_with_one_that_it_wants(
    sandbox: Sandbox, command: Command
) -> None:
    """The way out stands in the same line."""
    assert sandbox.base_url
    ran = command("doctor", "--key-header", "X-Key")
    (line,) = (line for line in ran.out.splitlines() if line.lstrip().startswith("X-Key: <key>  "))
    assert ran.code == 3
    assert "'API-KEY: <key>' is accepted: leave --key-header out" in line
    assert "X-Key: <key> (--key-header)" in ran.out


@pytest.mark.parametrize(("place", "style"), [("query", "query key=<key>"), ("cookie", "cookie key=<key>")])
def test_a_key_that_the_spec_puts_elsewhere_has_its_style_too(place: str, style: str) -> None:
    """The spec may change its mind."""
    assert _inventory._key_style((place, "key")) == style


@pytest.mark.parametrize(
    ("status", "is_json", "state", "code"),
    [
        (401, True, "ok", 0),
        (404, True, "ok", 0),
        (200, True, "ok", 0),
        (200, False, "failed", 1),
        (302, True, "failed", 1),
        (429, True, "failed", 6),
        (503, True, "failed", 6),
    ],
)
def test_a_server_is_there_if_it_answers_in_earnest(status: int, is_json: bool, state: str, code: int) -> None:
    """Any answer will do that is not its failure and may be an API's."""
    check = diagnosis.reached(Probe(status, seconds=0.0123, is_json=is_json))
    assert (check.state, check.code) == (state, code)
    assert "12 ms" in check.detail


def test_what_the_storage_does_not_say_is_left_out() -> None:
    """Neither a size nor an end is made up."""
    assert diagnosis.storage(None, None, "", Exit.DONE).detail == "the signed URL works"
    assert diagnosis.storage(5, 600.0, "", Exit.DONE).detail == "the signed URL works, 5 bytes, expires in 10 min"


def test_a_token_is_accepted_as_bearer_alone(
    sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that is the style in force then."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    monkeypatch.setenv("AIKYNETIX_TOKEN", sandbox.token)
    ran = command("doctor", "--json")
    states = {check["name"]: check["state"] for check in json.loads(ran.out)["checks"]}
    assert ran.code == 0
    assert states["Authorization: Bearer <token>"] == "ok"
    assert states["API-KEY: <key>"] == "no"


def test_a_wrong_key_is_told_and_exits_3(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """No style is accepted, so the key is to blame."""
    assert sandbox.base_url
    monkeypatch.setenv("AIKYNETIX_API_KEY", "canary-key-1234")
    ran = command("doctor")
    assert ran.code == 3
    assert "check the credential" in ran.out
    assert "canary" not in ran.out + ran.err


def test_without_a_credential_it_still_tells_the_rest(
    sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's state is of interest before there is a key."""
    assert sandbox.base_url
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    ran = command("doctor")
    assert ran.code == 2
    assert "answers in" in ran.out
    assert "set AIKYNETIX_API_KEY" in ran.out


def test_a_server_that_is_not_there_exits_6(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is tried then, so that it ends soon, and that is said."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    ran = command("doctor", "s", "--base-url", "http://127.0.0.1:1", "--json")
    told = json.loads(ran.out)
    assert ran.code == told["exit_code"] == 6
    assert [(check["name"], check["state"]) for check in told["checks"]] == [
        ("server", "failed"),
        ("session", "unknown"),
    ]
    assert told["settings"][0]["source"] == "--base-url"


def test_a_session_without_a_video_fails_with_its_own_code(sandbox: Sandbox, command: Command) -> None:
    """It is the API that says no; the storage was not reached."""
    ran = command("doctor", sandbox.sessions["forbidden"], "--json")
    checks = {check["name"]: check for check in json.loads(ran.out)["checks"]}
    assert ran.code == 4
    assert checks["session"]["state"] == "failed"
    assert "403" in checks["session"]["detail"]
    assert "storage" not in checks


@pytest.mark.parametrize(
    ("filled", "key_header", "advice"),
    [
        (("AIKYNETIX_API_KEY", "token"), None, "put it into AIKYNETIX_TOKEN instead"),
        (
            ("AIKYNETIX_API_KEY", "token"),
            "X-Key",
            "put it into AIKYNETIX_TOKEN instead, and leave --key-header out",
        ),
        (("AIKYNETIX_TOKEN", "key"), None, "put it into AIKYNETIX_API_KEY instead"),
    ],
)
def test_a_credential_in_the_wrong_variable_is_told_where_to_put_it(
    sandbox: Sandbox,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    filled: tuple[str, str],
    key_header: str | None,
    advice: str,
) -> None:
    """No header makes a token of a key, nor a key of a token."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    monkeypatch.setenv(filled[0], sandbox.token if filled[1] == "token" else sandbox.api_key)
    ran = command("doctor", *([] if key_header is None else ["--key-header", key_header]))
    (line,) = (line for line in ran.out.splitlines() if "in force" in line)
    assert ran.code == 3
    assert line.endswith(f"is accepted: {advice}")


@pytest.mark.parametrize(
    ("environ", "options", "said"),
    [
        ({"AIKYNETIX_TOKEN": "canary"}, ["--key-header", "X-Key"], "--key-header is for API keys"),
        ({"AIKYNETIX_API_KEY": "key", "AIKYNETIX_TOKEN": "canary"}, [], "unset one"),
        ({"AIKYNETIX_API_KEY": "key"}, ["--base-url", "https://user:canary@127.0.0.1"], "user info"),
        ({"AIKYNETIX_API_KEY": "key"}, ["--timeout", "0"], "--timeout"),
        ({"AIKYNETIX_API_KEY": "two canary"}, [], "AIKYNETIX_API_KEY"),
    ],
    ids=["header for a token", "two", "base URL", "timeout", "space"],
)
def test_a_wrong_setting_is_a_failed_check_among_the_others(
    sandbox: Sandbox,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    options: list[str],
    said: str,
) -> None:
    """The report is there, as with every other failure, and the exit code is that of the other commands."""
    monkeypatch.delenv("AIKYNETIX_API_KEY")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ran = command("doctor", sandbox.sessions["jump"], "--json", *options)
    told = json.loads(ran.out)
    checks = {check["name"]: check for check in told["checks"]}
    assert ran.code == told["exit_code"] == command("url", "s", *options).code == 2
    assert checks["settings"]["state"] == "failed"
    assert said in checks["settings"]["detail"]
    assert checks["session"]["detail"].startswith("not tried")
    assert "canary" not in ran.out + ran.err
    assert said in command("doctor", *options).out


def test_a_missing_credential_counts_before_a_missing_server(command: Command) -> None:
    """As with the other commands, which do not get as far as the server."""
    ran = command("doctor", "s", "--base-url", "http://127.0.0.1:1", "--json")
    checks = json.loads(ran.out)["checks"]
    assert ran.code == 2
    assert [check["name"] for check in checks] == ["credential", "server", "session"]


class _Other(BaseHTTPRequestHandler):
    """A server that is not the API: it answers everybody with the same page."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
        """Say nothing."""


@pytest.mark.parametrize(
    ("status", "code", "name", "state"),
    [
        (200, 1, "server", "failed"),
        (302, 1, "server", "failed"),
        (429, 6, "server", "failed"),
        (403, 0, "credential", "warning"),
        (404, 0, "credential", "warning"),
    ],
)
def test_a_server_that_is_not_the_api_is_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, status: int, code: int, name: str, state: str
) -> None:
    """Where nothing was proved, "all is well" would be wrong."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    monkeypatch.setattr(_Other, "status", status)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Other) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        ran = command("doctor", "--json", "--base-url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    checks = {check["name"]: check for check in json.loads(ran.out)["checks"]}
    assert (ran.code, checks[name]["state"]) == (code, state)
    assert status == 429 or "check the base URL" in checks[name]["detail"]


class _Everybody(BaseHTTPRequestHandler):
    """An API that gives everybody the same URL, and a storage that refuses it."""

    video_url = ""

    def do_GET(self) -> None:
        is_storage = self.path.startswith("/storage/")
        body = b"" if is_storage else json.dumps({"analyzed_video_url": self.video_url}).encode()
        self.send_response(403 if is_storage else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name in the base class
        """Say nothing."""


@pytest.mark.parametrize(
    ("video_url", "code", "said"),
    [
        ("http://127.0.0.1:1/video.mp4?X-Goog-Signature=canary", 6, "no usable answer"),
        ("http://127.0.0.1:{port}/storage/video.mp4?X-Goog-Signature=canary", 1, "answers 403"),
        ("http://192.0.2.1/video.mp4?X-Goog-Signature=canary", 6, "neither https"),
    ],
    ids=["absent", "refusing", "unencrypted"],
)
def test_a_storage_that_gives_no_bytes_is_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, video_url: str, code: int, said: str
) -> None:
    """Without the signature; and a server that does not look at credentials has accepted none."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Everybody) as server:
        _Everybody.video_url = video_url.format(port=server.server_port)
        Thread(target=server.serve_forever, daemon=True).start()
        ran = command("doctor", "s", "--json", "--base-url", f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    checks = {check["name"]: check for check in json.loads(ran.out)["checks"]}
    assert ran.code == code
    assert checks["API-KEY: <key>"]["state"] == "unknown"
    assert checks["storage"]["state"] == "failed"
    assert said in checks["storage"]["detail"]
    assert "canary" not in ran.out


_HEAD = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n"


@pytest.mark.parametrize(
    ("storage", "state", "said"),
    [
        (raw(Drip(b"HTTP/1.1 206 X\r\nX-More: and more\r\n", endless=True)), "failed", "within the timeout"),
        (raw(b"HTTP/1.1 206 X\r\nContent-Range: bytes 0-0/%s\r\n\r\nx" % (b"9" * 5_000)), "ok", ""),
    ],
    ids=["dripping", "numberless"],
)
def test_whatever_a_storage_sends_there_is_a_verdict_in_time(
    command: Command, monkeypatch: pytest.MonkeyPatch, storage: Script, state: str, said: str
) -> None:
    """One byte at a time keeps nobody waiting for longer than --timeout; a size of thousands of digits is none."""
    monkeypatch.setenv("AIKYNETIX_API_KEY", "key")
    found = raw(_HEAD, b'{"analyzed_video_url": "{other}/sessions/storage/v.mp4"}')
    with FaultServer({"s": found, "storage": storage}) as server:
        began = time.monotonic()
        ran = command("doctor", "s", "--json", "--base-url", server.url, "--timeout", "0.5")
        assert time.monotonic() - began < 4
    checks = {check["name"]: check for check in json.loads(ran.out)["checks"]}
    assert checks["storage"]["state"] == state
    assert said in checks["storage"]["detail"]


def test_a_proxy_that_is_not_used_is_told(sandbox: Sandbox, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who set one expects it to be used."""
    assert sandbox.base_url
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary-password@127.0.0.1:1")
    ran = command("doctor")
    assert ran.code == 0
    assert "HTTPS_PROXY set but not used" in ran.out
    assert "canary" not in ran.out
