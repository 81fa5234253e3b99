"""The manifest's lines: what is written is read back, and nothing else is believed."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix import ExportRecord, ExportStatus
from aikynetix._export import _manifest
from aikynetix._export._ledger import Ledger
from aikynetix._export._record import shown_id

MOMENT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


def done(session_id: str = "s", **changes: Any) -> ExportRecord:
    fields: dict[str, Any] = {"status": ExportStatus.DONE, "path": "s.mp4", "size": 3, "sha256": "ab"}
    fields.update({"finished_at": MOMENT} | changes)
    return ExportRecord(session_id=session_id, **fields)


@given(st.text(min_size=1, max_size=50), st.integers(0, 2**40), st.floats(0, 1e6), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(session_id: str, size: int, seconds: float, attempts: int) -> None:
    """A record survives the way through its line, whatever the session is called."""
    record = done(session_id, size=size, seconds=round(seconds, 3), attempts=attempts)
    line = _manifest.dump(record, "s.mp4")
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert _manifest.load(line) == record


def test_a_record_travels_between_processes() -> None:
    """A record pickles, and says in JSON what it holds."""
    record = done(path=Path("videos/s.mp4"), seconds=1.23456)
    assert pickle.loads(pickle.dumps(record)) == record
    assert json.loads(json.dumps(record.to_dict())) == {
        "session_id": "s",
        "status": "done",
        "path": str(Path("videos/s.mp4")),
        "size": 3,
        "sha256": "ab",
        "seconds": 1.235,
        "attempts": 0,
        "error": None,
        "message": None,
        "finished_at": "2026-05-04T03:02:01+00:00",
    }


def test_a_failure_is_read_back_with_its_reason() -> None:
    """The next export and the page know why a session failed."""
    record = ExportRecord(
        session_id="x",
        status=ExportStatus.FAILED,
        error="NotFoundError",
        message="none",
        attempts=2,
        finished_at=MOMENT,
    )
    assert _manifest.load(_manifest.dump(record, None)) == record


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(max_examples=200, deadline=None)
def test_a_line_of_anything_is_no_record(line: bytes) -> None:
    """Torn and foreign lines are passed over without an error."""
    assert _manifest.load(line) is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(done().to_dict())), values)
@settings(max_examples=300, deadline=None)
def test_a_field_of_any_type_never_breaks_the_reader(field: str, value: object) -> None:
    """A line may come from anybody: each field may hold anything, and what is read stays a usable record."""
    line = json.dumps(done().to_dict() | {field: value}).encode()
    record = _manifest.load(line)
    if record is not None:
        assert record.to_dict()["session_id"] == record.session_id
        assert record.path is None or _manifest.is_inside(str(record.path))
        assert record.finished_at.tzinfo is not None


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 60_000,
        b"{" + b'"a":' * 10_000,
        b'{"session_id": "s", "status": "done", "path": "s.mp4", "size": ' + b"9" * 5_000 + b"}",
        b'{"session_id": "s", "status": "done", "path": "s.mp4", "size": NaN}',
        b'{"session_id": "s", "status": "gone"}',
        b'{"session_id": "s", "status": ["done"]}',
        b" " * 70_000 + _manifest.dump(done(), "s.mp4"),
    ],
)
def test_a_hostile_line_is_no_record(line: bytes) -> None:
    """Deep nesting, huge numbers and endless lines cost little and mean nothing."""
    assert _manifest.load(line) is None


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "C:\\x", "a\\b", "a\x00b", "a\nb", "x" * 2_000]
)
def test_a_path_that_leaves_the_folder_is_not_believed(name: str) -> None:
    """A manifest cannot make an export look at, or a page show, files outside of the folder."""
    assert not _manifest.is_inside(name)
    assert _manifest.load(_manifest.dump(done(), name)) is None


def test_the_last_line_of_a_session_counts() -> None:
    """A session that failed first and was done later is done."""
    failure = ExportRecord(session_id="s", status=ExportStatus.FAILED, error="E", message="m")
    ledger = Ledger()
    ledger.load([_manifest.dump(failure, None), b"torn{", _manifest.dump(done(), "s.mp4")])
    assert ledger.last("s") == done()
    assert ledger.last("other") is None
    assert [record.status for record in ledger] == [ExportStatus.DONE]
    assert list(ledger.records(ExportStatus.FAILED)) == []
    ledger.close()


@given(st.lists(st.text(max_size=4), max_size=30))
@settings(max_examples=50, deadline=None)
def test_a_session_is_met_once(ids: list[str]) -> None:
    """Duplicates are known by the whole id, halves of surrogate pairs and all."""
    ledger = Ledger()
    assert [ledger.meet(id_) for id_ in ids] == [id_ not in ids[:place] for place, id_ in enumerate(ids)]
    assert not any(ledger.meet(id_) for id_ in ids)
    ledger.close()


def test_half_a_surrogate_pair_can_be_met() -> None:
    """An id that no file name and no URL can hold still has a place in the ledger."""
    ledger = Ledger()
    assert ledger.meet("\ud800")
    assert not ledger.meet("\ud800")
    ledger.keep(done("\ud800"), _manifest.dump(done("\ud800"), "s.mp4"))
    assert ledger.last("\ud800") == done("\ud800")
    ledger.close()


def test_an_id_is_shown_at_a_bounded_length() -> None:
    """An iterable may give anything; the manifest keeps a little of it."""
    assert len(shown_id("x" * 5_000)) == 1_024
    assert shown_id(17) == "17"
    assert len(shown_id(list(range(9_999)))) < 100
