"""How many connections are opened, which are used again, and which are not."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx
import pytest

from aikynetix._transport import _streams
from aikynetix._transport._async import AsyncPooledTransport
from aikynetix._transport._streams import LoopStream
from aikynetix._transport._sync import PooledTransport

from .servers import Connection, Server, echo
from .wires import Wire, body_of, leave

if TYPE_CHECKING:
    from collections.abc import Callable


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def test_requests_in_a_row_share_one_connection(run: Callable[..., None]) -> None:
    """Twenty requests one after the other open one connection."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            for number in range(20):
                assert await wire.get(f"{server.url}/{number}") == b"/%d" % number

        run(scenario)
        assert server.connections == 1


def test_threads_never_open_more_than_the_pool_holds() -> None:
    """64 threads on a pool of 8 get their own answers over at most 8 connections."""
    wrong: list[object] = []
    with Server(echo) as server, PooledTransport(size=8) as transport:

        def work(thread: int) -> None:
            for number in range(10):
                path = f"/{thread}/{number}"
                response = transport.handle_request(
                    httpx.Request("GET", server.url + path, extensions={"timeout": {"pool": 20.0, "read": 20.0}})
                )
                if response.read() != path.encode():
                    wrong.append(path)

        threads = [threading.Thread(target=work, args=(each,)) for each in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert 1 <= server.connections <= 8


def test_tasks_never_open_more_than_the_pool_holds(run_async: Callable[..., None]) -> None:
    """200 tasks on a pool of 8 get their own answers over at most 8 connections."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            async def work(number: int) -> None:
                assert await wire.get(f"{server.url}/{number}") == b"/%d" % number

            async with anyio.create_task_group() as group:
                for number in range(200):
                    group.start_soon(work, number)

        run_async(scenario, size=8)
        assert 1 <= server.connections <= 8


def test_those_who_wait_are_served_in_turn(run_async: Callable[..., None]) -> None:
    """With one connection the server sees the requests in the order in which they were made."""
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        while head := connection.request():
            seen.append(head.split(b" ", 2)[1])
            connection.answer(b"")

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            async with anyio.create_task_group() as group:
                for number in range(20):
                    group.start_soon(wire.get, f"{server.url}/{number}")
                    await anyio.lowlevel.checkpoint()

        run_async(scenario, size=1)
    assert seen == [b"/%d" % number for number in range(20)]


def test_waiting_for_a_connection_ends_at_the_pool_timeout(run: Callable[..., None]) -> None:
    """While the only connection is in use another request fails with PoolTimeout, and after that the pool works."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            first = await wire.open(f"{server.url}/first")
            with pytest.raises(httpx.PoolTimeout):
                await wire.get(f"{server.url}/second", pool=0.05)
            assert await body_of(first) == b"/first"
            assert await wire.get(f"{server.url}/third") == b"/third"

        run(scenario, size=1)
        assert server.connections == 1


def test_a_connection_that_the_server_closed_is_not_used_again(run: Callable[..., None]) -> None:
    """A server that closes after every answer, without saying so, is asked over a new connection each time."""
    closed: list[int] = []

    def script(connection: Connection) -> None:
        connection.request()
        connection.answer(b"once")
        connection.close()
        closed.append(connection.number)

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            for number in range(1, 6):
                assert await wire.get(server.url) == b"once"
                until(lambda number=number: len(closed) == number)  # type: ignore[misc]  # bound at once

        run(scenario)
        assert server.connections == 5


@pytest.mark.parametrize("together", [True, False])
def test_bytes_that_nobody_asked_for_do_not_answer_the_next_request(run: Callable[..., None], together: bool) -> None:
    """What a server sends behind an answer, at once or while the connection idles, is thrown away with it."""
    sent = threading.Event()

    def script(connection: Connection) -> None:
        connection.request()
        stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
        honest = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhonest"
        if connection.number > 1:
            connection.send(honest)
        elif together:
            connection.send(honest + stray)
            sent.set()
        else:
            connection.send(honest)
            time.sleep(0.05)
            connection.send(stray)
            sent.set()
        connection.request()

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            for _ in range(2):
                assert await wire.get(server.url) == b"honest"
                assert sent.wait(5)

        run(scenario)
        assert server.connections == 2


def test_an_idle_connection_is_kept_for_a_limited_time(run: Callable[..., None]) -> None:
    """A connection idle for longer than it may be is closed, and a new one is opened."""
    ended: list[bool] = []

    def script(connection: Connection) -> None:
        connection.request()
        connection.answer(b"ok")
        ended.append(connection.wait_for_close())

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            await wire.get(server.url)
            await wire.get(server.url)
            until(lambda: ended[:1] == [True])

        run(scenario, keepalive=0.0)
        assert server.connections == 2


def test_an_answer_left_half_read_closes_its_connection(run: Callable[..., None]) -> None:
    """The rest of an unread body never becomes part of another answer."""

    def script(connection: Connection) -> None:
        while connection.request():
            connection.answer(b"x" * 5_000_000)

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            await leave(await wire.open(server.url))
            assert await wire.get(server.url) == b"x" * 5_000_000

        run(scenario)
        assert server.connections == 2


def test_closing_an_answer_twice_gives_one_connection_back(run: Callable[..., None]) -> None:
    """After an answer is closed twice a pool of one still lets only one request through at a time."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            first = await wire.open(f"{server.url}/1")
            await body_of(first)
            await leave(first)
            second = await wire.open(f"{server.url}/2")
            await leave(first)
            with pytest.raises(httpx.PoolTimeout):
                await wire.open(f"{server.url}/3", pool=0.05)
            assert await body_of(second) == b"/2"

        run(scenario, size=1)


def test_an_answer_that_nobody_closes_gives_its_connection_back() -> None:
    """Answers dropped unread, some of them in reference cycles, do not use the pool up."""
    with Server(echo) as server, PooledTransport(size=2) as transport:
        request = httpx.Request("GET", server.url, extensions={"timeout": {"pool": 1.0, "read": 5.0}})
        for number in range(20):
            response = transport.handle_request(request)
            if number % 2:
                response.extensions["itself"] = response
            del response
            gc.collect()


def test_the_bound_holds_for_all_origins_together(run: Callable[..., None]) -> None:
    """A pool of one that goes back and forth between two servers gives up one connection for the other."""
    with Server(echo) as one, Server(echo) as other:

        async def scenario(wire: Wire) -> None:
            for _ in range(3):
                assert await wire.get(f"{one.url}/a") == b"/a"
                assert await wire.get(f"{other.url}/b") == b"/b"

        run(scenario, size=1)
        assert one.connections == other.connections == 3


def test_closing_ends_idle_connections_and_those_in_use(run: Callable[..., None]) -> None:
    """After `close` both the idle and the busy connection are at their end, and requests are refused."""
    ended: list[bool] = []

    def script(connection: Connection) -> None:
        path = connection.request().split(b" ", 2)[1]
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"" if path == b"/busy" else b"ok"))
        ended.append(connection.wait_for_close())

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            busy = await wire.open(f"{server.url}/busy")
            assert await wire.get(f"{server.url}/idle") == b"ok"
            await wire.close()
            with pytest.raises(httpx.TransportError):
                await body_of(busy)
            with pytest.raises(RuntimeError, match="closed"):
                await wire.get(server.url)

        run(scenario)
        until(lambda: ended == [True, True])


def test_closing_wakes_a_thread_that_waits_for_bytes() -> None:
    """A thread blocked on a silent server ends when another one closes the transport."""
    asked, outcome = threading.Event(), list[object]()

    def script(connection: Connection) -> None:
        connection.request()
        asked.set()
        connection.wait_for_close()

    with Server(script) as server:
        transport = PooledTransport()

        def work() -> None:
            try:
                transport.handle_request(httpx.Request("GET", server.url))
            except httpx.TransportError as error:
                outcome.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        assert asked.wait(5)
        transport.close()
        thread.join(5)
        assert len(outcome) == 1


def test_one_transport_serves_one_event_loop_after_another() -> None:
    """A second event loop gets connections of its own instead of those of the first, which has ended."""
    with Server(echo) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the first loop was closed over its connection
        wire = Wire(AsyncPooledTransport())
        assert asyncio.run(wire.get(f"{server.url}/1")) == b"/1"
        assert asyncio.run(wire.get(f"{server.url}/2")) == b"/2"
        asyncio.run(wire.close())
        assert server.connections == 2
        gc.collect()


def test_what_was_opened_on_trio_can_be_left_and_closed_elsewhere() -> None:
    """A connection whose event loop has ended is closed without it, by the next request and by the transport's end."""
    closed: list[bool] = []

    def script(connection: Connection) -> None:
        echo(connection)
        closed.append(connection.wait_for_close())

    with Server(script) as server, warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of the loop of asyncio, as above
        wire = Wire(AsyncPooledTransport())
        assert anyio.run(wire.get, f"{server.url}/1", backend="trio") == b"/1"
        assert asyncio.run(wire.get(f"{server.url}/2")) == b"/2"
        until(lambda: len(closed) >= 1)
        assert anyio.run(wire.get, f"{server.url}/3", backend="trio") == b"/3"
        asyncio.run(wire.close())
        gc.collect()
        until(lambda: len(closed) == 3)


def test_the_network_stream_of_an_answer_is_there(run: Callable[..., None]) -> None:
    """The `network_stream` extension tells the addresses and the TLS object, as httpx's own transport does."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            response = await wire.open(server.url)
            stream = response.extensions["network_stream"]
            assert stream.get_extra_info("server_addr")[1] == httpx.URL(server.url).port
            assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
            assert stream.get_extra_info("socket") is not None
            assert stream.get_extra_info("ssl_object") is None
            await body_of(response)

        run(scenario)


def test_a_name_with_several_addresses_leads_to_the_one_that_answers(run: Callable[..., None]) -> None:
    """`localhost` is reached over IPv4 when nobody listens on IPv6, and still over one connection."""
    with Server(echo) as server:
        url = server.url.replace("127.0.0.1", "localhost")

        async def scenario(wire: Wire) -> None:
            for number in range(3):
                assert await wire.get(f"{url}/{number}") == b"/%d" % number

        run(scenario)
        assert server.connections == 1


@pytest.mark.parametrize("answering", [0, 1, 2])
def test_an_address_that_does_not_answer_delays_little(answering: int) -> None:
    """Of three addresses, two of which are silent or refuse, the one that answers wins, and nothing is left open."""
    opened: list[LoopStream] = []

    class Fake(LoopStream):
        async def close(self) -> None:
            opened.remove(self)

    async def dial(address: str) -> LoopStream:
        if address == str(answering):
            opened.append(made := Fake())
            return made
        if int(address) % 2:
            raise ConnectionRefusedError
        await anyio.sleep(30)
        raise AssertionError("nobody waits that long")

    async def race() -> LoopStream:
        with anyio.fail_after(5):
            return await _streams._first(["0", "1", "2"], dial)

    assert asyncio.run(race()) is opened[0]
    assert len(opened) == 1


def test_addresses_are_tried_in_turns_of_family() -> None:
    """An IPv6 that leads nowhere is followed by an IPv4, whatever the order in which the resolver gives them."""
    found = [(10, "::1"), (10, "::2"), (10, "::1"), (2, "1.1.1.1"), (2, "2.2.2.2"), (2, "3.3.3.3")]
    assert _streams._alternating(found) == ["::1", "1.1.1.1", "::2", "2.2.2.2", "3.3.3.3"]
    with pytest.raises(OSError, match="no address"):
        _streams._alternating([])
