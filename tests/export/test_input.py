"""Lists of sessions: text, CSV, JSON lines, and what is wrong with them."""

from __future__ import annotations

import io
import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix import Analysis
from aikynetix._export._input import BadInputError, Item, sessions

AB: list[Item] = [("a", None), ("b", None)]


def read(text: str | bytes, name: str = "") -> list[Item]:
    data = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(sessions(io.BufferedReader(data), name))


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("", "", []),
        ("\n \n\r\n", "", []),
        ("a\nb\n", "", AB),
        ("a\r\nb c\r\n\r\n d\t", "list.txt", [("a", None), ("b c", None), ("d", None)]),
        ("a\rb", "", AB),
        ('"a"\n"b"\n', "", AB),
        ("\ufeffa\n\ufeffb", "", AB),
        ("\ufeffid,x\na,1\n\ufeffID,X\nb,2", "", AB),
        ("Session ID\tName\r\na\tJosé\r\nb\t\r\n".encode("utf-16"), "excel.txt", AB),
        (b"\xfe\xff" + "a\rb".encode("utf-16-be"), "", AB),
        ("ä\u2028b\n", "", [("ä\u2028b", None)]),
        ("#1\na,b\n", "", [("#1", None), ("a,b", None)]),
        ("# monday\na\n  # tuesday\nb # c\n", "", [("a", None), ("b # c", None)]),
        ("# by hand\nSession ID\na\nb", "list.txt", AB),
        ("a\nsession_id\nb\n", "", AB),
        ("session_id\na\nb\n", "", AB),
        ("sessionId,x\na,\nb,", "", AB),
        ("x;session-id\n1;a\n2;b", "", AB),
        ("session_id;\r\na;\r\nb;\r\n", "", AB),
        ("id,note\na,b\nb,id", "", AB),
        ("id,note\na,b,\nb,c,, ", "", AB),
        ("id,session_id\n1,a\n2,b\n", "", AB),
        ('"sep=;"\nID;x\na;1\nb;2', "", AB),
        ("sep=|\r\nSession ID|x\r\na|1\r\nb|2\r\n", "s.csv", AB),
        ("session_id,x\ra,1\rb,2\r", "s.csv", AB),
        ("a\nb\n", "s.csv", AB),
        ("session_id,x\na,1\nSession_ID,X\nb,2", "", AB),
        ("session_id,analysis\na,\nanalysis,session_id\njump,b", "", [("a", None), ("b", Analysis.JUMP)]),
        ("\ufeffsession_id,analysis\r\na,jump\r\nb,\r\n", "", [("a", Analysis.JUMP), ("b", None)]),
        ("name;Session_ID;Analysis\nx;a; JUMP \ny;b\n", "", [("a", Analysis.JUMP), ("b", None)]),
        ("analysis\tsession_id\nweightlifting\ta\n", "s.tsv", [("a", Analysis.WEIGHTLIFTING)]),
        ('"session_id","note"\n"a,b","two\n\nlines"\n"c""d",\n,\n', "s.csv", [("a,b", None), ('c"d', None)]),
        (
            '{"session_id": "a"}\n\n{"sessionId": "b", "analysis": "jump", "x": [1]}',
            "",
            [("a", None), ("b", Analysis.JUMP)],
        ),
        ('"a"\n17\n{"ID": 18, "analysis": null}\n', "s.jsonl", [("a", None), ("17", None), ("18", None)]),
        ('{"session_id": "a b", "analysis": ""}', "s.ndjson", [("a b", None)]),
    ],
)
def test_a_list_is_read_as_people_have_it(text: str | bytes, name: str, expected: list[Item]) -> None:
    """The kind of list follows from the extension or the first line; marks, line ends and spellings do not matter."""
    assert read(text, name) == expected


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (b"a\nb\xff\n", "", "^line 2: not UTF-8"),
        ("a\nb".encode("utf-16-le"), "excel.txt", "^line 1: not UTF-8; save the list as UTF-8"),
        ("a\nb".encode("utf-16") + b"x", "", "^line 2: not UTF-8"),
        ("a\n" + "x" * 2_000_000, "", "^line 2: this line has no end"),
        (b"PK\x03\x04\x14\x00\x06\x00\x93", "list.csv", "^line 1: this is an Excel workbook: save it as CSV"),
        ("name,date\na,b\n", "s.csv", "^line 1: no 'session_id' among 'name', 'date'$"),
        ("session_id,Session ID\na,b\n", "", "^line 1: two columns of the same meaning"),
        ("a\nb,c\n", "s.csv", "^line 2: 2 columns, and no header"),
        ("session_id,analysis\na,jump,b\nc,,d", "", "^line 2: 3 columns, and no header says what the last one is"),
        ("Name,Session ID\nMüller, Anna,abc", "", "^line 2: 3 columns, and no header"),
        ("My list\nname,session_id\nx,a\n", "s.csv", "^line 2: a header that is not in the first line"),
        ("session_id,x\na,1\nsession_id,analysis\nb,jump", "", "^line 3: a header .* not the same as there"),
        *(
            (f"session_id\na\n{other}\nb", "", "^line 3: a header .* not the same as there")
            for other in ("id", "sep=;")
        ),
        *(
            (
                f'{{"id": 1}}\n{{"session_id": "b", "{name}": "c"}}',
                "",
                "^line 2: two columns of the same meaning: 'session_id'",
            )
            for name in ("sessionId", "session_id")
        ),
        ("session_id,analysis\na,jump\n\nb,run\n", "", "^line 4: the analysis must be 'jump' or 'weightlifting'"),
        ("x,session_id\n1,a\n2,\n", "", "^line 3: 'session_id' must be text, and not empty"),
        ("id,session_id\n1,a\n2\n", "", "^line 3: 'session_id' must be text, and not empty"),
        ('session_id,x\na,1\n"b,2\nc,3\nd,4\n', "", "^line 3: a quote that begins on this line has no end"),
        ('session_id,x\na,"1\nb,"2"\n', "", "^line 2: a quote that begins on this line has no end"),
        ('session_id,x\na,"1"2\n', "", "^line 2: not CSV"),
        ('session_id\n"' + "x\n" * 100_000, "", "^line 2: a quote that begins on this line has no end"),
        ("session_id\n" + "x" * 200_000, "", "^line 2: not CSV"),
        ('{"session_id": "a"}\n{"session": "b"}\n', "", "^line 2: no 'session_id' among 'session'"),
        *((f'{{"session_id": {bad}}}\n', "", "^line 1: 'session_id' must be text") for bad in ('["a"]', "true", '""')),
        ('{"session_id": "a", "analysis": 3}\n', "", "^line 1: the analysis must be"),
        *((bad, "s.json", "^line 1: not JSON lines") for bad in ("{broken", '["a", "b"]', "[" * 100_000, "null")),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, name: str, said: str) -> None:
    """Nothing is left out in silence: an error names the line, the columns that were found, and what to do."""
    with pytest.raises(BadInputError, match=said):
        read(text, name)


@pytest.mark.parametrize("header", [b"", b"session_id,x\n"])
def test_a_list_is_read_line_by_line(header: bytes) -> None:
    """A session is given out before the next line is there: a list may come through a pipe that never ends."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, header + b"s0\n")
        found = sessions(pipe)
        for number in range(50):
            assert next(found) == (f"s{number}", None)
            os.write(writing, b"s%d\n" % (number + 1))
        os.close(writing)


@given(st.binary(max_size=300), st.sampled_from(["", "x.csv", "x.jsonl", "x.txt"]))
@settings(max_examples=200, deadline=None)
def test_bytes_of_anything_give_ids_or_an_error_of_ours(data: bytes, name: str) -> None:
    """No file makes the reader fall over."""
    found: list[Item] = []
    with suppress(BadInputError):
        found = read(data, name)
    assert all(session_id for session_id, _ in found)
