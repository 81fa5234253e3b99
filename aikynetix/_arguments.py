"""The arguments of the domain's verbs, checked before any request is made."""

from __future__ import annotations

import inspect
import os
import re

from ._errors import InvalidArgumentError
from ._operations import Analysis

_LONGEST_ID = 1_024
_LONGEST_WAIT = 1e9
_UNSENDABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters, unpaired surrogates


def checked_session_id(session_id: str) -> str:
    """Return ``session_id`` if it can stand in a URL's path."""
    if not isinstance(session_id, str):
        raise TypeError(f"session_id must be a str, not {type(session_id).__name__}")
    if not session_id or session_id.isspace():
        raise InvalidArgumentError("session_id is empty; give the id of a session")
    if session_id in (".", ".."):
        raise InvalidArgumentError(f"session_id {session_id!r} would lead to another path; give the id of a session")
    if len(session_id) > _LONGEST_ID:
        raise InvalidArgumentError(f"session_id has {len(session_id)} characters; at most {_LONGEST_ID} are allowed")
    if _UNSENDABLE.search(session_id):
        raise InvalidArgumentError(
            "session_id has control characters or unpaired surrogates in it; remove them (a line end, perhaps)"
        )
    return session_id


def checked_analysis(analysis: Analysis | str | None) -> Analysis | None:
    """Return ``analysis`` as an `Analysis`."""
    if analysis is None:
        return None
    try:
        return Analysis(analysis)
    except ValueError:
        choices = ", ".join(repr(choice.value) for choice in Analysis)
        raise ValueError(f"analysis must be one of {choices} or None, not {analysis!r:.100}") from None


def checked_flag(name: str, value: bool) -> bool:
    """Return ``value`` if it is a bool: as a string even ``"false"`` would be true."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r:.100}")
    return value


def checked_wait(wait: float) -> float:
    """Return ``wait`` if it is a number of seconds from 0 to a thousand million."""
    if isinstance(wait, bool) or not isinstance(wait, int | float):
        raise TypeError(f"wait must be a number of seconds, not {type(wait).__name__}")
    if not 0 <= wait <= _LONGEST_WAIT:
        raise ValueError(
            f"wait must be a number of seconds, 0 or more (at most {_LONGEST_WAIT:.0e}), not {_brief(wait)}"
        )
    return float(wait)


def checked_place(to: str | os.PathLike[str]) -> str:
    """Return the path or URL that ``to`` names."""
    try:
        place: object = os.fspath(to)
    except TypeError:
        place = None
    if not isinstance(place, str):
        raise TypeError(f"to must be a str or a path of str, such as pathlib.Path, not {type(to).__name__}")
    if not place:
        raise ValueError("to is empty; name a file, a folder ('.' is the current one) or an fsspec URL")
    try:
        encoded = os.fsencode(place)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise ValueError(f"to has a character in it that no file's name can have: {place!r:.100}")
    return place


def checked_count(name: str, value: int) -> int:
    """Return ``value`` if it is a whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number, 1 or more, not {_brief(value)}")
    return value


def check_progress(progress: object) -> None:
    """Refuse what cannot be told of progress."""
    if progress is None:
        return
    if not callable(progress) or inspect.iscoroutinefunction(progress):
        raise TypeError(f"progress must be a plain function of two numbers or None, not {progress!r:.100}")


def _brief(value: object) -> str:
    """Return a short repr; Python refuses to write out a number of thousands of digits."""
    try:
        return f"{value!r:.100}"
    except ValueError:
        return "a number that long"
