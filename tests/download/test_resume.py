"""What an earlier download left is gone on with, if it is of the same object, and only then."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from aikynetix import DownloadError, DownloadInterruptedError
from aikynetix._download._identity import Identity
from aikynetix._download._journal import boot_id, encode

from .calls import MIB, assert_right, fetch, start, wait_until
from .kills import journal
from .servers import Fault, Request, Storage, hash_header, serving, video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHECKSUMS = {
    "md5": hashlib.md5(video(MIB)).hexdigest(),
    "crc32c": base64.b64decode(hash_header(video(MIB), ["crc32c"]).removeprefix("crc32c=")).hex(),
}
DATED = {"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT", "Date": "Tue, 03 Nov 2026 10:00:00 GMT"}


def interrupt(
    storage: Storage, path: Path, headers: dict[str, str | None] | None = None, *, cut_after: int = 2 * MIB
) -> None:
    """Have a download end in the middle, and clear the server's memory of it."""
    headers = headers or {}
    storage.requests.clear()
    cut = Fault(cut_after=cut_after, headers=headers)
    storage.fault = lambda request: cut if request.number == 0 else Fault(status=500)
    with pytest.raises(DownloadInterruptedError):
        fetch(storage, path, max_retries=0)
    storage.fault = lambda request: Fault(headers=headers) if headers else None
    storage.requests.clear()
    storage.sent = 0


@pytest.mark.parametrize(
    ("etag", "generation", "hashes", "headers", "if_range"),
    [
        ('"one"', "1", ("md5", "crc32c"), {}, '"one"'),
        ('"one"', None, (), {}, '"one"'),
        (None, "1", (), {}, None),
        (None, None, ("md5",), {}, None),
        (None, None, ("crc32c",), {}, None),
        (None, None, (), DATED, DATED["Last-Modified"]),
        ('W/"one"', "1", (), {}, None),
    ],
    ids=["all", "etag", "generation", "md5", "crc32c", "date", "weak-etag"],
)
def test_a_later_call_goes_on_where_it_was(
    etag: str | None,
    generation: str | None,
    hashes: tuple[str, ...],
    headers: dict[str, str | None],
    if_range: str | None,
    tmp_path: Path,
) -> None:
    """Whatever identifies the object, what is there is not fetched again, and the result says how much that was."""
    body = video(3 * MIB)
    with serving(Storage(body, hashes, etag=etag, generation=generation)) as storage:
        interrupt(storage, tmp_path / "v.mp4", headers)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["v.mp4.part", "v.mp4.part.journal"]
        result = fetch(storage, tmp_path / "v.mp4")
        (request,) = storage.requests
        assert storage.sent == len(body) - result.resumed_from
    assert request.headers["range"] == f"bytes={result.resumed_from}-{len(body) - 1}"
    assert request.headers.get("if-range") == if_range
    assert result.resumed_from == 2 * MIB
    assert_right(result, tmp_path / "v.mp4", body)


def test_another_process_goes_on_too(tmp_path: Path) -> None:
    """A download that one process began is finished by another one."""
    body, path = video(3 * MIB), tmp_path / "v.mp4"
    with serving(Storage(body)) as storage:
        interrupt(storage, path)
        with start(storage, path) as process:
            told = process.communicate(timeout=30)
        assert told == (f"{2 * MIB} {hashlib.sha256(body).hexdigest()}\n", "")
        assert storage.sent == MIB
    assert path.read_bytes() == body


def test_the_journal_names_the_object_and_no_secret(tmp_path: Path) -> None:
    """It is there with the first bytes: host and path without the query, size, entity tag, generation, what is done."""
    with serving(Storage(video(3 * MIB), ("md5", "crc32c"))) as storage:
        interrupt(storage, tmp_path / "v.mp4", cut_after=1000)
        text = (tmp_path / "v.mp4.part.journal").read_text()
        assert journal(tmp_path / "v.mp4") == [(0, 1000)]
        told = json.loads(text.partition("\n")[0])["object"]
        assert told["path"] == f"127.0.0.1:{storage.port}{storage.path}"
    assert (told["size"], told["etag"], told["generation"]) == (3 * MIB, '"one"', "1")
    assert "topsecret" not in text
    assert "?" not in text


@pytest.mark.parametrize(
    ("etag", "generation", "hashes"),
    [('"two"', "2", ("md5",)), (None, "2", ()), ('"two"', None, ()), (None, None, ("md5",)), (None, None, ("crc32c",))],
    ids=["all", "generation", "etag", "md5", "crc32c"],
)
def test_a_changed_object_is_fetched_anew(
    etag: str | None, generation: str | None, hashes: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes of two versions are never mixed, whatever tells them apart: the download starts over, and says so."""
    old, new = video(3 * MIB), video(3 * MIB, seed=2)
    with serving(Storage(old, hashes, etag=etag and '"one"', generation=generation and "1")) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        storage.body, storage.etag, storage.generation = new, etag, generation
        result = fetch(storage, tmp_path / "v.mp4")
    assert result.resumed_from == 0
    assert_right(result, tmp_path / "v.mp4", new)
    assert "starts over" in caplog.text
    assert "topsecret" not in caplog.text


@pytest.mark.parametrize("size", [MIB, 2 * MIB, 4 * MIB], ids=["shorter", "as long as what is there", "longer"])
def test_an_object_of_another_size_is_fetched_anew(size: int, tmp_path: Path) -> None:
    """A new version that is shorter (416), or longer, is another object even if its tag says nothing."""
    with serving(Storage(video(3 * MIB), (), generation=None)) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        storage.body = video(size, seed=2)
        result = fetch(storage, tmp_path / "v.mp4")
    assert_right(result, tmp_path / "v.mp4", video(size, seed=2))


def test_a_server_that_ignores_if_range_is_found_out(tmp_path: Path) -> None:
    """A 206 that carries another entity tag is of another object, whatever If-Range asked for."""
    new = video(3 * MIB, seed=2)

    def fault(request: Request) -> None:
        request.headers.pop("if-range", None)

    with serving(Storage(video(3 * MIB), (), generation=None)) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        storage.body, storage.etag, storage.fault = new, '"two"', fault
        result = fetch(storage, tmp_path / "v.mp4")
        assert [request.span for request in storage.requests] == [(2 * MIB, 3 * MIB), None]
    assert_right(result, tmp_path / "v.mp4", new)


def test_what_nothing_identifies_is_fetched_anew(tmp_path: Path) -> None:
    """Without entity tag, date, generation or checksum nobody can tell what the bytes belong to."""
    body = video(3 * MIB)
    with serving(Storage(body, (), etag=None, generation=None)) as storage:
        interrupt(storage, tmp_path / "v.mp4")
        result = fetch(storage, tmp_path / "v.mp4")
        assert [request.span for request in storage.requests] == [None]
    assert result.resumed_from == 0
    assert_right(result, tmp_path / "v.mp4", body)


def test_what_was_damaged_meanwhile_is_fetched_anew(tmp_path: Path) -> None:
    """If the whole does not match its checksum and a part of it is old, the fault is looked for there first."""
    body, path = video(3 * MIB), tmp_path / "v.mp4"
    with serving(Storage(body)) as storage:
        interrupt(storage, path)
        with (tmp_path / "v.mp4.part").open("r+b") as file:
            file.seek(MIB)
            file.write(b"damage")
        result = fetch(storage, path)
        assert [request.span for request in storage.requests] == [(2 * MIB, 3 * MIB), None]
    assert result.resumed_from == 0
    assert_right(result, path, body)


def leave(storage: Storage, path: Path, spans: list[tuple[int, int]], **known: Any) -> None:
    """Put a partial file of the storage's object in place, as an earlier process does."""
    identity = Identity(path=storage.url().split("://")[1].partition("?")[0], size=len(storage.body), **known)
    notes = encode(identity, boot_id()) + "".join(f"+{begin}-{stop};\n" for begin, stop in spans)
    path.with_name(path.name + ".part.journal").write_text(notes)
    part = bytearray(spans[-1][1])
    for begin, stop in spans:
        part[begin:stop] = storage.body[begin:stop]
    path.with_name(path.name + ".part").write_bytes(part)


def open_sized(storage: Storage, most: int = MIB) -> Callable[[Request], Fault | None]:
    """Return what answers ranges, ``most`` bytes each, without saying how large the object is."""

    def fault(request: Request) -> Fault | None:
        if request.span is None:
            return None
        start, stop = request.span[0], min(request.span[1], request.span[0] + most)
        headers: dict[str, str | None] = {"Content-Range": f"bytes {start}-{stop - 1}/*"}
        return Fault(headers=headers | {"Content-Length": str(stop - start)}, body=storage.body[start:stop])

    return fault


@pytest.mark.parametrize(
    ("spans", "most", "options"),
    [
        ([(0, 300_000)], MIB, {}),
        ([(0, 300_000), (500_000, 600_000)], MIB, {}),
        ([(0, 300_000), (500_000, 600_000), (700_000, 700_001)], MIB, {"connections": 1}),
        ([(0, 300_000)], 200_000, {}),
        ([(0, 300_000)], MIB, {"max_bytes": 1_000}),
    ],
    ids=["one gap", "two gaps", "three gaps", "short parts", "small bound"],
)
@pytest.mark.parametrize("hashes", [(), ("md5",)], ids=["no checksum", "md5"])
def test_a_size_that_parts_leave_open_is_the_known_one(
    spans: list[tuple[int, int]], most: int, options: dict[str, Any], hashes: tuple[str, ...], tmp_path: Path
) -> None:
    """Content-Range may end in ``/*``: what was known goes on counting, for every gap, for short parts and bounds."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(MIB), hashes, generation=None)) as storage:
        leave(storage, path, spans, etag='"one"')
        storage.fault = open_sized(storage, most)
        told: list[int | None] = []
        result = fetch(storage, path, progress=lambda _, size: told.append(size), **options)
        assert None not in [request.span for request in storage.requests]
    assert result.resumed_from == sum(stop - begin for begin, stop in spans)
    assert result.verified == ("md5" if hashes else "size")
    assert set(told) == {MIB}
    assert_right(result, path, storage.body)


def test_a_part_that_goes_beyond_the_known_size_is_of_another_object(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The tag is the same and the size is left open, but there are more bytes than there can be."""
    path, longer = tmp_path / "v.mp4", video(MIB + 100, seed=2)
    with serving(Storage(video(MIB), (), generation=None)) as storage:
        leave(storage, path, [(0, 300_000)], etag='"one"')
        storage.body = longer
        headers: dict[str, str | None] = {"Content-Range": f"bytes 300000-{MIB + 99}/*"}
        beyond = Fault(headers=headers | {"Content-Length": str(MIB - 299_900)}, body=longer[300_000:])
        storage.fault = lambda request: beyond if request.span else None
        result = fetch(storage, path)
    assert "starts over" in caplog.text
    assert_right(result, path, longer)


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("name", ["md5", "crc32c"])
@pytest.mark.parametrize("told_by", ["journal", "part", "both"])
def test_a_checksum_counts_whoever_told_it(told_by: str, name: str, damaged: bool, tmp_path: Path) -> None:
    """Announced with the first answer or with a later one, it judges the whole: damage is found and fetched anew."""
    path = tmp_path / "v.mp4"
    known = {key: value for key, value in CHECKSUMS.items() if key == name and told_by != "part"}
    with serving(Storage(video(MIB), (name,), generation=None)) as storage:
        leave(storage, path, [(0, 300_000)], etag='"one"', **known)
        silent = Fault(headers={"x-goog-hash": None})
        storage.fault = lambda request: silent if request.span and told_by == "journal" else None
        if damaged:
            with (tmp_path / "v.mp4.part").open("r+b") as file:
                file.seek(150_000)
                file.write(b"damage")
        result = fetch(storage, path)
    assert result.verified == name
    assert result.resumed_from == (0 if damaged else 300_000)
    assert_right(result, path, storage.body)


@pytest.mark.parametrize("loss", ["no part", "short part", "no journal", "empty journal", "noise", "half a line"])
def test_leftovers_that_do_not_fit_each_other_do_no_harm(loss: str, tmp_path: Path) -> None:
    """Part and journal may each be missing, cut off or nonsense; the file is right in the end."""
    body, path = video(3 * MIB), tmp_path / "v.mp4"
    part, notes = tmp_path / "v.mp4.part", tmp_path / "v.mp4.part.journal"
    with serving(Storage(body)) as storage:
        interrupt(storage, path)
        match loss:
            case "no part":
                part.unlink()
            case "short part":
                os.truncate(part, MIB)
            case "no journal":
                notes.unlink()
            case "empty journal":
                os.truncate(notes, 0)
            case "noise":
                notes.write_bytes(bytes(range(256)) * 10)
            case _:
                os.truncate(notes, notes.stat().st_size - 4)
        result = fetch(storage, path)
    assert (0 < result.resumed_from < 2 * MIB) == (loss == "half a line")
    assert_right(result, path, body)


@pytest.mark.parametrize("field", ["modified", "etag", "generation", "md5", "crc32c"])
@pytest.mark.parametrize("value", ["", " ", " x ", "x ", "\tx", "x\n", "\u00e4", 7])
def test_a_journal_that_no_header_could_have_led_to_is_no_journal(field: str, value: object, tmp_path: Path) -> None:
    """Empty, padded or unprintable values were never received and cannot be sent: the download begins anew."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(MIB))) as storage:
        leave(storage, path, [(0, 300_000)], **{field: value})
        result = fetch(storage, path, max_retries=0)
        assert [request.span for request in storage.requests] == [None]
    assert_right(result, path, storage.body)


def test_a_journal_of_shreds_costs_no_request_for_each(tmp_path: Path) -> None:
    """Somebody edited it into thousands of spans of a byte: the longest are kept, and the rest comes anew."""
    body, path = video(3 * MIB), tmp_path / "v.mp4"
    with serving(Storage(body)) as storage:
        interrupt(storage, path)
        begun = len(storage.requests)
        (tmp_path / "v.mp4.part").write_bytes(body)
        with (tmp_path / "v.mp4.part.journal").open("a") as file:
            file.writelines(f"+{start}-{start + 1};\n" for start in range(len(body) - 8_000, len(body), 2))
        result = fetch(storage, path)
        assert len(storage.requests) - begun < 200
    assert result.resumed_from > 0
    assert_right(result, path, body)


def test_a_part_that_only_lacked_its_name_is_proved_with_one_byte(tmp_path: Path) -> None:
    """Killed between the last byte and the renaming: one byte shows that it is the same object, and is all it takes."""
    body, path = video(3 * MIB), tmp_path / "v.mp4"
    with serving(Storage(body)) as storage:
        fetch(storage, path)
        interrupt(storage, tmp_path / "w.mp4")
        path.rename(tmp_path / "w.mp4.part")
        with (tmp_path / "w.mp4.part.journal").open("a") as file:
            file.write(f"+0-{len(body)};\n")
        result = fetch(storage, tmp_path / "w.mp4")
        assert storage.sent == 1
    assert result.resumed_from == len(body) - 1
    assert_right(result, tmp_path / "w.mp4", body)


def test_two_downloads_to_one_file_do_not_mix(tmp_path: Path) -> None:
    """The second in the same process is told that another one is under way."""
    with serving(Storage(video(2 * MIB), rate=4 * MIB)) as storage:
        second: list[str] = []

        def meanwhile(done: int, size: int | None) -> None:
            if not second:
                with pytest.raises(DownloadError) as caught:
                    fetch(storage, tmp_path / "v.mp4")
                second.append(str(caught.value))

        assert_right(fetch(storage, tmp_path / "v.mp4", progress=meanwhile), tmp_path / "v.mp4", storage.body)
    assert "another download to the same file is under way" in second[0]


def test_two_processes_on_one_file_do_not_mix(tmp_path: Path) -> None:
    """The second process ends with a clear error; the first is not disturbed; when it dies, its lock dies with it."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(6 * MIB), rate=MIB)) as storage:
        with start(storage, path, connections=1) as first:
            wait_until(lambda: bool(journal(path)))
            with start(storage, path) as second:
                assert second.wait(20) == 1
                assert "DownloadError" in (told := second.communicate()[0])
                assert "another download to the same file is under way" in told
            assert first.poll() is None
            first.kill()
        storage.rate = 0
        result = fetch(storage, path)
    assert result.resumed_from > 0
    assert_right(result, path, storage.body)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to a process")
@pytest.mark.parametrize("connections", [1, 8])
def test_ctrl_c_leaves_what_has_arrived(connections: int, tmp_path: Path) -> None:
    """A process that is interrupted ends at once, as Python does, and the next one goes on where it was."""
    path = tmp_path / "v.mp4"
    with serving(Storage(video(12 * MIB), rate=MIB)) as storage:
        with start(storage, path, connections=connections) as process:
            wait_until(lambda: sum(stop - begin for begin, stop in journal(path)) > 400_000)
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(5) == -signal.SIGINT
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            errors = process.communicate()[1].splitlines()
        assert errors[-1] == "KeyboardInterrupt"
        assert not [line for line in errors if "Exception in thread" in line]
        noted = sum(stop - begin for begin, stop in journal(path))
        storage.rate = 0
        result = fetch(storage, path)
    assert result.resumed_from == noted
    assert noted >= 400_000
    assert_right(result, path, storage.body)
