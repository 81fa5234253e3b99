"""The arguments of the domain's verbs, checked before any request is made."""

from __future__ import annotations

import math
import unicodedata

from ._operations import Analysis

_LONGEST_ID = 1_024


def checked_session_id(session_id: str) -> str:
    """Return ``session_id`` if it can stand in a URL's path.

    Raises:
        TypeError: It is no string.
        ValueError: It is empty, ``.`` or ``..``, longer than 1,024 characters, or has control characters or half a
            surrogate pair in it.
    """
    if not isinstance(session_id, str):
        raise TypeError(f"session_id must be a str, not {type(session_id).__name__}")
    if not session_id:
        raise ValueError("session_id is empty; give the id of a session")
    if session_id in (".", ".."):
        raise ValueError(f"session_id {session_id!r} would change the path of the request; give the id of a session")
    if len(session_id) > _LONGEST_ID:
        raise ValueError(f"session_id has {len(session_id)} characters; at most {_LONGEST_ID} are allowed")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in session_id):
        raise ValueError(
            "session_id has control characters or unpaired surrogates in it; remove them (a line end, perhaps)"
        )
    return session_id


def checked_analysis(analysis: Analysis | str | None) -> Analysis | None:
    """Return ``analysis`` as an `Analysis`.

    Raises:
        ValueError: It is none of them; the text lists them.
    """
    if analysis is None:
        return None
    try:
        return Analysis(analysis)
    except ValueError:
        choices = ", ".join(repr(choice.value) for choice in Analysis)
        raise ValueError(f"analysis must be one of {choices} or None, not {analysis!r}") from None


def checked_wait(wait: float) -> float:
    """Return ``wait`` if it is a finite number of seconds, 0 or more.

    Raises:
        ValueError: It is not.
    """
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not math.isfinite(wait) or wait < 0:
        raise ValueError(f"wait must be a number of seconds, 0 or more, not {wait!r}")
    return float(wait)
