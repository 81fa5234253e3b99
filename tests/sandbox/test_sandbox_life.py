"""The sandbox's life: ready when entered, gone when left, and what it remembers in between."""

from __future__ import annotations

import gc
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from aikynetix.sandbox import RecordedRequest, Sandbox

PATH = "/session-management/sessions/{}/analyzed-video/"
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


def raw_request(sandbox: Sandbox, url: str) -> socket.socket:
    """Sends a GET request over a socket of its own and reads no answer."""
    parsed = httpx.URL(url)
    connection = socket.create_connection((parsed.host, parsed.port or 80), timeout=5)
    target, host = parsed.raw_path.decode(), parsed.netloc.decode()
    head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAPI-KEY: {sandbox.api_key}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_entering_makes_it_ready_and_leaving_makes_it_gone(http: httpx.Client) -> None:
    """Both servers answer at once inside the block; after it nothing listens and the URLs are gone."""
    with Sandbox() as sandbox:
        addresses = (sandbox.base_url, sandbox.storage_url)
        assert [http.get(address).status_code for address in addresses] == [404, 403]
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


def test_leaving_cuts_a_download_that_nobody_reads() -> None:
    """A client that stops reading in the middle of a large body does not hold the sandbox."""
    with Sandbox(video=bytes(30_000_000)) as sandbox:
        connection = raw_request(sandbox, sandbox.signed_url("session-jump"))
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        start = time.monotonic()
    assert time.monotonic() - start < 5
    connection.close()


def test_clients_that_hang_up_are_not_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    """A client that goes away in the middle of a body leaves no lines on the terminal that the sandbox runs in."""
    with Sandbox(video=bytes(20_000_000)) as sandbox:
        for _ in range(5):
            connection = raw_request(sandbox, sandbox.signed_url("session-jump"))
            assert connection.recv(100)
            connection.close()  # with bytes unread, so that the other side is reset
        with httpx.Client(verify=False) as client:
            assert client.get(sandbox.base_url).status_code == 404
    assert caplog.records == []


def test_leaving_does_not_wait_for_the_latency() -> None:
    """A request that is held by a long latency ends with the sandbox."""
    with Sandbox(latency=60) as sandbox:
        connection = raw_request(sandbox, sandbox.base_url + PATH.format("session-jump"))
        start = time.monotonic()
    assert time.monotonic() - start < 10
    connection.close()


def test_a_sandbox_can_live_again_with_fresh_state(http: httpx.Client) -> None:
    """Entered a second time, a sandbox has forgotten the first."""
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            url, key = sandbox.base_url + PATH.format("session-new"), {"API-KEY": sandbox.api_key}
            assert http.get(url, headers=key).status_code == 404
            assert http.post(url, headers=key, json={}).status_code == 200


def test_a_running_sandbox_cannot_be_started_again() -> None:
    """Starting twice is refused with a clear error and leaves the first start alone; stopping twice is fine."""
    with Sandbox() as sandbox:
        with pytest.raises(RuntimeError, match="running already"):
            sandbox.start()
        assert not refused(sandbox.base_url)
        sandbox.stop()
        sandbox.stop()


def test_chosen_ports_are_used_and_a_taken_one_is_named() -> None:
    """The ports can be chosen; when one is taken the error names it and the other one is free again."""
    with Sandbox() as first:
        api, storage = (httpx.URL(url).port or 0 for url in (first.base_url, first.storage_url))
        with pytest.raises(OSError, match=f"127.0.0.1:{storage}"), Sandbox(storage_port=storage):
            pytest.fail("two sandboxes on one port")
    with Sandbox(api_port=api, storage_port=storage) as second:
        assert (second.base_url, second.storage_url) == (f"http://127.0.0.1:{api}", f"http://127.0.0.1:{storage}")


def test_two_sandboxes_know_nothing_of_each_other(http: httpx.Client) -> None:
    """Sandboxes side by side have their own ports, state and signing keys."""
    with Sandbox() as left, Sandbox() as right:
        key = {"API-KEY": left.api_key}
        http.post(left.base_url + PATH.format("session-new"), headers=key, json={})
        assert http.get(right.base_url + PATH.format("session-new"), headers=key).status_code == 404
        stolen = left.signed_url("session-jump").replace(left.storage_url, right.storage_url)
        assert http.get(stolen).status_code == 403


def test_requests_are_recorded_before_they_are_answered(http: httpx.Client, sandbox: Sandbox) -> None:
    """When the client has an answer the record is there, with everything a test wants to assert."""
    url = sandbox.base_url + PATH.format("caf%C3%A9") + "?is_jump=true"
    sent = {"Authorization": f"Bearer {sandbox.token}", "X-Mine": "yes"}
    answer = http.post(url, headers=sent, json={"is_jump": True})
    (record,) = sandbox.requests
    assert isinstance(record, RecordedRequest)
    assert (record.service, record.method, record.status) == ("api", "POST", 404)
    assert (record.path, record.query) == (PATH.format("caf%C3%A9"), "is_jump=true")
    assert (record.headers["authorization"], record.headers["x-mine"]) == ("Bearer ***", "yes")
    assert record.body.replace(b" ", b"") == b'{"is_jump":true}'
    assert record.request_id
    assert answer.headers["x-request-id"] == record.request_id


def test_each_answer_of_the_api_has_an_id_of_its_own(http: httpx.Client, sandbox: Sandbox) -> None:
    """The ids of two answers differ, refused ones have one too, and the storage gives none."""
    for headers in ({"API-KEY": sandbox.api_key}, {"API-KEY": "wrong"}):
        http.get(sandbox.base_url + PATH.format("session-jump"), headers=headers)
    stored = http.get(sandbox.signed_url("session-jump"))
    ids = [record.request_id for record in sandbox.requests]
    assert len({*ids}) == 3
    assert ids[2] == ""
    assert "x-request-id" not in stored.headers


def test_no_record_and_no_repr_holds_a_secret(http: httpx.Client, sandbox: Sandbox) -> None:
    """Key, token and URL signature are in no record and no repr, wherever the request carried them."""
    url = sandbox.signed_url("session-jump")
    http.get(sandbox.base_url, headers={"API-KEY": sandbox.api_key, "X-Echo": f"<{sandbox.token}>"})
    http.get(sandbox.base_url, headers={"Authorization": f"API-KEY {sandbox.api_key}"})
    http.get(url)
    http.get(url.replace("X-Goog-Signature", "x-goog-signature"))
    shown = repr(sandbox.requests) + repr(sandbox)
    for secret in (sandbox.api_key, sandbox.token, httpx.URL(url).params["X-Goog-Signature"]):
        assert secret not in shown
    assert [record.service for record in sandbox.requests] == ["api", "api", "storage", "storage"]


def test_env_is_what_finds_the_sandbox(sandbox: Sandbox) -> None:
    """The variables are the ones that the client reads, with this sandbox's values."""
    assert sandbox.env == {"AIKYNETIX_BASE_URL": sandbox.base_url, "AIKYNETIX_API_KEY": sandbox.api_key}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_forever_ends_on_a_signal(http: httpx.Client, number: signal.Signals) -> None:
    """The command's loop says where it is and what to use, and ends cleanly when interrupted or terminated."""
    command = [sys.executable, "-W", "error", "-c", COMMAND]  # development mode would tell of every slow step as well
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        while "session-server-error" not in text and (line := process.stdout.readline()):
            text += line
        address = text.partition("AIKYNETIX_BASE_URL=")[2].split()[0]
        assert http.get(address).status_code == 404
        assert "session-slow" in text
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert out.endswith("stopped\n")
