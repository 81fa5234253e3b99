"""The sandbox's life: ready when entered, gone when left, and what it remembers in between."""

from __future__ import annotations

import gc
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix.sandbox import RecordedRequest, Sandbox
from scripts.soak import open_files
from tests import spec

from .conftest import with_key

if TYPE_CHECKING:
    from .conftest import Ask


def refused(url: str) -> bool:
    """Tells whether nothing listens at a URL's address any more."""
    parsed = httpx.URL(url)
    with socket.socket() as probe:
        return probe.connect_ex((parsed.host, parsed.port or 80)) != 0


def raw_request(request: httpx.Request) -> socket.socket:
    """Sends a request over a socket of its own and reads no answer."""
    connection = socket.create_connection((request.url.host, request.url.port or 80), timeout=5)
    lines = (f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"{request.method} {request.url.raw_path.decode()} HTTP/1.1\r\n{''.join(lines)}\r\n"
    connection.sendall(head.encode() + request.content)
    return connection


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_nothing_is_left_behind() -> None:
    """Many lives, with connections left open by the client, leave no thread and no file descriptor."""
    gc.collect()
    threads, files = threading.active_count(), open_files()
    for _ in range(5):
        with Sandbox() as sandbox, httpx.Client(verify=False) as client:
            client.get(sandbox.base_url)
            client.get(sandbox.signed_url("session-jump"))
    gc.collect()
    assert threading.active_count() == threads
    assert open_files() == files


def test_leaving_waits_for_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Neither for who stops reading a large body, nor for the latency; of who hangs up nothing is said."""
    with Sandbox(video=bytes(30_000_000), latency=60) as sandbox:
        gone, download = (raw_request(httpx.Request("GET", sandbox.signed_url("session-jump"))) for _ in range(2))
        lookup = raw_request(spec.request(base_url=sandbox.base_url))
        assert gone.recv(100)
        gone.close()  # with bytes unread, so that the other side is reset
        assert download.recv(100).startswith(b"HTTP/1.1 200")
        start = time.monotonic()
    assert time.monotonic() - start < 5
    assert caplog.records == []
    download.close()
    lookup.close()


def test_a_sandbox_lives_while_it_is_entered_again_with_fresh_state_and_once_at_a_time(
    http: httpx.Client, ask: Ask
) -> None:
    """Both servers answer inside the block and are gone after it; starting twice is refused, stopping twice is fine."""
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            with pytest.raises(RuntimeError, match="running already"):
                sandbox.start()
            addresses = (sandbox.base_url, sandbox.storage_url)
            assert [http.get(address).status_code for address in addresses] == [404, 403]
            assert sandbox.base_url.endswith(spec.base_path())
            assert ask(sandbox, "GET", "session-new").status_code == 404
            assert ask(sandbox, "POST", "session-new").is_success
            sandbox.stop()
        assert all(refused(address) for address in addresses)
        with pytest.raises(RuntimeError, match="not running"):
            _ = sandbox.base_url


def test_chosen_ports_are_used_and_a_taken_one_is_named() -> None:
    """When one is taken the error names it and the other one is free again."""
    with Sandbox() as first:
        api, storage = (httpx.URL(url).port or 0 for url in (first.base_url, first.storage_url))
        with pytest.raises(OSError, match=f"127.0.0.1:{storage}"), Sandbox(storage_port=storage):
            pytest.fail("two sandboxes on one port")
    with Sandbox(api_port=api, storage_port=storage) as second:
        assert [httpx.URL(url).port for url in (second.base_url, second.storage_url)] == [api, storage]


def test_requests_are_recorded_before_they_are_answered(http: httpx.Client, sandbox: Sandbox, ask: Ask) -> None:
    """When the client has an answer the record is there, with everything a test wants to assert."""
    sent = spec.request(spec.GENERATE, "café", said={"is_jump": True}, base_url=sandbox.base_url)
    answers = [http.send(with_key(sent, sandbox.api_key)), ask(sandbox, "GET", "x", key="wrong")]
    http.get(sandbox.signed_url("session-jump"))
    first, second, third = sandbox.requests
    assert isinstance(first, RecordedRequest)
    assert (first.service, first.method, first.status) == ("api", spec.method(spec.GENERATE), 404)
    assert first.path == spec.base_path() + spec.path("café", spec.GENERATE)
    assert first.body == sent.content
    assert first.headers["host"]
    assert [one.headers["x-request-id"] for one in answers] == [first.request_id, second.request_id]
    assert len({first.request_id, second.request_id, third.request_id}) == 3
    assert (third.service, third.request_id, second.status) == ("storage", "", 401)


def test_no_record_and_no_repr_holds_a_secret(http: httpx.Client, sandbox: Sandbox) -> None:
    """Key, token and URL signature are in no record and no repr, wherever the request carried them."""
    url = sandbox.signed_url("session-jump")
    http.send(with_key(spec.request(base_url=sandbox.base_url), sandbox.api_key))
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
