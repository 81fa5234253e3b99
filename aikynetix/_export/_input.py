"""Lists of sessions as people have them: text, CSV, JSON lines. Read line by line, so that a list may be endless."""

from __future__ import annotations

import csv
import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from .._operations import Analysis

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

Item = tuple[str, str | None]
"""A session id and the analysis to make of it, None for the one of the whole export."""

Line = tuple[int, str]

_COLUMN = "session_id"
_LONGEST_LINE = 1024 * 1024
_COMMENT = "# "
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class BadInputError(ValueError):
    """A list that cannot be read; the text names the line."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")


def sessions(file: BinaryIO, name: str = "") -> Iterator[Item]:
    """Yield the sessions in ``file``, which may be a pipe.

    The kind of list follows from the name's extension, else from the first line: a JSON object, a header with the
    column ``session_id``, or else a session id per line, where a line that begins with ``# `` is a comment. Byte order
    marks, any line ends and empty lines are passed over.

    Args:
        file: Opened for bytes, in UTF-8.
        name: The file's name, for its extension.

    Raises:
        BadInputError: A line is not what it has to be; those before it have been yielded.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None:
        return
    yield from _reader(first, name)(chain([first], lines))


def _reader(first: Line, name: str) -> Callable[[Iterable[Line]], Iterator[Item]]:
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension in ("jsonl", "ndjson", "json"):
        return _json_lines
    if extension in ("csv", "tsv"):
        return _csv
    if extension == "txt":
        return _text
    if first[1].startswith("{"):
        return _json_lines
    return _csv if _delimiter(first[1]) is not None else _text


def _lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines that are not empty, numbered from 1, with their line ends."""
    number = 0
    while raw := file.readline(_LONGEST_LINE + 1):
        number += 1
        if len(raw) > _LONGEST_LINE:
            raise BadInputError(number, f"longer than {_LONGEST_LINE} bytes; is this a list of sessions?")
        if number == 1 and raw.startswith(_UTF16):
            raise BadInputError(number, "this is UTF-16; save the list as UTF-8")
        try:
            line = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInputError(number, f"not UTF-8 (byte {error.start + 1}); save the list as UTF-8") from None
        if number == 1:
            line = line.removeprefix(_UTF8_MARK)
        if line.strip():
            yield number, line


def _text(lines: Iterable[Line]) -> Iterator[Item]:
    for _, line in lines:
        for part in line.split("\r"):  # the line end of files that went through an old Mac
            session_id = part.strip()
            if session_id and not session_id.startswith(_COMMENT):
                yield session_id, None


def _json_lines(lines: Iterable[Line]) -> Iterator[Item]:
    for number, line in lines:
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError):
            raise BadInputError(number, "not JSON; JSON lines have one object or string on each line") from None
        if isinstance(value, list):
            raise BadInputError(number, "a JSON array; JSON lines have one object or string on each line")
        if isinstance(value, dict):
            if _COLUMN not in value:
                raise BadInputError(number, f"the object has no {_COLUMN!r}")
            yield _session_id(value[_COLUMN], number), _analysis(value.get("analysis"), number)
        else:
            yield _session_id(value, number), None


def _session_id(value: object, number: int) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise BadInputError(number, f"{_COLUMN!r} must be a string that is not empty")
    return value


def _analysis(value: object, number: int) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return Analysis(value.strip().lower() if isinstance(value, str) else "").value
    except ValueError:
        choices = " or ".join(repr(choice.value) for choice in Analysis)
        raise BadInputError(number, f"the analysis must be {choices}, or empty") from None


def _csv(lines: Iterable[Line]) -> Iterator[Item]:
    rows = _rows(lines)
    number, header = next(rows)
    names = [cell.strip().lower() for cell in header]
    if _COLUMN not in names:
        raise BadInputError(number, f"the header has no column {_COLUMN!r}")
    id_at = names.index(_COLUMN)
    analysis_at = names.index("analysis") if "analysis" in names else len(names)
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        session_id = row[id_at].strip() if id_at < len(row) else ""
        if not session_id:
            raise BadInputError(number, f"the column {_COLUMN!r} is empty")
        yield session_id, _analysis(row[analysis_at] if analysis_at < len(row) else None, number)


def _rows(lines: Iterable[Line]) -> Generator[tuple[int, list[str]]]:
    """Yield the rows with the number of the line each ends on; a quoted cell may span lines."""
    number = 1

    def texts() -> Iterator[str]:
        nonlocal number
        for number, line in chain([first], iterator):  # noqa: B007 -- the row's number, once the reader has its lines
            yield line

    iterator = iter(lines)
    first = next(iterator)
    reader = csv.reader(texts(), delimiter=_delimiter(first[1]) or ",")
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInputError(number, f"not CSV ({error})") from None
        yield number, row


def _delimiter(header: str) -> str | None:
    """Return what separates the columns of a header that has the column of session ids; None when it has not."""
    for delimiter in (",", ";", "\t"):
        cells = (cell.strip().strip('"').lower() for cell in re.split(re.escape(delimiter), header))
        if _COLUMN in cells:
            return delimiter
    return None
