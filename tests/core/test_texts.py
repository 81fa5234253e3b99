"""Redaction, signed URLs, file names, bodies and settings: exact values at and around every limit."""

from __future__ import annotations

import base64
import gzip
import pickle
import sys
import time
import zlib
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from aikynetix import (
    APIResponseValidationError,
    ConfigurationError,
    _body,
    _classify,
    _config,
    _redact,
    _retry,
    _signed_url,
)
from aikynetix._config import SpecDefaults

from .test_answers import error, response

# --- redaction


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/p?q=1#f", "https://h/p?..."),
        ("https://u:p@h:8443/p", "https://h:8443/p"),
        ("https://[::1]:80/", "https://[::1]:80/"),
        ("/p?q", "/p?..."),
        ("//h/p", "//h/p"),
        ("javascript:x", "javascript:x"),
        ("h/p:q", "h/p:q"),
        ("https://[h", "<unreadable URL>"),
        ("https://h:x/", "<unreadable URL>"),
        ("https://h/" + "p" * 3_000, "https://h/" + "p" * 2_037 + "…"),
    ],
)
def test_a_redacted_url_grants_nothing(url: str, shown: str) -> None:
    """Scheme, host, port and path; at most 2,048 characters."""
    assert _redact.redact_url(url) == shown


def test_a_line_is_cut_after_its_limit() -> None:
    """Printable characters, runs of space as one; the text is cut before it is walked."""
    assert _redact.one_line("a\n b\x00c", limit=10) == "a b c"
    assert _redact.one_line("abcd", limit=4) == "abcd"
    assert _redact.one_line("abcde", limit=4) == "abc…"
    assert _redact.one_line(" " * 16 + "x", limit=4) == ""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("X-Goog-Signature=ab&x=1", "X-Goog-Signature=***&x=1"),
        ("SIGNATURE%3Dab", "SIGNATURE%3D***"),
        ("Security-Token=ab", "Security-Token=***"),
        ("TOKEN=ab;x", "TOKEN=***;x"),
        ("signature\\u003dab", "signature\\u003d***"),
        ("broken=ab", "broken=ab"),
        ("see https://h/p?x=1 there", "see https://h/p?... there"),
        ("https:\\/\\/h\\/p?x", "https:\\/\\/h\\/p?..."),
        ("why?no", "why?no"),
    ],
)
def test_signatures_are_masked_whosever_they_are(text: str, masked: str) -> None:
    """By the name of the parameter, and with the query of any URL."""
    assert _redact.scrub(text, []) == masked


def test_short_strings_are_no_secrets() -> None:
    """Four characters are masked, three are not; encodings count from six on."""
    assert _redact.scrub("abc abcd", ["abc"]) == "abc abcd"
    assert _redact.scrub("abcd", ["abcd"]) == "***"
    assert _redact.scrub("at https://h/p?a=1?b=2 now", []) == "at https://h/p?... now"
    assert b"abcde".hex() not in _redact.spellings(["abcde"])
    assert b"abcdef".hex() in _redact.spellings(["abcdef"])
    forms = _redact.spellings(["abcdefgh", "abcdefghij"])
    assert forms == sorted(forms, key=len, reverse=True)


def test_json_is_masked_in_every_part() -> None:
    """Strings, keys, lists, and numbers that are the credential; everything else stays what it is."""
    value = {"k-abcd": ["abcd", 1234, 12.5, True, None, {"x": "abcd"}]}
    masked = {"k-***": ["***", "***", "***", True, None, {"x": "***"}]}
    assert _redact.scrub_json(value, ["abcd", "1234", "12.5"]) == masked
    assert _redact.scrub_json([1, 12345], ["1234"]) == [1, 12345]


@pytest.mark.parametrize("opening", [b"[", b'{"error":'])
@pytest.mark.parametrize(("levels", "kind"), [(100, (dict, list)), (101, str), (3_000, str)])
def test_a_body_nested_too_deep_stays_text(opening: bytes, levels: int, kind: type | tuple[type, ...]) -> None:
    """However deep this process may go: what only just fits there could not be pickled with the error."""
    before = sys.getrecursionlimit()
    body = opening * levels + b"1" + (b"]" if opening == b"[" else b"}") * levels
    try:
        sys.setrecursionlimit(20_000)
        request = httpx.Request("GET", "https://api.example/v1")
        refused = _classify.status_error(httpx.Response(400, content=body, request=request), now=0.0)
    finally:
        sys.setrecursionlimit(before)
    assert isinstance(refused.body, kind)
    assert pickle.loads(pickle.dumps(refused)).body == refused.body


def test_a_cut_leaves_no_beginning_of_a_secret() -> None:
    """The longest beginning of four characters or more that the text ends in is masked."""
    assert _redact.without_cut_secret("x abcde", ["abcdefgh"]) == "x ***"
    assert _redact.without_cut_secret("x abcd", ["abcdefgh"]) == "x ***"
    assert _redact.without_cut_secret("x abc", ["abcdefgh"]) == "x abc"
    assert _redact.without_cut_secret("abcdefgh", ["zzzz", "abcdefgh"]) == "***"


# --- signed URLs and file names


@pytest.mark.parametrize(
    ("query", "end"),
    [
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("x-goog-date=20260101T000000&x-goog-expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("X-Amz-Date=20260101T000000Z&X-Amz-Expires=60", datetime(2026, 1, 1, 0, 1, tzinfo=UTC)),
        ("X-Goog-Date=20260101T010000%2B0100&X-Goog-Expires=0", datetime(2026, 1, 1, tzinfo=UTC)),
        ("Expires=1767225600", datetime(2026, 1, 1, tzinfo=UTC)),
        ("X-Goog-Date=20260101T000000Z", None),
        ("X-Goog-Expires=60", None),
        ("X-Goog-Date=x&X-Goog-Expires=60", None),
        ("X-Goog-Date=20260101T000000Z&X-Goog-Expires=x", None),
        ("X-Goog-Date=99990101T000000Z&X-Goog-Expires=99999999999", None),
        ("Expires=x", None),
        ("Expires=99999999999999999999", None),
        ("", None),
    ],
)
def test_the_end_of_a_signed_url(query: str, end: datetime | None) -> None:
    """Cloud Storage documentation, "Signed URLs" (V4) and "V2 signing process"; what does not say has none."""
    assert _signed_url.expires_at(f"https://h/v?{query}") == end
    assert _signed_url.expires_at("https://[h/v?Expires=1") is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/b/v.mp4?x=1", "v.mp4"),
        ("https://h/b/a%20b.mp4", "a b.mp4"),
        ("https://h/b/%2e%2e%2fv.mp4", "_v.mp4"),
        ("https://h/b/", "video.mp4"),
        ("https://h", "video.mp4"),
        ("https://[h/v.mp4", "video.mp4"),
        ("https://h/b/v.mp4?response-content-disposition=attachment%3B%20filename%3Dx.mp4", "x.mp4"),
        ("https://h/b/v.mp4?Response-Content-Disposition=inline", "v.mp4"),
    ],
)
def test_the_name_of_what_a_url_points_to(url: str, name: str) -> None:
    """The disposition it asks for, else the last part of its path, else a name of ours."""
    assert _signed_url.object_name(url) == name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ('attachment; filename="a b.mp4"', "a b.mp4"),
        ('attachment; filename="a\\"b.mp4"', "a_b.mp4"),
        ("attachment; filename=a.mp4; x=y", "a.mp4"),
        ("attachment; FILENAME*=UTF-8''caf%C3%A9.mp4", "café.mp4"),
        ("attachment; filename*=iso-8859-1'en'a.mp4", "a.mp4"),
        ('attachment; filename="../../a.mp4"', "a.mp4"),
        ('attachment; filename="C:\\\\x\\\\a.mp4"', "a.mp4"),
        ('attachment; filename=""', None),
        ("attachment", None),
        ("", None),
    ],
)
def test_the_name_in_a_disposition(header: str, name: str | None) -> None:
    """RFC 6266: quoted, bare or extended; only the last part of a path."""
    assert _signed_url.disposition_name(header) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a/b\\c:d", "a_b_c_d"),
        ("a<>b", "a_b"),
        (" .a. ", "a"),
        ("..", ""),
        ("CON", "_CON"),
        ("con .txt", "_con .txt"),
        ("lpt9.mp4", "_lpt9.mp4"),
        ("COM¹", "_COM¹"),
        ("comb", "comb"),
        ("a\u202eb\x85c", "a_b_c"),
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 200),
        ("a" * 300 + ".mp4", "a" * 196 + ".mp4"),
        ("a" * 300 + ".longlong", "a" * 191 + ".longlong"),
        ("a" * 300 + ".longlonge", "a" * 200),
        ("é" * 150, "é" * 100),
        ("a" * 195 + " b.mp4", "a" * 195 + ".mp4"),
        ("a" * 195 + " .mp4", "a" * 195 + " .mp4"),
        ("\ud800", "_"),
        ("X.a.X", "X.a.X"),
        ("a" + "é" * 150, "a" + "é" * 99),
        ("a." + "b" * 300 + ".mp4", "a." + "b" * 194 + ".mp4"),
        ("a" * 195 + ".b.mp4", "a" * 195 + ".mp4"),
        ("a" * 195 + "X.mp4", "a" * 195 + "X.mp4"),
        ("a" * 195 + "XX.mp4", "a" * 195 + "X.mp4"),
    ],
)
def test_a_safe_name_names_a_file_in_its_own_folder(text: str, name: str) -> None:
    """No separators, controls, device names, dots or spaces at its ends; at most 200 bytes with its extension kept."""
    assert _signed_url.safe_name(text) == name


# --- bodies


@pytest.mark.parametrize(
    ("status", "type_", "own", "limit"),
    [
        (200, "application/json", None, 8 << 20),
        (200, "application/problem+json", None, 8 << 20),
        (200, None, None, 8 << 20),
        (200, "video/mp4", None, 32 << 20),
        (200, "video/mp4", 5, 5),
        (404, "application/json", 5, 64 << 10),
        (302, "video/mp4", None, 64 << 10),
    ],
)
def test_how_much_of_a_body_is_read(status: int, type_: str | None, own: int | None, limit: int) -> None:
    """64 KiB of an error, 8 MiB of JSON, 32 MiB of anything else, or what the caller says of a success."""
    headers = {} if type_ is None else {"Content-Type": type_}
    assert _body.limit_for(httpx.Response(status, headers=headers), own) == limit


@pytest.mark.parametrize(
    "encoding", ["gzip", "x-gzip", "GZIP", " gzip ", "gzip, identity", "deflate", "bare", "", "identity"]
)
@pytest.mark.parametrize("step", [1, 7, 1_000_000])
def test_a_body_is_unpacked_up_to_its_limit(encoding: str, step: int) -> None:
    """Exactly the limit is taken in; a byte more overflows, and what fits is kept."""
    text = bytes(range(256)) * 40
    wire = {"deflate": zlib.compress(text), "bare": zlib.compress(text)[2:-4], "": text, "identity": text}
    data = wire.get(encoding, gzip.compress(text))
    for limit, overflows in ((len(text), False), (len(text) + 1, False), (len(text) - 1, True), (0, True)):
        collector = _body.Collector(encoding.replace("bare", "deflate"), limit)
        fed = [
            collector.feed(data[start : start + step])
            for start in range(0, len(data), step)
            if not collector.overflowed
        ]
        assert collector.overflowed is overflows
        assert fed[-1] is not overflows
        assert collector.finish() == text[:limit]


def test_a_body_that_is_not_what_it_claims() -> None:
    """Broken, cut or unknown compression is an error of a success, and the end of the body of an error."""
    for encoding, data in (
        ("gzip", b"nonsense"),
        ("gzip", gzip.compress(b"x" * 99, mtime=0)[:-4]),
        ("deflate", b"\xff\xff\xff"),
    ):
        collector = _body.Collector(encoding, 100)
        with pytest.raises(httpx.DecodingError):
            assert collector.feed(data) and collector.finish()  # noqa: PT018 -- either may be the one to notice
    with pytest.raises(httpx.DecodingError, match="'br', which was not asked for"):
        _body.Collector("br", 1)
    lenient = _body.Collector("gzip", 100, lenient=True)
    assert lenient.feed(b"nonsense") is False
    assert lenient.finish() == b""
    after = _body.Collector("gzip", 100)
    assert after.feed(gzip.compress(b"body") + b"trailing")
    assert after.finish() == b"body"


@pytest.mark.parametrize(
    ("announced", "is_refused"),
    [("10", False), ("11", True), ("9" * 19, True), ("9" * 20, False), ("x", False), ("", False)],
)
def test_a_length_beyond_the_limit_is_refused_before_reading(announced: str, is_refused: bool) -> None:
    """Of a success; an error is read as far as it goes."""
    headers = {"Content-Length": announced}
    _body.collector_for(httpx.Response(500, headers=headers), 10)
    if is_refused:
        with pytest.raises(_body.BodyTooLargeError, match="larger than 10 bytes"):
            _body.collector_for(httpx.Response(200, headers=headers), 10)
    else:
        _body.collector_for(httpx.Response(200, headers=headers), 10)


# --- settings


@pytest.mark.parametrize(
    ("timeout", "deadline"),
    [
        (httpx.Timeout(5.0), 5.0),
        (httpx.Timeout(5.0, read=9.0), 9.0),
        (httpx.Timeout(5.0, connect=9.0), 9.0),
        (httpx.Timeout(5.0, pool=9.0), 5.0),
        (httpx.Timeout(5.0, pool=None), 5.0),
        (httpx.Timeout(5.0, read=None), None),
        (httpx.Timeout(None), None),
    ],
)
def test_an_attempt_may_take_as_long_as_its_longest_phase(timeout: httpx.Timeout, deadline: float | None) -> None:
    """Connecting, reading or writing; without a limit when one of them has none."""
    assert _config.deadline_of(timeout) == deadline


def test_the_defaults_are_finite() -> None:
    """30 seconds, 10 of them for connecting; 100 retries at most."""
    assert _config.resolve_timeout(None) == httpx.Timeout(30.0, connect=10.0)
    assert _config.resolve_timeout(2) == httpx.Timeout(2.0)
    assert _config.resolve_max_retries(0) == 0
    assert _config.resolve_max_retries(100) == 100
    assert len(_config.Unseen({"A": "b"})) == 1
    assert list(_config.Unseen({"A": "b"})) == ["A"]


@pytest.mark.parametrize(
    ("host", "is_home"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("128.0.0.1", False), ("h", False)],
)
def test_what_is_loopback(host: str, is_home: bool) -> None:
    """The name localhost, 127.0.0.0/8 and ::1."""
    assert _config.is_loopback(host) is is_home


def test_a_base_url_comes_from_the_first_who_names_one() -> None:
    """The argument, the environment with space around it, the spec; each without the slash at its end."""
    spec, none = SpecDefaults("https://spec.example/", None, None), SpecDefaults(None, None, None)
    environ = {"AIKYNETIX_BASE_URL": " https://env.example/v2/ "}
    assert str(_config.resolve_base_url("https://arg.example/", environ, spec)) == "https://arg.example/"
    assert str(_config.resolve_base_url(None, environ, spec)) == "https://env.example/v2"
    assert str(_config.resolve_base_url(None, {"AIKYNETIX_BASE_URL": " "}, spec)) == "https://spec.example/"
    with pytest.raises(ConfigurationError, match="names no server; give base_url= or set AIKYNETIX_BASE_URL"):
        _config.resolve_base_url(None, {}, none)


def test_secrets_are_equal_by_value() -> None:
    """So that settings can be compared; they are not equal to the bare text."""
    one, same, other = _redact.Secret("a"), _redact.Secret("a"), _redact.Secret("b")
    assert one == same
    assert one != other
    assert one != "a"
    assert len({one, same, other}) == 2


def test_the_forms_of_base64_hold_only_the_secret() -> None:
    """For each offset, what does not depend on the bytes before and after: both alphabets, exactly."""
    forms = {"+//+YWJj", "7//5hYm", "v//mFiY"}  # of 0, 1 and 2 bytes before it
    in_urls = {form.replace("+", "-").replace("/", "_") for form in forms}
    assert set(_redact._base64_forms(b"\xfb\xff\xfeabc")) == forms | in_urls
    for before in (b"", b"x", b"xy", b"xyz"):
        for after in (b"", b"1", b"12"):
            whole = base64.b64encode(before + b"canary" + after).decode()
            assert any(form in whole for form in _redact._base64_forms(b"canary"))


def test_a_password_may_have_colons() -> None:
    """RFC 7617: the user ends at the first one."""
    credential = base64.b64encode(b"user:pass:word").decode()
    request = httpx.Request("GET", "https://h/s", headers={"Authorization": f"Basic {credential}"})
    assert "pass:word" in _classify.secrets_sent(request, request.headers.raw[:1], b"")


def test_a_short_body_that_ends_like_a_secret_is_left_alone() -> None:
    """Only what was cut at the limit may end in half a secret."""
    assert error(400, b"ends in cana", ("canary-key",)).body == "ends in cana"
    cut = error(400, b"x" * (64 * 1024 - 4) + b"cana", ("canary-key",)).body
    assert str(cut).endswith("x***")


def test_what_is_asked_for_can_be_unpacked() -> None:
    """The encodings that requests name are those that bodies are unpacked from; an error's limit is 64 KiB."""
    assert _body.ACCEPT_ENCODING == "gzip, deflate"
    assert (_body.ERROR_LIMIT, _body.JSON_LIMIT, _body.BINARY_LIMIT) == (64 << 10, 8 << 20, 32 << 20)


def test_every_new_part_of_a_query_is_secret() -> None:
    """Also when several were added, and whatever stood there before."""
    request = httpx.Request("GET", "https://h/s?a=1&one=first-part&two=second-part")
    assert {"first-part", "second-part"} <= set(_classify.secrets_sent(request, request.headers.raw, b"a=1"))


@pytest.mark.parametrize(
    ("body", "kind"),
    [([], "array"), ("x", "string"), (1, "number"), (1.5, "number"), (True, "boolean"), (None, "null")],
)
def test_what_came_instead_of_an_object_is_named(body: Any, kind: str) -> None:
    """In the words of JSON."""
    with pytest.raises(APIResponseValidationError, match=f"a JSON {kind} where an object"):
        _classify.video_url(response(body=body), ("url",))
    with pytest.raises(APIResponseValidationError, match="URL is a JSON object, not a string"):
        _classify.video_url(response(body={"url": {}}), ("url",))


@pytest.mark.parametrize("port", [1, 65_535])
def test_every_port_that_exists_may_stand_in_a_base_url(port: int) -> None:
    """1 to 65535; the text of a refusal says whose URL it was."""
    assert _config.checked_base_url(f"https://h:{port}", "x").port == port
    for bad in ("https://h:0", "https://h:65536", "https://h\\x"):
        with pytest.raises(ConfigurationError, match=r"^x "):
            _config.checked_base_url(bad, "x")
    spec = SpecDefaults("http://far.example", None, None)
    with pytest.raises(ConfigurationError, match=r"^the vendored spec's server "):
        _config.resolve_base_url(None, {}, spec)


def test_a_secret_is_known_in_every_spelling() -> None:
    """As sent, percent-encoded with and without the slash, in JSON and in HTML; a short one hides no other."""
    forms = set(_redact.spellings(["abc", 'k<e>y"&/1']))
    assert {
        'k<e>y"&/1',
        "k%3Ce%3Ey%22%26%2F1",
        "k%3Ce%3Ey%22%26/1",
        'k<e>y"&\\/1',
        "k&lt;e&gt;y&quot;&amp;/1",
        b'k<e>y"&/1'.hex(),
    } <= forms
    assert "abc" not in forms


@pytest.mark.parametrize("length", [4, 5, 6, 7])
def test_a_beginning_of_any_length_that_a_cut_left_is_masked(length: int) -> None:
    """From four characters on: fewer occur in prose."""
    assert _redact.without_cut_secret("said: " + "canary7"[:length], ["canary7"]) == "said: ***"
    assert _redact.without_cut_secret("said: can", ["canary7"]) == "said: can"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process is fixed on Windows")
def test_times_without_a_zone_are_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed URLs and Retry-After are read alike in Tokyo and in London."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        end = _signed_url.expires_at("https://h/v?X-Goog-Date=20260101T000000&X-Goog-Expires=900")
        assert end == datetime(2026, 1, 1, 0, 15, tzinfo=UTC)
        assert end is not None
        assert end.tzinfo is UTC
        assert _retry.parse_retry_after("Thu, 01 Jan 2026 00:00:10 -0000", 1_767_225_600.0) == 10.0
    finally:
        monkeypatch.undo()
        time.tzset()
