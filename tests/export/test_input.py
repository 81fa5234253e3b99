"""Lists of sessions: text, CSV, JSON lines, and what is wrong with them."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix._export._input import BadInputError, Item, sessions


def read(text: str | bytes, name: str = "") -> list[Item]:
    return list(sessions(io.BytesIO(text if isinstance(text, bytes) else text.encode()), name))


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("", "", []),
        ("\n \n\r\n", "", []),
        ("a\nb\n", "", [("a", None), ("b", None)]),
        ("a\r\nb c\r\n\r\n d\t", "list.txt", [("a", None), ("b c", None), ("d", None)]),
        ("a\rb\rc", "", [("a", None), ("b", None), ("c", None)]),
        ("\ufeffa\nb", "", [("a", None), ("b", None)]),
        ("ä\u2028b\n", "", [("ä\u2028b", None)]),
        ("#1\na,b\n", "", [("#1", None), ("a,b", None)]),
        ("# monday\na\n  # tuesday\nb # c\n", "", [("a", None), ("b # c", None)]),
        ("session_id\na\nb\n", "", [("a", None), ("b", None)]),
        ("\ufeffsession_id,analysis\r\na,jump\r\nb,\r\n", "", [("a", "jump"), ("b", None)]),
        ("name;Session_ID;Analysis\nx;a; JUMP \ny;b\n", "", [("a", "jump"), ("b", None)]),
        ("analysis\tsession_id\nweightlifting\ta\n", "s.tsv", [("a", "weightlifting")]),
        ('"session_id","note"\n"a,b","two\nlines"\n"c""d",\n,\n', "s.csv", [("a,b", None), ('c"d', None)]),
        (
            '{"session_id": "a"}\n\n{"session_id": "b", "analysis": "jump", "x": [1]}\n',
            "",
            [("a", None), ("b", "jump")],
        ),
        ('"a"\n17\n{"session_id": 18, "analysis": null}\n', "s.jsonl", [("a", None), ("17", None), ("18", None)]),
        ('{"session_id": "a b", "analysis": ""}', "s.ndjson", [("a b", None)]),
    ],
)
def test_a_list_is_read_as_people_have_it(text: str, name: str, expected: list[Item]) -> None:
    """The kind of list follows from the extension or from the first line; marks, line ends and blanks do not matter."""
    assert read(text, name) == expected


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (b"a\nb\xff\n", "", "line 2: not UTF-8 \\(byte 2\\)"),
        ("a\nb".encode("utf-16"), "", "line 1: this is UTF-16"),
        ("id,name\na,b\n", "s.csv", "line 1: the header has no column 'session_id'"),
        ("session_id,analysis\na,jump\n\nb,run\n", "", "line 4: the analysis must be 'jump' or 'weightlifting'"),
        ("x,session_id\n1,a\n2,\n", "", "line 3: the column 'session_id' is empty"),
        ("x,session_id\n1,a\n2\n", "", "line 3: the column 'session_id' is empty"),
        ('{"session_id": "a"}\n{"session": "b"}\n', "", "line 2: the object has no 'session_id'"),
        ('{"session_id": "a"}\n{broken\n', "", "line 2: not JSON"),
        ('{"session_id": ["a"]}\n', "", "line 1: 'session_id' must be a string"),
        ('{"session_id": true}\n', "", "line 1: 'session_id' must be a string"),
        ('{"session_id": ""}\n', "", "line 1: 'session_id' must be a string"),
        ('{"session_id": "a", "analysis": 3}\n', "", "line 1: the analysis must be"),
        ('["a", "b"]\n', "s.json", "line 1: a JSON array"),
        ("[" * 100_000, "s.json", "line 1: not JSON"),
        ("x" * 2_000_000, "", "line 1: longer than"),
        ("session_id\n" + "x" * 200_000, "", "line 2: not CSV"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str | bytes, name: str, said: str) -> None:
    """An error names the line and what to do, and never shows a stack of a parser."""
    with pytest.raises(BadInputError, match=said):
        read(text, name)


def test_a_list_is_read_line_by_line() -> None:
    """A session is given out before the next line is there: a list may come through a pipe that never ends."""

    class Pipe(io.BytesIO):
        lines = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.lines += 1
            return b"s%d\n" % self.lines

    pipe = Pipe()
    found = sessions(pipe)
    for number in range(1, 50):
        assert next(found) == (f"s{number}", None)
        assert pipe.lines == number


ids = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=20)
analyses = st.sampled_from([None, "jump", "weightlifting"])


@given(st.lists(st.tuples(ids, analyses), max_size=20), st.sampled_from(";,\t"))
@settings(max_examples=60, deadline=None)
def test_csv_as_programs_write_it_is_read_back(items: list[Item], delimiter: str) -> None:
    """Whatever stands in the cells, quoted or not, with any of the usual delimiters."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(["session_id", "analysis"])
    writer.writerows([session_id, analysis or ""] for session_id, analysis in items)
    assert read(file.getvalue(), "list.csv") == items


@given(st.lists(st.tuples(st.text(min_size=1, max_size=20), analyses), max_size=20))
@settings(max_examples=60, deadline=None)
def test_json_lines_as_programs_write_them_are_read_back(items: list[Item]) -> None:
    """Every string that JSON can say is a session id that can be listed."""
    text = "".join(json.dumps({"session_id": id_, "analysis": analysis}) + "\n" for id_, analysis in items)
    assert read(text, "list.jsonl") == items


@given(st.binary(max_size=300), st.sampled_from(["", "x.csv", "x.jsonl", "x.txt"]))
@settings(max_examples=300, deadline=None)
def test_bytes_of_anything_give_ids_or_an_error_of_ours(data: bytes, name: str) -> None:
    """No file makes the reader fall over."""
    found: list[Item] = []
    with suppress(BadInputError):
        found = read(data, name)
    assert all(session_id for session_id, _ in found)
