"""Bodies that the caller reads are not held to the time of an attempt."""

from __future__ import annotations

import asyncio

from aikynetix import Aikynetix, AsyncAikynetix

from .servers import Connection, Server

BODY = b"0123456789"


def drip(connection: Connection) -> None:
    """Answer at once, and send the body over half a second."""
    while connection.request():
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        connection.drip(BODY, 0.05)


def test_a_streamed_body_may_take_longer_than_the_timeout() -> None:
    """Through `raw` a body comes whole though it takes longer than an attempt may; each read is still limited."""
    with (
        Server(drip) as server,
        Aikynetix(api_key="k", base_url=server.url, timeout=0.3, max_retries=0) as client,
        client.raw.get_httpx_client().stream("GET", "/") as response,
    ):
        assert b"".join(response.iter_raw()) == BODY


def test_an_asynchronous_streamed_body_may_too() -> None:
    """The same through the asynchronous client."""

    async def scenario(url: str) -> bytes:
        async with (
            AsyncAikynetix(api_key="k", base_url=url, timeout=0.3, max_retries=0) as client,
            client.raw.get_async_httpx_client().stream("GET", "/") as response,
        ):
            return b"".join([chunk async for chunk in response.aiter_raw()])

    with Server(drip) as server:
        assert asyncio.run(scenario(server.url)) == BODY
