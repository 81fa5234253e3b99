"""How many connections a download uses, against servers that are slow, full, or do not want them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from aikynetix._download import Options, Source, download
from aikynetix._download import Storage as Pool
from aikynetix._models import AnalyzedVideo

from .calls import EXPIRED, MIB, assert_right, fetch
from .servers import Fault, Request, Storage, serving, video

if TYPE_CHECKING:
    from pathlib import Path


def test_a_large_file_is_fetched_over_many_connections(tmp_path: Path) -> None:
    """Connections that are slow by themselves are multiplied, with no setting given."""
    body = video(16 * MIB)
    seen: list[tuple[int, int | None]] = []
    with serving(Storage(body, rate=4 * MIB)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", progress=lambda done, size: seen.append((done, size)))
        assert storage.most > 4
        assert all(request.headers["if-range"] == '"one"' for request in storage.requests[1:])
    assert_right(result, tmp_path / "v.mp4", body)
    assert seen[-1] == (len(body), len(body))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert result.elapsed < len(body) / (4 * MIB) / 1.5


def test_connections_that_bring_nothing_are_not_multiplied(tmp_path: Path) -> None:
    """Where the line as a whole is the limit the trial ends with the first step, far below the most there may be."""
    body = video(10 * MIB)
    with serving(Storage(body, line=8 * MIB)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert storage.most <= 16
    assert_right(result, tmp_path / "v.mp4", body)


def test_a_small_file_takes_one_connection(tmp_path: Path) -> None:
    """Below 4 MiB there is one request, however slow it is."""
    body = video(4 * MIB - 1)
    with serving(Storage(body, rate=8 * MIB)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert (storage.connections, len(storage.requests)) == (1, 1)
    assert_right(result, tmp_path / "v.mp4", body)


@pytest.mark.parametrize("connections", [1, 3])
def test_connections_caps_their_number(connections: int, tmp_path: Path) -> None:
    """`connections=` is never exceeded, though more would be faster."""
    body = video(8 * MIB)
    pool = Pool(timeout=httpx.Timeout(5))
    room: list[int] = []
    with serving(Storage(body, rate=8 * MIB)) as storage:
        fetch(
            storage,
            tmp_path / "v.mp4",
            pool=pool,
            connections=connections,
            progress=lambda *_: room.append(pool.room()),
        )
        assert len(storage.requests) >= connections
    assert 64 - min(room) == connections


@pytest.mark.parametrize("connections", [0, -1, "many"])
def test_a_senseless_cap_is_refused_before_anything_is_asked(connections: object, tmp_path: Path) -> None:
    """A number of connections below one, or none at all, is the caller's mistake."""
    with serving(Storage(video(1000))) as storage:
        with pytest.raises((ValueError, TypeError), match="connections"):
            fetch(storage, tmp_path / "v.mp4", connections=connections)
        assert storage.requests == []


@pytest.mark.parametrize(
    "refusal",
    [
        Fault(status=429, body=b"", headers={"Retry-After": "30"}),
        Fault(status=503, body=b"", headers={"Retry-After": "30"}),
        Fault(raw=b""),
        Fault(cut_after=0, reset=True),
        Fault(ignore_range=True),
        *(Fault(status=status, body=b"") for status in (302, 400, 401, 403, 404, 405, 410, 451)),
        Fault(status=204, body=b"", headers={"Content-Length": None}),
        Fault(status=400, body=EXPIRED),
        Fault(status=302, body=b"", headers={"Location": "http://elsewhere.example/"}),
    ],
    ids=str,
)
def test_a_server_that_takes_one_connection_only_is_asked_for_no_more(refusal: Fault, tmp_path: Path) -> None:
    """Refusing every further connection costs the speed-up, not the download, and no time is waited."""
    body = video(6 * MIB)
    with serving(Storage(body, rate=4 * MIB, fault=lambda _: refusal if storage.streaming else None)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert 2 <= len(storage.requests) <= 24
    assert_right(result, tmp_path / "v.mp4", body)
    assert result.elapsed < 5


def test_a_server_that_accepts_no_further_connection_is_asked_for_no_more(tmp_path: Path) -> None:
    """Connections refused by the system are push-back too: the one that delivers goes on alone."""
    body = video(6 * MIB)

    def fault(request: Request) -> None:
        storage.refuse()

    with serving(Storage(body, rate=8 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert storage.connections == 1
    assert_right(result, tmp_path / "v.mp4", body)


def test_fewer_connections_are_used_after_some_were_refused(tmp_path: Path) -> None:
    """Where four are taken and the fifth is refused, the four do the work."""
    body = video(12 * MIB)
    full = Fault(status=429, body=b"", headers={"Retry-After": "1"})
    with serving(
        Storage(body, rate=4 * MIB, fault=lambda request: full if storage.streaming >= 4 else None)
    ) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
        assert 2 <= storage.most_streaming <= 8  # the server counts with a delay
    assert_right(result, tmp_path / "v.mp4", body)


def test_a_server_that_restarts_is_one_failure_however_many_connections_it_takes(tmp_path: Path) -> None:
    """Every connection reset at the same moment does not use up the retries: the download goes on, and soon."""
    body = video(16 * MIB)
    with serving(Storage(body, rate=2 * MIB)) as storage:

        def cut(done: int, size: int | None) -> None:
            if done > 4 * MIB and not storage.severed and storage.streaming > 4:
                storage.sever()
                storage.rate = 0

        result = fetch(storage, tmp_path / "v.mp4", max_retries=1, progress=cut)
        assert storage.severed > 4
        assert len(storage.requests) > storage.severed
    assert_right(result, tmp_path / "v.mp4", body)


def test_versions_that_differ_from_answer_to_answer_lead_to_one_connection(tmp_path: Path) -> None:
    """Servers behind one name that disagree about the entity tag still give the file: in one answer."""
    body = video(8 * MIB)

    def fault(request: Request) -> None:
        storage.etag = f'"{request.number % 2}"'

    with serving(Storage(body, (), generation=None, rate=8 * MIB, fault=fault)) as storage:
        result = fetch(storage, tmp_path / "v.mp4")
    assert_right(result, tmp_path / "v.mp4", body)


def test_an_object_that_changes_half_way_is_never_mixed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When ranges begin to come from another version, everything is fetched anew, and the log says so."""
    old, new = video(8 * MIB), video(8 * MIB, seed=2)

    def change(done: int, size: int | None) -> None:
        if done > 2 * MIB and storage.body is old:
            storage.body, storage.etag, storage.generation = new, '"two"', "2"
            storage.sever()

    with serving(Storage(old, (), rate=8 * MIB)) as storage:
        result = fetch(storage, tmp_path / "v.mp4", progress=change)
    assert_right(result, tmp_path / "v.mp4", new)
    assert "starts over" in caplog.text


def test_downloads_at_a_time_share_a_bounded_number_of_connections(tmp_path: Path) -> None:
    """Several large downloads of one client do not multiply to more connections than it allows itself."""
    body = video(8 * MIB)
    with serving(Storage(body, rate=1 * MIB)) as storage:
        pool = Pool(timeout=httpx.Timeout(5))
        source = Source("session", lambda: AnalyzedVideo("session", storage.url()))
        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(download, source, tmp_path / f"{n}.mp4", pool, Options()) for n in range(4)]
            assert {call.result(20).size for call in calls} == {len(body)}
        assert pool.room() == 64
        pool.close()
        assert 8 < storage.most <= 64 + 4
    assert all((tmp_path / f"{number}.mp4").read_bytes() == body for number in range(4))
