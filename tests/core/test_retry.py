"""What is tried again, and how long to wait before: exact values at and around every limit."""

from __future__ import annotations

import ssl
import time

import httpx
import pytest

from aikynetix import _retry

NOW = 1_767_225_600.0  # 2026-01-01


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("status", "safe", "unsafe"),
    [
        *((status, True, status == 503) for status in (500, 501, 502, 503, 504, 520, 599)),
        *((status, False, False) for status in (200, 304, 400, 401, 403, 404, 409, 418, 422, 499, 600)),
        (408, True, False),
        (429, True, True),
    ],
)
def test_which_statuses_are_tried_again(status: int, safe: bool, unsafe: bool) -> None:
    """A safe method after 408, 429 and 5xx; a POST only where it was turned away unread."""
    for method in ("GET", "HEAD", "OPTIONS"):
        assert _retry.is_retryable(method, httpx.Response(status)) is safe
    assert _retry.is_retryable("POST", httpx.Response(status)) is unsafe


@pytest.mark.parametrize(
    ("failure", "safe", "unsafe"),
    [
        (httpx.ConnectError("x"), True, True),
        (httpx.PoolTimeout("x"), True, True),
        (httpx.ReadError("x"), True, False),
        (httpx.ReadTimeout("x"), True, False),
        (httpx.RemoteProtocolError("x"), True, False),
        (httpx.ProxyError("503 Service Unavailable"), True, True),
        (httpx.ProxyError("407 Proxy Authentication Required"), False, False),
        (httpx.ProxyError("403 Forbidden"), False, False),
        (httpx.ProxyError("cannot be reached at proxy:3128 (refused)"), True, True),
        (httpx.ProxyError("Invalid username/password"), False, False),
        (httpx.ProxyError("Requested NO AUTHENTICATION REQUIRED from proxy server, but got X."), False, False),
        (httpx.ProxyError("Proxy Server could not connect: Connection not allowed by ruleset."), False, False),
        (httpx.ProxyError("Proxy Server could not connect: Host unreachable."), True, True),
        (httpx.LocalProtocolError("x"), False, False),
        (httpx.DecodingError("x"), False, False),
        (ValueError("x"), False, False),
    ],
)
def test_which_failures_are_tried_again(failure: Exception, safe: bool, unsafe: bool) -> None:
    """A POST only if it surely never arrived; what a proxy refuses for good, never."""
    assert _retry.is_retryable("GET", failure) is safe
    assert _retry.is_retryable("POST", failure) is unsafe


@pytest.mark.parametrize("depth", [0, 1, 6])
@pytest.mark.parametrize("link", ["__cause__", "__context__"])
@pytest.mark.parametrize(
    ("cause", "again"),
    [
        (certificate_error(), False),
        (tls_error("WRONG_VERSION_NUMBER"), False),
        (tls_error("UNEXPECTED_EOF_WHILE_READING"), True),
        (ConnectionRefusedError(), True),
    ],
)
def test_a_handshake_that_cannot_succeed_is_not_tried_again(
    cause: Exception, again: bool, link: str, depth: int
) -> None:
    """However deep the reason lies in the chain of causes; one that broke off in the middle may pass."""
    chain: BaseException = cause
    for _ in range(depth):
        outer = OSError("wrapped")
        setattr(outer, link, chain)
        chain = outer
    failure = httpx.ConnectError("x")
    setattr(failure, link, chain)
    assert _retry.is_retryable("GET", failure) is again
    assert _retry.is_permanent(failure) is not again


@pytest.mark.parametrize(
    ("attempt", "elapsed", "retry_after", "draw", "wait"),
    [
        (1, 0, None, 1.0, 1.0),
        (3, 0, None, 1.0, 4.0),
        (4, 0, None, 1.0, 8.0),
        (2, 0, None, 0.25, 0.5),
        (1, 0, None, 0.0, 0.0),
        (1, 0, 0.0, 1.0, 0.0),
        (1, 0, 29.9, 1.0, 29.9),
        (1, 0, 30.0, 1.0, None),
        (1, 29.0, None, 1.0, None),
        (1, 28.5, None, 1.0, 1.0),
        (1, 30.0, None, 0.0, None),
        (10, 0, None, 1.0, 8.0),
        (11, 0, None, 1.0, None),
        (5_000, 0, 1.0, 1.0, None),
    ],
)
def test_the_wait_doubles_from_a_second_within_the_budget(
    attempt: int, elapsed: float, retry_after: float | None, draw: float, wait: float | None
) -> None:
    """1, 2, 4, then 8 seconds, times the draw; a server's own wish instead; never beyond 30 seconds in all."""
    assert _retry.BUDGET == 30.0
    got = _retry.next_wait(attempt=attempt, max_retries=10, elapsed=elapsed, retry_after=retry_after, draw=draw)
    assert got == wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("1.5", 1.5),
        ("1.5.5", None),
        ("-1", None),
        ("9" * 64, float("9" * 64)),
        ("9" * 65, None),
        ("Thu, 01 Jan 2026 00:00:10 GMT", 10.0),
        ("Thu, 01 Jan 2026 00:00:10 -0000", 10.0),
        ("Thu, 01 Jan 2026 01:00:10 +0100", 10.0),
        ("Thursday, 01-Jan-26 00:00:10 GMT", 10.0),
        ("Thu Jan  1 00:00:10 2026", 10.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("Thu, 32 Jan 2026 00:00:10 GMT", None),
        ("soon", None),
    ],
)
def test_a_retry_after_is_read_in_both_forms(header: str, seconds: float | None) -> None:
    """RFC 9110, sections 10.2.3 and 5.6.7: seconds or one of three forms of a date; anything else says nothing."""
    assert _retry.retry_after(httpx.Headers({"Retry-After": header}), NOW) == seconds
    assert _retry.retry_after(httpx.Headers(), NOW) is None


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("Thu, 01 Jan 2026 00:00:04 GMT", 6.0),
        ("Thu, 01 Jan 2026 01:00:10 GMT", 0.0),
        ("rubbish", 10.0),
        ("", 10.0),
    ],
)
def test_a_retry_after_date_is_measured_by_the_server_s_own_clock(sent: str, seconds: float) -> None:
    """Where it sends a Date that can be read; else by ours."""
    headers = httpx.Headers({"Retry-After": "Thu, 01 Jan 2026 00:00:10 GMT", "Date": sent})
    assert _retry.retry_after(headers, NOW) == seconds


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is fixed on Windows")
def test_a_date_without_a_zone_is_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read alike in Tokyo and in London."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        headers = httpx.Headers({"Retry-After": "Thu, 01 Jan 2026 00:00:10"})
        assert _retry.retry_after(headers, NOW) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()
