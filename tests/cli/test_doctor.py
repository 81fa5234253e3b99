"""The doctor: what it concludes, and what it finds against real servers."""

from __future__ import annotations

import json
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aikynetix_api import facade

from aikynetix._cli.doctor import _clock, _verdict
from tests.faults.scenario import answer, raw
from tests.faults.server import FaultServer, Script
from tests.spec import KEY_LOCATION, KEY_NAME, TOKEN_HEADER, TOKEN_PREFIX, success

if TYPE_CHECKING:
    from aikynetix.sandbox import Sandbox

    from .conftest import Command

KEY_STYLE = f"{KEY_NAME}: <key>" if KEY_LOCATION == "header" else f"{KEY_LOCATION} {KEY_NAME}=<key>"
BEARER_STYLE = f"{TOKEN_HEADER}: {TOKEN_PREFIX}<token>"


def examined(command: Command, *arguments: str, **environ: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Run the doctor; return the exit code, the settings and the checks by name."""
    ran = command("doctor", "--json", *arguments, **environ)
    told = json.loads(ran.out)
    assert ran.code == told["exit_code"]
    settings, checks = ({row["name"]: row for row in told[part]} for part in ("settings", "checks"))
    return ran.code, settings, checks


# What a server responds to a style and to no credential at all, by what that proves.
VERDICTS: dict[str, list[tuple[int | None, int]]] = {
    "accepted": [(404, 401), (403, 401), (200, 401), (404, 403)],
    "refused": [(401, 401)],
    "cannot tell": [(404, 404), (500, 401), (429, 401), (302, 401), (None, 401)],
}


def test_a_style_is_accepted_only_if_it_makes_a_difference() -> None:
    """A server that answers 404 to everybody has accepted nothing."""
    assert {name: [_verdict(*each) for each in VERDICTS[name]] for name in VERDICTS} == {
        name: [name] * len(VERDICTS[name]) for name in VERDICTS
    }


@pytest.mark.parametrize(
    ("date", "state", "said"),
    [
        ("Fri, 02 Jan 2026 03:04:05 GMT", "ok", "agrees"),
        ("Fri, 02 Jan 2026 03:03:35 GMT", "ok", "30 s off"),
        ("Fri, 02 Jan 2026 03:02:05 GMT", "warning", "ahead of"),
        ("Fri, 02 Jan 2026 04:04:05 GMT", "warning", "behind"),
        ("", "unknown", "does not say"),
        ("yesterday", "unknown", "does not say"),
    ],
)
def test_a_clock_that_is_off_is_told(date: str, state: str, said: str) -> None:
    """The response's date is the measure; one that cannot be read gives no verdict."""
    check = _clock(date, datetime(2026, 1, 2, 3, 4, 5, 500_000, tzinfo=UTC))
    assert check.state == state
    assert said in check.detail


def test_all_is_well_with_the_sandbox(sandbox: Sandbox, command: Command) -> None:
    """Every part of the report is there, and the credential is not; a key is accepted in both forms alone."""
    ran = command("doctor", sandbox.sessions["jump"])
    assert (ran.code, ran.err) == (0, "")
    for part in ("httpx", facade.TITLE, sandbox.base_url, "AIKYNETIX_API_KEY", "transport", "expires in"):
        assert part in ran.out
    assert sandbox.api_key not in ran.out
    assert "X-Goog" not in ran.out
    _, _, checks = examined(command, sandbox.sessions["jump"])
    well = "server", "clock", KEY_STYLE, "Authorization: API-KEY <key>", "session", "storage"
    states = {name: check["state"] for name, check in checks.items()}
    assert states == dict.fromkeys(well, "ok") | {BEARER_STYLE: "no"}


@pytest.mark.parametrize(
    ("options", "name", "value", "source"),
    [
        ([], "credential", "API key", "AIKYNETIX_API_KEY"),
        ([], "header", KEY_STYLE, "default"),
        (["--key-header", "authorization"], "header", "Authorization: API-KEY <key>", "--key-header"),
        (["--timeout", "7"], "timeout", "7.0", "--timeout"),
        ([], "retries", "3", "default"),
        ([], "proxy", "none", "default"),
        (["--base-url", "https://api.example.invalid"], "proxy", "127.0.0.1:5", "HTTPS_PROXY"),
        (["--base-url", "https://api.example.invalid:8443"], "proxy", "none", "default"),
        (["--base-url", "https://other.example.invalid"], "proxy", "none", "default"),
        (["--base-url", "https://a.invalid", "--proxy", "http://u:canary@[::1]:7"], "proxy", "[::1]:7", "--proxy"),
    ],
)
def test_each_setting_is_told_with_its_source(
    sandbox: Sandbox, command: Command, options: list[str], name: str, value: str, source: str
) -> None:
    """So that nobody wonders which is in force; a proxy is the one that httpx takes, and shown without its password."""
    assert sandbox.base_url
    proxies = {f"{scheme}_PROXY": f"http://user:canary@127.0.0.1:{len(scheme)}" for scheme in ("HTTP", "HTTPS")}
    exempt = "api.example.invalid:8443,https://other.example.invalid"
    _, settings, _ = examined(command, *options, **proxies, NO_PROXY=exempt)
    assert (settings[name]["value"], settings[name]["source"]) == (value, source)
    assert "canary" not in str(settings)


@pytest.mark.parametrize(
    ("variable", "credential", "options", "code", "advice"),
    [
        ("AIKYNETIX_TOKEN", "token", [], 0, ""),
        ("AIKYNETIX_API_KEY", "token", [], 3, f"{BEARER_STYLE!r} is accepted"),
        ("AIKYNETIX_API_KEY", "token", ["--key-header", "X-Key"], 3, f"{BEARER_STYLE!r} is accepted"),
        ("AIKYNETIX_API_KEY", "api_key", ["--key-header", "X-Key"], 3, f"{KEY_STYLE!r} is accepted"),
        ("AIKYNETIX_TOKEN", "api_key", [], 3, f"{KEY_STYLE!r} is accepted"),
        ("AIKYNETIX_API_KEY", "", [], 3, "check the credential"),
    ],
)
def test_the_style_in_force_decides_and_a_better_one_is_named(
    sandbox: Sandbox, command: Command, variable: str, credential: str, options: list[str], code: int, advice: str
) -> None:
    """No header makes a token of a key, nor a key of a token; the credential itself is never shown."""
    secret = getattr(sandbox, credential) if credential else "canary-1234"
    ran = command("doctor", *options, **{"AIKYNETIX_API_KEY": "", variable: secret})
    (line,) = (line for line in ran.out.splitlines() if "in force" in line)
    assert ran.code == code
    assert advice in line
    assert secret not in ran.out + ran.err


@pytest.mark.parametrize(
    ("environ", "options", "said"),
    [
        ({}, [], "set AIKYNETIX_API_KEY"),
        ({"AIKYNETIX_TOKEN": "canary"}, ["--key-header", "X-Key"], "--key-header is for API keys"),
        ({"AIKYNETIX_API_KEY": "key", "AIKYNETIX_TOKEN": "canary"}, [], "unset one"),
        ({"AIKYNETIX_API_KEY": "key"}, ["--base-url", "https://user:canary@127.0.0.1"], "user info"),
        ({"AIKYNETIX_API_KEY": "two canary"}, [], "the API key"),
        ({"AIKYNETIX_API_KEY": "key"}, ["--ca-file", "/nope"], "--ca-file names '/nope'"),
        ({"AIKYNETIX_API_KEY": "key", "SSL_CERT_FILE": "/nope"}, ["--base-url", "https://[::1]:1"], "SSL_CERT_FILE"),
    ],
    ids=["none", "header for a token", "two", "base URL", "space", "authorities", "authorities of the environment"],
)
def test_a_wrong_setting_is_a_failed_check_among_the_others(
    sandbox: Sandbox, command: Command, environ: dict[str, str], options: list[str], said: str
) -> None:
    """The rest of the report is there, and the exit code is that of the other commands."""
    environ = {"AIKYNETIX_API_KEY": ""} | environ
    code, settings, checks = examined(command, sandbox.sessions["jump"], *options, **environ)
    assert code == command("url", "s", *options).code == 2
    assert said in next(check["detail"] for check in checks.values() if check["state"] == "failed")
    assert (settings["base URL"]["value"] == sandbox.base_url) == ("--base-url" not in options)
    assert checks["session"]["detail"].startswith("not tried")
    assert "canary" not in command("doctor", *options).out


def test_a_server_that_is_not_there_exits_6(command: Command) -> None:
    """Nothing else is tried then, so that it ends soon, and that is said; a missing credential counts before it."""
    absent = "s", "--base-url", "http://127.0.0.1:1"
    assert examined(command, *absent)[0] == 2
    code, settings, checks = examined(command, *absent, AIKYNETIX_API_KEY="key")
    assert (code, settings["base URL"]["source"]) == (6, "--base-url")
    assert {name: check["state"] for name, check in checks.items()} == {"server": "failed", "session": "unknown"}


def test_a_session_without_a_video_fails_with_its_own_code(sandbox: Sandbox, command: Command) -> None:
    """It is the API that says no; the storage was not reached."""
    code, _, checks = examined(command, sandbox.sessions["forbidden"])
    assert (code, checks["session"]["state"]) == (4, "failed")
    assert "403" in checks["session"]["detail"]
    assert "storage" not in checks


@pytest.mark.parametrize(
    ("nobodys", "session", "code", "name", "state", "said"),
    [
        (answer(b"<html>"), "", 1, "server", "failed", "check the base URL"),
        (answer(b"<html>", status=302), "", 1, "server", "failed", "check the base URL"),
        (answer(b"<html>", status=429), "", 6, "server", "failed", "try again later"),
        (answer(b"<html>", status=403), "", 0, "credential", "warning", "check the base URL"),
        (answer(b"<html>", status=404), "", 0, "credential", "warning", "check the base URL"),
        (answer(status=404), "http://127.0.0.1:1/v.mp4?X-Goog-Signature=canary", 6, "storage", "failed", ""),
        (answer(status=404), "{api}/sessions/video/v.mp4?X-Goog-Signature=canary", 1, "storage", "failed", "403"),
    ],
)
def test_a_server_that_is_not_the_api_or_a_storage_that_gives_nothing_is_told(
    command: Command, nobodys: Script, session: str, code: int, name: str, state: str, said: str
) -> None:
    """Where nothing was proved, "all is well" would be wrong; no signature and no file of the doctor's own is shown."""
    body = json.dumps(success(session)).encode()
    found = raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", body)
    scripts = {"aikynetix-doctor": nobodys, "s": found, "video": answer(status=403)}
    with FaultServer(scripts) as server:
        options = [*(["s"] if session else []), "--base-url", server.url]
        told, _, checks = examined(command, *options, AIKYNETIX_API_KEY="key")
    assert (told, checks[name]["state"]) == (code, state)
    assert said in checks[name]["detail"]
    assert "canary" not in str(checks)
    assert tempfile.gettempdir() not in str(checks)
