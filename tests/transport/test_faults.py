"""What goes wrong on the wire: always one of httpx's exceptions, in time, and the pool works afterwards."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import h11
import httpx
import pytest

from aikynetix._transport import _faults
from aikynetix._transport._http1 import HEAD_LIMIT

from .servers import PATIENCE, Connection, Server, echo
from .wires import Wire, body_of, leave

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n"


def then_echo(first: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """Misbehave on the first connection, and echo on the others."""

    def script(connection: Connection) -> None:
        if connection.number == 1:
            connection.request()
            first(connection)
        else:
            echo(connection)

    return script


def expect(
    run: Callable[..., None], fault: Callable[[Connection], None], error: type[Exception], **options: Any
) -> None:
    """Run one request against ``fault`` and expect ``error``; then a pool of one must still work."""
    with Server(then_echo(fault)) as server:

        async def scenario(wire: Wire) -> None:
            with pytest.raises(error) as caught:
                await wire.get(server.url, **options)
            assert type(caught.value) is error
            assert await wire.get(f"{server.url}/after") == b"/after"

        run(scenario, size=1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (lambda c: c.close(), httpx.RemoteProtocolError),
        (lambda c: c.send(b"HTTP/1.1 200"), httpx.RemoteProtocolError),
        (lambda c: c.send(b"hello, this is not HTTP\r\n\r\n"), httpx.RemoteProtocolError),
        (
            lambda c: c.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n"),
            httpx.RemoteProtocolError,
        ),
        (lambda c: c.send(HEAD + b"short"), httpx.RemoteProtocolError),
        (lambda c: c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), httpx.RemoteProtocolError),
        (lambda c: c.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), httpx.RemoteProtocolError),
        (lambda c: c.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), httpx.RemoteProtocolError),
        (lambda c: c.reset(), httpx.ReadError),
    ],
    ids=["closed", "cut-head", "not-http", "two-lengths", "cut-body", "bad-chunk", "cut-chunk", "101", "reset"],
)
def test_a_broken_answer_is_an_error_of_httpx(
    run: Callable[..., None], fault: Callable[[Connection], None], error: type[Exception]
) -> None:
    """Each way of breaking off or garbling an answer raises the exception that httpx has for it."""
    expect(run, fault, error)


def test_a_head_without_end_is_cut_off(run: Callable[..., None]) -> None:
    """A server that sends headers for ever is left after little more than the limit."""
    sent = [0]

    def flood(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n")
        for _ in range(10_000):
            connection.send(b"X-Filler: " + b"x" * 1000 + b"\r\n")
            sent[0] += 1012

    expect(run, flood, httpx.RemoteProtocolError)
    # What the operating system buffers in between is not ours to bound.
    assert HEAD_LIMIT < sent[0] < 9_000_000


def test_interim_answers_without_end_are_cut_off(run: Callable[..., None]) -> None:
    """A server that answers 103 for ever is left; a few are passed over."""

    def few(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 3)
        connection.answer(b"fine")

    with Server(few) as server:

        async def scenario(wire: Wire) -> None:
            assert await wire.get(server.url) == b"fine"

        run(scenario)

    def endless(connection: Connection) -> None:
        for _ in range(1000):
            connection.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    expect(run, endless, httpx.RemoteProtocolError)


@pytest.mark.parametrize("part", [HEAD, HEAD + b"0123456789"])
def test_a_dripping_server_is_held_to_the_deadline(run: Callable[..., None], part: bytes) -> None:
    """A server that sends a byte now and then satisfies the read timeout, but not the deadline of the attempt."""
    silent = len(part) - len(HEAD)

    def drip(connection: Connection) -> None:
        if silent:
            connection.send(part[:-silent])
            part_left = part[-silent:]
        else:
            part_left = part
        connection.drip(part_left, 0.05)

    with Server(then_echo(drip)) as server:

        async def scenario(wire: Wire) -> None:
            began = time.monotonic()
            with pytest.raises(httpx.ReadTimeout):
                await wire.get(server.url, deadline=began + 0.2, read=5.0)
            assert time.monotonic() - began < 3
            assert await wire.get(f"{server.url}/after") == b"/after"

        run(scenario, size=1)


def test_a_silent_server_is_held_to_the_read_timeout(run: Callable[..., None]) -> None:
    """No byte within the read timeout is a ReadTimeout."""
    expect(run, _say_nothing, httpx.ReadTimeout, read=0.05)


def _say_nothing(connection: Connection) -> None:
    connection.wait_for_close()


def test_no_time_left_is_a_timeout_before_anything_is_sent(run: Callable[..., None]) -> None:
    """A deadline that has passed is a timeout of the first phase."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            with pytest.raises(httpx.ConnectTimeout):
                await wire.get(server.url, deadline=time.monotonic() - 1)

        run(scenario)
        assert server.connections == 0


def test_nobody_listening_is_a_connect_error(run: Callable[..., None]) -> None:
    """A refused connection is a ConnectError, and takes no place in the pool."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def scenario(wire: Wire) -> None:
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                await wire.get(f"http://127.0.0.1:{port}")

    run(scenario, size=1)


def test_a_name_that_cannot_be_looked_up_is_a_connect_error(run: Callable[..., None]) -> None:
    """A label longer than DNS allows fails like a name that does not exist."""

    async def scenario(wire: Wire) -> None:
        with pytest.raises(httpx.ConnectError):
            await wire.get(f"http://{'a' * 64}.invalid/")

    run(scenario)


def test_other_schemes_are_refused(run: Callable[..., None]) -> None:
    """Only http and https can be asked for."""

    async def scenario(wire: Wire) -> None:
        with pytest.raises(httpx.UnsupportedProtocol):
            await wire.get("ftp://127.0.0.1/file")

    run(scenario)


def wait(event: threading.Event) -> None:
    """Do nothing until ``event``."""
    event.wait(PATIENCE)


def test_a_server_that_takes_nothing_is_held_to_the_write_timeout(run: Callable[..., None]) -> None:
    """A large body that the server does not read is a WriteTimeout."""
    over = threading.Event()
    with Server(lambda connection: wait(over)) as server:

        async def scenario(wire: Wire) -> None:
            try:
                with pytest.raises(httpx.WriteTimeout):
                    await wire.get(server.url, method="POST", content=b"x" * 64_000_000, write=0.1)
            finally:
                over.set()

        run(scenario)


def test_an_early_refusal_is_heard(run: Callable[..., None]) -> None:
    """A server that answers 413 and closes before it has read the body is heard, not reported as a broken pipe."""

    def script(connection: Connection) -> None:
        connection.request()
        connection.answer(b"too much", b"413 Content Too Large", b"Connection: close\r\n")
        time.sleep(0.2)

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            response = await wire.open(server.url, method="POST", content=b"x" * 8_000_000)
            assert response.status_code == 413
            await leave(response)

        try:
            run(scenario)
        except httpx.ReadError:
            pytest.skip("the kernel threw the answer away together with the unread request")


def test_bodies_are_sent_whole(run: Callable[..., None]) -> None:
    """A body of known length and one made on the way arrive as they are."""
    heads: list[bytes] = []

    def script(connection: Connection) -> None:
        heads.append(connection.request())
        connection.answer(b"ok", headers=b"Connection: close\r\n")
        connection.wait_for_close()

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            assert await wire.get(server.url, method="POST", content=b"12345") == b"ok"
            parts = _parts() if isinstance(wire.transport, httpx.BaseTransport) else _aparts()
            assert await wire.get(server.url, method="POST", content=parts) == b"ok"

        run(scenario)
    assert b"Content-Length: 5" in heads[0]
    assert b"Transfer-Encoding: chunked" in heads[1]


def _parts() -> Iterator[bytes]:
    yield from (b"one", b"", b"two")


async def _aparts() -> AsyncIterator[bytes]:
    for part in (b"one", b"", b"two"):
        yield part


def test_a_header_that_cannot_be_sent_is_not_shown(run: Callable[..., None]) -> None:
    """The error about a header with a line end in it has the header's value nowhere in its chain of causes."""
    with Server(echo) as server:

        async def scenario(wire: Wire) -> None:
            with pytest.raises(httpx.LocalProtocolError) as caught:
                await wire.get(server.url, headers={"Authorization": "Bearer s3cr3t\nX: y"})
            link: BaseException | None = caught.value
            while link is not None:
                assert "s3cr3t" not in repr(link)
                link = link.__cause__ or link.__context__

        run(scenario, size=1)


def test_an_echoed_header_is_not_shown(run: Callable[..., None]) -> None:
    """A server that answers with the request instead of HTTP does not get the key into the error's text."""
    with Server(lambda connection: connection.send(connection.request() + b"\r\n\r\n")) as server:

        async def scenario(wire: Wire) -> None:
            with pytest.raises(httpx.RemoteProtocolError) as caught:
                await wire.get(server.url, headers={"API-KEY": "s3cr3t"})
            assert "s3cr3t" not in repr(caught.value)
            assert caught.value.__cause__ is None

        run(scenario)


def test_nothing_is_logged(run: Callable[..., None], caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG no logger says anything about requests or answers, whose headers may hold secrets."""
    caplog.set_level(logging.DEBUG)

    def script(connection: Connection) -> None:
        connection.request()
        connection.answer(b"", b"302 Found", b"Location: /?X-Goog-Signature=s3cr3t\r\n")

    with Server(script) as server:

        async def scenario(wire: Wire) -> None:
            await body_of(await wire.open(server.url, headers={"API-KEY": "s3cr3t"}))

        run(scenario)
    assert not [record for record in caplog.records if record.name.partition(".")[0] not in ("asyncio", "tests")]


@pytest.mark.parametrize("phase", [_faults.CONNECT, _faults.READ, _faults.WRITE])
@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(), ConnectionResetError(), BrokenPipeError(), ConnectionRefusedError(), OSError(24, "files"),
        socket.gaierror(-2, "name"), UnicodeError("label too long"), EOFError(),
        ssl.SSLError(1, "tls"), ssl.SSLCertVerificationError(1, "certificate"), ssl.SSLZeroReturnError(),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_every_fault_has_its_exception(phase: str, error: Exception) -> None:
    """Everything that a socket raises, in any phase, becomes a network error or timeout of httpx in that phase."""
    mapped = _faults.fault(phase, error)
    assert isinstance(mapped, httpx.NetworkError | httpx.TimeoutException)
    assert isinstance(mapped, httpx.TimeoutException) == isinstance(error, TimeoutError)
    if not isinstance(error, UnicodeError):
        assert type(mapped).__name__.lower().startswith(phase)


def test_every_exception_of_h11_has_its_exception() -> None:
    """Each exception class that h11 exports becomes the one of httpx that says who broke the protocol."""
    exported = [getattr(h11, name) for name in h11.__all__ if isinstance(getattr(h11, name), type)]
    errors = [each for each in exported if issubclass(each, h11.ProtocolError) and each is not h11.ProtocolError]
    assert not [each for each in exported if issubclass(each, Exception) and not issubclass(each, h11.ProtocolError)]
    assert {each.__name__ for each in errors} == {"LocalProtocolError", "RemoteProtocolError"}
    for each in errors:
        assert type(_faults.protocol_fault(each("text"))).__name__ == each.__name__
