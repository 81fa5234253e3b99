"""The sandbox's life: ready when entered, gone when left, and what it remembers in between."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix.sandbox import RecordedRequest, Sandbox
from tests import spec

from .conftest import with_key

if TYPE_CHECKING:
    from .conftest import Ask

COMMAND = "from aikynetix.sandbox import Sandbox; Sandbox().serve_forever(); print('stopped')"


def open_files() -> int:
    """Counts this process's file descriptors."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def refused(url: str) -> bool:
    """Tells whether nothing listens at a URL's address any more."""
    parsed = httpx.URL(url)
    with socket.socket() as probe:
        return probe.connect_ex((parsed.host, parsed.port or 80)) != 0


def raw_request(request: httpx.Request) -> socket.socket:
    """Sends a GET request over a socket of its own and reads no answer."""
    connection = socket.create_connection((request.url.host, request.url.port or 80), timeout=5)
    lines = [
        f"GET {request.url.raw_path.decode()} HTTP/1.1",
        *(f"{name}: {value}" for name, value in request.headers.items()),
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def test_entering_makes_it_ready_and_leaving_makes_it_gone(http: httpx.Client) -> None:
    """Both servers answer at once inside the block; after it nothing listens and the URLs are gone."""
    with Sandbox() as sandbox:
        addresses = (sandbox.base_url, sandbox.storage_url)
        assert [http.get(address).status_code for address in addresses] == [404, 403]
        assert sandbox.base_url.endswith(spec.base_path())
    assert all(refused(address) for address in addresses)
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.base_url


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_nothing_is_left_behind() -> None:
    """Many lives, with connections left open by the client, leave no thread and no file descriptor."""
    threads, files = threading.active_count(), open_files()
    for _ in range(5):
        with Sandbox() as sandbox, httpx.Client(verify=False) as client:
            client.get(sandbox.base_url)
            client.get(sandbox.signed_url("session-jump"))
    assert threading.active_count() == threads
    assert open_files() == files


def test_leaving_waits_for_nobody() -> None:
    """Neither for a client that stops reading in the middle of a large body, nor for the latency."""
    with Sandbox(video=bytes(30_000_000), latency=60) as sandbox:
        download = raw_request(httpx.Request("GET", sandbox.signed_url("session-jump")))
        lookup = raw_request(spec.request(base_url=sandbox.base_url))
        assert download.recv(100).startswith(b"HTTP/1.1 200")
        start = time.monotonic()
    assert time.monotonic() - start < 5
    download.close()
    lookup.close()


def test_clients_that_hang_up_are_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    """A client that goes away in the middle of a body leaves no lines on the terminal that the sandbox runs in."""
    with Sandbox(video=bytes(20_000_000)) as sandbox:
        for _ in range(5):
            connection = raw_request(httpx.Request("GET", sandbox.signed_url("session-jump")))
            assert connection.recv(100)
            connection.close()  # with bytes unread, so that the other side is reset
        with httpx.Client(verify=False) as client:
            assert client.get(sandbox.base_url).status_code == 404
    assert caplog.records == []


def test_a_sandbox_can_live_again_with_fresh_state_and_only_once_at_a_time(ask: Ask) -> None:
    """Entered a second time, a sandbox has forgotten the first; starting twice is refused, stopping twice is fine."""
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            with pytest.raises(RuntimeError, match="running already"):
                sandbox.start()
            assert ask(sandbox, "GET", "session-new").status_code == 404
            assert ask(sandbox, "POST", "session-new").status_code == 200
            sandbox.stop()


def test_chosen_ports_are_used_and_a_taken_one_is_named() -> None:
    """The ports can be chosen; when one is taken the error names it and the other one is free again."""
    with Sandbox() as first:
        api, storage = (httpx.URL(url).port or 0 for url in (first.base_url, first.storage_url))
        with pytest.raises(OSError, match=f"127.0.0.1:{storage}"), Sandbox(storage_port=storage):
            pytest.fail("two sandboxes on one port")
    with Sandbox(api_port=api, storage_port=storage) as second:
        assert [httpx.URL(url).port for url in (second.base_url, second.storage_url)] == [api, storage]


def test_two_sandboxes_know_nothing_of_each_other(http: httpx.Client, ask: Ask) -> None:
    """Sandboxes side by side have their own ports, state and signing keys."""
    with Sandbox() as left, Sandbox() as right:
        ask(left, "POST", "session-new")
        assert ask(right, "GET", "session-new").status_code == 404
        stolen = left.signed_url("session-jump").replace(left.storage_url, right.storage_url)
        assert http.get(stolen).status_code == 403


def test_requests_are_recorded_before_they_are_answered(http: httpx.Client, sandbox: Sandbox, ask: Ask) -> None:
    """When the client has an answer the record is there, with everything a test wants to assert."""
    answers = [ask(sandbox, "POST", "café", is_jump=True), ask(sandbox, "GET", "x", key="wrong")]
    http.get(sandbox.signed_url("session-jump"))
    first, second, third = sandbox.requests
    assert isinstance(first, RecordedRequest)
    assert (first.service, first.method, first.status) == ("api", spec.method(spec.GENERATE), 404)
    assert first.path == spec.base_path() + spec.path("café", spec.GENERATE)
    assert first.body == spec.request(spec.GENERATE, said={"is_jump": True}).content
    assert first.headers["host"]
    assert [one.headers["x-request-id"] for one in answers] == [first.request_id, second.request_id]
    assert len({first.request_id, second.request_id, third.request_id}) == 3
    assert (third.service, third.request_id, second.status) == ("storage", "", 401)


def test_no_record_and_no_repr_holds_a_secret(http: httpx.Client, sandbox: Sandbox, ask: Ask) -> None:
    """Key, token and URL signature are in no record and no repr, wherever the request carried them."""
    url = sandbox.signed_url("session-jump")
    ask(sandbox, "GET", "x")
    http.get(sandbox.base_url, headers={"API-KEY": sandbox.api_key, "X-Echo": f"<{sandbox.token}>"})
    http.get(sandbox.base_url, headers={"Authorization": "Bearer canary", "Cookie": "canary"})
    http.get(url)
    http.get(url.replace("X-Goog-Signature", "x-goog-signature"))
    shown = repr(sandbox.requests) + repr(sandbox)
    for secret in (sandbox.api_key, sandbox.token, "canary", httpx.URL(url).params["X-Goog-Signature"]):
        assert secret not in shown
    assert sandbox.requests[2].headers["authorization"] == "Bearer ***"


def test_what_it_announces_points_shells_at_it(sandbox: Sandbox) -> None:
    """The lines for POSIX shells and for PowerShell set the variables that the client reads."""
    assert sandbox.env == {"AIKYNETIX_BASE_URL": sandbox.base_url, "AIKYNETIX_API_KEY": sandbox.api_key}
    text = sandbox.describe()
    for name, value in sandbox.env.items():
        assert f"  export {name}={value}\n" in text
        assert f"$env:{name} = '{value}'" in text
    assert all(session in text for session in sandbox.sessions.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_serving_forever_ends_on_a_signal(http: httpx.Client, number: signal.Signals) -> None:
    """The command's loop says where it is and what to use, and ends cleanly when interrupted or terminated."""
    command = [sys.executable, "-W", "error", "-c", COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        while "session-server-error" not in text and (line := process.stdout.readline()):
            text += line
        address = text.partition("AIKYNETIX_BASE_URL=")[2].split()[0]
        assert http.get(address).status_code == 404
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("stopped\n")


def test_a_key_is_masked_where_the_document_has_it(http: httpx.Client, sandbox: Sandbox) -> None:
    """Also in a query, and also one that is wrong where a header carries it."""
    http.send(with_key(spec.request(base_url=sandbox.base_url), sandbox.api_key))
    assert sandbox.api_key not in str(sandbox.requests[-1])
