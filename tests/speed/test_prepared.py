"""Requests that are made in a short cut are the requests that httpx would have made."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aikynetix._prepared import Prepared

MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
BASES = ["https://api.example.com", "http://127.0.0.1:8000", "https://api.example.com/v2/", "http://[::1]:9/a%20b/c"]
TEXT = st.text(min_size=1, max_size=20).filter(lambda text: text.encode("utf-8", "ignore").decode() == text)


def same(one: httpx.Request, other: httpx.Request) -> bool:
    """Whether two requests go over the wire alike and under the same limits."""
    return (
        (one.method, one.url, one.url.raw_path) == (other.method, other.url, other.url.raw_path)
        and sorted(one.headers.raw) == sorted(other.headers.raw)
        and one.headers.raw[0] == other.headers.raw[0]
        and one.extensions == other.extensions
        and one.read() == other.read()
    )


def client_at(base_url: str) -> httpx.Client:
    """Return a client that never connects."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    return httpx.Client(base_url=base_url, transport=transport, timeout=7.0, headers={"X-Kept": "yes"})


@given(
    st.sampled_from(BASES),
    TEXT,
    st.sampled_from(["get", "GET", "delete", "post", "put"]),
    st.none() | st.dictionaries(st.text("ab_ &=?%é", min_size=1, max_size=4), TEXT | st.booleans() | st.integers()),
)
def test_it_makes_what_httpx_makes(base_url: str, session: str, method: str, params: dict[str, Any] | None) -> None:
    """Any path parameter, query and method, under any base URL."""
    client = client_at(base_url)
    kwargs: dict[str, Any] = {
        "method": method,
        "url": f"/sessions/{quote(session, safe='')}/analyzed-video/",
        "params": params,
    }
    assert same(Prepared(client).request(kwargs), client.build_request(**kwargs))


@pytest.mark.parametrize(
    "kwargs",
    [
        {"method": "get", "url": "sessions/1"},
        {"method": "get", "url": "//elsewhere.example/x"},
        {"method": "get", "url": "https://elsewhere.example/x"},
        {"method": "get", "url": "/x?already=there", "params": {"a": "b"}},
        {"method": "get", "url": "/x#fragment"},
        {"method": "get", "url": "/a/../b/./c"},
        {"method": "get", "url": "/x", "headers": {"X-More": "1", "x-kept": "no"}},
        {"method": "get", "url": "/x", "cookies": {"a": "b"}},
        {"method": "post", "url": "/x", "json": {"is_jump": True}},
        {"method": "post", "url": "/x", "files": {"file": b"data"}, "headers": MULTIPART},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_out_of_the_ordinary_is_httpx_s_own(kwargs: dict[str, Any]) -> None:
    """Bodies, headers, cookies and unusual URLs come out as without the short cut."""
    client = client_at("https://api.example.com/v2")
    assert same(Prepared(client).request(kwargs), client.build_request(**kwargs))


def test_changes_of_the_client_are_noticed() -> None:
    """A header, a cookie, a base URL or a timeout that is changed later is in the next request."""
    client = client_at("https://api.example.com")
    prepared = Prepared(client)
    kwargs: dict[str, Any] = {"method": "get", "url": "/x"}
    prepared.request(kwargs)
    client.headers["X-New"] = "1"
    assert same(prepared.request(kwargs), client.build_request(**kwargs))
    client.base_url = httpx.URL("https://other.example/deep")
    assert same(prepared.request(kwargs), client.build_request(**kwargs))
    client.timeout = httpx.Timeout(3.0)
    assert same(prepared.request(kwargs), client.build_request(**kwargs))
    client.headers["Host"] = "third.example"
    client.cookies.set("a", "b")
    assert same(prepared.request(kwargs), client.build_request(**kwargs))


def test_no_request_changes_the_next() -> None:
    """What is added to one request, such as a credential, is not in another."""
    prepared = Prepared(client_at("https://api.example.com"))
    first = prepared.request({"method": "get", "url": "/x"})
    first.headers["API-KEY"] = "secret"
    first.extensions["timeout"]["read"] = 0.1
    second = prepared.request({"method": "get", "url": "/x"})
    assert "api-key" not in second.headers
    assert second.extensions["timeout"]["read"] == 7.0
