"""The sandbox's deciding code, with values only: signatures, ranges, checksums, credentials."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aikynetix.sandbox._credentials import accepted, masked
from aikynetix.sandbox._objects import stored_object
from aikynetix.sandbox._ranges import Selection, select
from aikynetix.sandbox._signing import SigningKey, check, sign

KEY = SigningKey("GOOG1ETEST", b"a secret of the tests")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = "http://127.0.0.1:8001"


def checked(url: str, method: str = "GET", key: SigningKey = KEY, now: datetime = NOW) -> str | None:
    """Checks a URL as the storage does and gives the refusal's code."""
    location, _, query = url.partition("?")
    host, _, path = location.removeprefix("http://").partition("/")
    refusal = check(method, f"/{path}", query, host, key, now)
    return None if refusal is None else refusal.code


segments = st.text(alphabet=st.characters(codec="ascii", min_codepoint=33), min_size=1).map(
    lambda text: "".join(f"%{ord(char):02X}" for char in text)
)


@given(
    segment=segments,
    lifetime=st.integers(1, 604_800),
    extra=st.lists(st.tuples(st.text(min_size=1).map(lambda name: f"p{name}"), st.text()), max_size=3),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_what_is_signed_is_accepted_while_it_lives(
    segment: str, lifetime: int, extra: list[tuple[str, str]], method: str
) -> None:
    """Any path and parameters, signed, pass the check until the lifetime is over, and not after."""
    url = sign(ORIGIN, f"/bucket/{segment}", KEY, NOW, lifetime, extra)
    end = NOW + timedelta(seconds=lifetime)
    assert checked(url, method, now=end) is None
    assert checked(url, method, now=end + timedelta(seconds=1)) == "ExpiredToken"


@given(position=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_every_digit_of_a_signature_counts(position: int, digit: str) -> None:
    """A signature with one digit changed is refused."""
    url = sign(ORIGIN, "/bucket/x", KEY, NOW, 60)
    start = len(url) - 64 + position
    changed = url[:start] + digit + url[start + 1 :]
    assert checked(changed) == (None if changed == url else "SignatureDoesNotMatch")


def test_a_key_with_another_secret_signs_for_nobody_else() -> None:
    """A URL signed with one secret is refused by a storage that holds another; the secret is in no repr."""
    url = sign(ORIGIN, "/bucket/x", KEY, NOW, 60)
    assert checked(url, key=SigningKey(KEY.access_id, b"another")) == "SignatureDoesNotMatch"
    assert "secret of the tests" not in repr(KEY)


def test_other_methods_are_not_what_was_signed() -> None:
    """The method is part of the signature: a URL for reading does not delete."""
    assert checked(sign(ORIGIN, "/bucket/x", KEY, NOW, 60), "DELETE") == "SignatureDoesNotMatch"


@given(query=st.text(), path=st.text(), host=st.text())
def test_no_query_path_or_host_breaks_the_check(query: str, path: str, host: str) -> None:
    """Whatever arrives, the check comes to a refusal instead of an exception."""
    signed = sign(ORIGIN, "/bucket/x", KEY, NOW, 60).partition("?")[2]
    assert check("GET", path, query, host, KEY, NOW) is not None
    assert check("GET", path, f"{signed}&{query}", host, KEY, NOW) is not None


@given(size=st.integers(0, 40), first=st.integers(0, 50), last=st.integers(0, 50))
def test_a_closed_range_is_what_slicing_gives(size: int, first: int, last: int) -> None:
    """``first-last`` selects the same bytes as a slice, or nothing when there are none."""
    data = bytes(range(size))
    selection = select("GET", {"range": f"bytes={first}-{last}"}, stored_object(data))
    if last < first:
        assert selection == Selection(200, 0, size)
    elif expected := data[first : last + 1]:
        assert (selection.status, data[selection.start : selection.stop]) == (206, expected)
    else:
        assert selection == Selection(416)


@given(size=st.integers(0, 40), length=st.integers(0, 50))
def test_a_suffix_range_is_the_end_of_the_object(size: int, length: int) -> None:
    """``-n`` selects the last n bytes, or all when there are fewer, or nothing when that is none."""
    data = bytes(range(size))
    selection = select("GET", {"range": f"bytes=-{length}"}, stored_object(data))
    if length == 0 or size == 0:
        assert selection == Selection(416)
    else:
        assert (selection.status, data[selection.start : selection.stop]) == (206, data[-length:])


@given(
    headers=st.dictionaries(
        st.sampled_from(["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]),
        st.text() | st.from_regex(r"\A\w{3}, \d{1,3} \w{3} \d{1,6} \d\d:\d\d:\d\d [-+]?\w{1,6}\Z"),
    )
)
def test_no_header_breaks_the_selection(headers: dict[str, str]) -> None:
    """Whatever the conditional headers hold, the selection is one of the five statuses, inside the object."""
    selection = select("GET", headers, stored_object(b"0123456789"))
    assert selection.status in (200, 206, 304, 412, 416)
    assert 0 <= selection.start <= selection.stop <= 10


@given(authorization=st.text(), key=st.text())
def test_no_header_is_accepted_by_luck(authorization: str, key: str) -> None:
    """Random credentials are refused, and none makes the comparison fail."""
    assert not accepted({"authorization": authorization, "api-key": key}, "the-right-key", "the-right-token")


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (("Authorization", "Bearer abc"), {"authorization": "Bearer ***"}),
        (("Authorization", "API-KEY abc"), {"authorization": "API-KEY ***"}),
        (("Authorization", "abc def"), {"authorization": "***"}),
        (("authorization", "abc"), {"authorization": "***"}),
        (("Api-Key", "abc"), {"api-key": "***"}),
        (("Cookie", "abc"), {"cookie": "***"}),
        (("X-Other", "has abc inside"), {"x-other": "has *** inside"}),
        (("Accept", "*/*"), {"accept": "*/*"}),
    ],
)
def test_records_keep_no_credential(header: tuple[str, str], kept: dict[str, str]) -> None:
    """A credential is masked by the header it is in, and a known secret in any header."""
    assert masked([header], ["abc"]) == kept


def test_repeated_headers_are_all_kept() -> None:
    """A header that was sent twice is recorded once with both values."""
    assert masked([("X-A", "1"), ("x-a", "2")]) == {"x-a": "1, 2"}
