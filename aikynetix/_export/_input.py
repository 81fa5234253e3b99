"""Lists of sessions as people have them: text, CSV, JSON lines. Read line by line, so that a list may be endless."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from contextlib import suppress
from itertools import chain
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from .._operations import Analysis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = tuple[str, Analysis | None]
"""A session id and the analysis to make of it, None for the one of the whole export."""

_IDS = ("sessionid", "id")  # as `_key` has them; the first of them that is there names the column
_ANALYSIS = "analysis"
_DELIMITERS = (",", ";", "\t")
_COMMENT = "# "
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_WORKBOOK = "PK\x03\x04"  # it is a zip file (PKWARE's APPNOTE, section 4.3.7)
_LONGEST_LINE = 1 << 20  # characters
_UNREADABLE = "\0"  # what stands for bytes that are no text; an id has none either
codecs.register_error("aikynetix-unreadable", lambda error: (_UNREADABLE, getattr(error, "end", 0)))


class BadInputError(ValueError):
    """A list that cannot be read; the text names the line."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}")


def sessions(file: BinaryIO, name: str = "") -> Iterator[Item]:
    """Yield the sessions in ``file``, which may be a pipe.

    Without a telling extension the first line says what kind of list it is: JSON, a quote, the line ``sep=;``, a header
    with a column ``session_id`` (``Session ID``, ``sessionId``, ``id``), or else a session id, and so one per line. A
    line that begins with ``# `` is a comment, and a header that is repeated no session.

    Args:
        file: Opened for bytes; in UTF-8, or in UTF-16 with a byte order mark, which Excel calls Unicode Text.
        name: The file's name, for its extension.

    Raises:
        BadInputError: A line is not what it has to be; those before it have been yielded.
    """
    lines = _lines(file)
    first = next((line for line in lines if line[1].strip() and not line[1].startswith(_COMMENT)), None)
    if first is None:
        return
    everything, extension = chain([first], lines), PurePath(name).suffix.lower()
    separator, delimiter = _SEPARATOR.fullmatch(first[1]), _delimiter(first[1])
    if extension in (".jsonl", ".ndjson", ".json") or first[1].startswith(("{", "[")):
        yield from _json_lines(everything)
    elif separator is not None:
        yield from _table(_rows(first[0] + 1, lines, separator[1]))
    elif extension in (".csv", ".tsv") or delimiter is not None or first[1].startswith('"'):
        yield from _table(_rows(first[0], everything, delimiter or max(_DELIMITERS, key=first[1].count)))
    else:
        yield from _table((number, [line]) for number, line in everything)


def _lines(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield the lines, numbered from 1, whatever ends them."""
    head = file.peek(2)[:2] if isinstance(file, io.BufferedReader) else b""
    encoding = "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    text = io.TextIOWrapper(file, encoding, "aikynetix-unreadable", newline=None)
    try:
        for number, line in enumerate(iter(lambda: text.readline(_LONGEST_LINE), ""), 1):
            if line.startswith(_WORKBOOK):
                raise BadInputError(number, "this is an Excel workbook: save it as CSV")
            if _UNREADABLE in line:
                raise BadInputError(number, "not UTF-8; save the list as UTF-8, which Excel calls 'CSV UTF-8'")
            if len(line) == _LONGEST_LINE:
                raise BadInputError(number, "this line has no end")
            yield number, line.lstrip("\ufeff")  # where lists have been put together, within the text too
    finally:
        with suppress(ValueError):  # closed meanwhile; else it is the caller's, and stays open
            text.detach()


def _json_lines(lines: Iterable[tuple[int, str]]) -> Iterator[Item]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line, object_pairs_hook=tuple)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, tuple | str | int):
            raise BadInputError(number, "not JSON lines, which have one object or string on each line")
        fields = value if isinstance(value, tuple) else ((_IDS[0], value),)
        yield _item(number, [name for name, _ in fields], [content for _, content in fields])


def _table(rows: Iterable[tuple[int, list[str]]]) -> Iterator[Item]:
    header: list[str] | None = None
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or (len(row) == 1 and cells[0].startswith(_COMMENT)):
            continue
        keys = sorted(map(_key, cells))
        if header is None or keys == sorted(map(_key, header)):
            has_names = any(key in _IDS for key in keys) or any(cells[1:])
            header = cells if has_names else [_IDS[0]]  # one column needs no header
            if has_names:
                _id_key(number, header)
                continue
        if _IDS[0] in keys or {*keys} <= {*_IDS} or cells[0].lower().startswith("sep="):
            raise BadInputError(number, "a header that is not in the first line, and not the same as there")
        if any(cells[len(header) :]):
            raise BadInputError(number, f"{len(cells)} columns, and no header says what the last one is")
        yield _item(number, header, cells)


def _item(number: int, names: Iterable[str], values: Iterable[Any]) -> Item:
    """Return the session of a line."""
    fields = {_key(name): value for name, value in zip(names, values, strict=False)}
    session_id, analysis = fields.get(_id_key(number, names)), fields.get(_ANALYSIS)
    if isinstance(session_id, int) and not isinstance(session_id, bool):
        session_id = str(session_id)
    if not isinstance(session_id, str) or not session_id:
        raise BadInputError(number, "'session_id' must be text, and not empty")
    if analysis is None or (isinstance(analysis, str) and not analysis.strip()):
        return session_id, None
    try:
        return session_id, Analysis(analysis.strip().lower() if isinstance(analysis, str) else "")
    except ValueError:
        choices = " or ".join(repr(choice.value) for choice in Analysis)
        raise BadInputError(number, f"the analysis must be {choices}, or empty") from None


def _id_key(number: int, names: Iterable[str]) -> str:
    """Return which key is that of the session's id."""
    keys, listed = [_key(name) for name in names], ", ".join(map(repr, names))[:200]
    if any(keys.count(key) > 1 for key in (*_IDS, _ANALYSIS)):
        raise BadInputError(number, f"two columns of the same meaning: {listed}")
    for key in _IDS:
        if key in keys:
            return key
    raise BadInputError(number, f"no 'session_id' among {listed}")


def _rows(start: int, lines: Iterable[tuple[int, str]], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with the number of the line each begins on; a quoted cell may span lines."""
    rows = csv.reader((text for _, text in lines), delimiter=delimiter, strict=True)
    while True:
        number = start + rows.line_num
        try:
            row = next(rows, None)
        except csv.Error as error:
            is_open = "unexpected end" in str(error) or start + rows.line_num > number + 1
            why = "a quote that begins on this line has no end" if is_open else f"not CSV ({error})"
            raise BadInputError(number, why) from None
        if row is None:
            return
        yield number, row


def _delimiter(line: str) -> str | None:
    """Return what separates the columns of a header that has the column of session ids; None when it has not."""
    likely = sorted(_DELIMITERS, key=line.count, reverse=True)  # `session_id;` has no comma
    return next((each for each in likely if any(_key(cell) in _IDS for cell in line.split(each))), None)


def _key(name: str) -> str:
    """Return the name of a column without what people spell differently."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
