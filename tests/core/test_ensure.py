"""`ensure`, driven by hand: the flow is a generator that does no I/O."""

from __future__ import annotations

from typing import Any

import pytest

from aikynetix import (
    AnalyzedVideo,
    APIConnectionError,
    APIError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    VideoNotReadyError,
)
from aikynetix._ensure import ensure_flow

VIDEO = AnalyzedVideo("s", "https://storage.googleapis.com/b/v.mp4")
MISSING = NotFoundError("no video", status_code=404)
ALREADY = BadRequestError("Session already analyzed.", status_code=400)
REFUSED = BadRequestError("invalid data", status_code=400)
BROKEN = APIConnectionError("reset")
BARRED = APIConnectionError("certificate", is_permanent=True)
FAILED = InternalServerError("boom", status_code=500)
FORBIDDEN = PermissionDeniedError("plan", status_code=403)
CONFLICT = ConflictError("in progress", status_code=409)
SLOW_DOWN = RateLimitError("slow", status_code=429, retry_after=20.0)

Outcome = AnalyzedVideo | APIError | None


def run(*outcomes: Outcome, wait: float = 300.0) -> tuple[Outcome | VideoNotReadyError, str, list[float]]:
    """Answer the flow with ``outcomes`` in turn, the last for ever: its end, what it asked, and its pauses in seconds.

    What it asked is a letter for each request: g for a GET, p for a POST.
    """
    asked, pauses, pending = "", list[float](), list(outcomes)
    flow: Any = ensure_flow("s", None, wait, lambda: sum(pauses))
    step = next(flow)
    for _ in range(2_000):
        outcome: Outcome = None
        if isinstance(step, float):
            assert step > 0
            pauses.append(step)
        else:
            asked += {"get": "g", "post": "p"}[step.kwargs["method"]]
            outcome = pending.pop(0) if len(pending) > 1 else pending[0]
        try:
            step = flow.send(outcome)
        except StopIteration as stop:
            return stop.value, asked, pauses
        except (APIError, VideoNotReadyError) as error:
            return error, asked, pauses
    raise AssertionError("the flow does not end")


ENDS: dict[str, tuple[tuple[Outcome, ...], Outcome, str, float]] = {
    "the video is there": ((VIDEO,), VIDEO, "g", 0),
    "it is generated and polled for": ((MISSING, None, MISSING, MISSING, VIDEO), VIDEO, "gpggg", 10),
    "the POST has the URL": ((MISSING, VIDEO), VIDEO, "gp", 0),
    "a null URL is not there yet": ((None, None, None, VIDEO), VIDEO, "gpgg", 10),
    "a POST broke but arrived": ((MISSING, BROKEN, VIDEO), VIDEO, "gpg", 10),
    "a POST broke and did not arrive": ((MISSING, BROKEN, MISSING, VIDEO), VIDEO, "gpgp", 10),
    "a POST fails three times": ((MISSING, FAILED, MISSING, FAILED, MISSING, FAILED, MISSING), FAILED, "gpgpgpg", 10),
    "a POST that no retry helps": ((MISSING, BARRED), BARRED, "gp", 0),
    "analyzed already, and there": ((MISSING, ALREADY, VIDEO), VIDEO, "gpg", 0),
    "analyzed already, there in a moment": ((MISSING, ALREADY, MISSING, MISSING, VIDEO), VIDEO, "gpggg", 5),
    "analyzed already, there after a while": ((MISSING, ALREADY, *[MISSING] * 9, VIDEO), VIDEO, "gp" + "g" * 10, 90),
    "refused, and looking does not help": ((MISSING, REFUSED, MISSING), REFUSED, "gpggg", 5),
    "refused, and there all the same": ((MISSING, REFUSED, VIDEO), VIDEO, "gpg", 0),
    "somebody else has it made": ((MISSING, CONFLICT, *[MISSING] * 8, VIDEO), VIDEO, "gp" + "g" * 9, 90),
    "the GET is forbidden": ((FORBIDDEN,), FORBIDDEN, "g", 0),
    "the GET fails": ((FAILED,), FAILED, "g", 0),
    "the POST is forbidden": ((MISSING, FORBIDDEN), FORBIDDEN, "gp", 0),
    "told to slow down before anything was begun": ((SLOW_DOWN, VIDEO), SLOW_DOWN, "g", 0),
    "told to slow down while it is made": ((MISSING, None, SLOW_DOWN, VIDEO), VIDEO, "gpgg", 21),
}
"""What is answered, how it ends, what was asked, and the most seconds that passed."""


@pytest.mark.parametrize("case", ENDS)
def test_the_flow_ends_as_it_must(case: str) -> None:
    """The outcome, the requests in their order, no more waiting than the case needs, and as long as the server asks."""
    outcomes, end, asked, most = ENDS[case]
    got, sent, pauses = run(*outcomes)
    assert got is end
    assert sent == asked
    assert sum(pauses) <= most
    assert SLOW_DOWN not in outcomes[1:] or max(pauses) == 20.0


@pytest.mark.parametrize("wait", [0.0, 1.0, 42.0, 300.0])
def test_the_wait_is_kept_to_the_second(wait: float) -> None:
    """A video that never comes ends the flow exactly when ``wait`` is over, and the error says how long that was."""
    end, asked, pauses = run(MISSING, None, MISSING, wait=wait)
    assert isinstance(end, VideoNotReadyError)
    assert end.session_id == "s"
    assert (end.waited, sum(pauses)) == pytest.approx((wait, wait))
    assert asked.count("p") == 1
    assert str(end) == (
        f"the video of session 's' is not there yet after {wait:.0f} s; "
        "it may still be in the making, so ask again later or with a longer wait"
    )


@pytest.mark.parametrize(
    ("outcomes", "wait", "end", "asked"),
    [
        ((MISSING, REFUSED, MISSING), 0.0, REFUSED, "gpg"),
        ((MISSING, BROKEN, MISSING), 0.0, None, "gp"),
        ((MISSING, BROKEN, MISSING, BROKEN, MISSING), 0.5, None, "gpgp"),
        # A GET without a URL does not prove that the POST arrived: three of them, and from then on only looks.
        ((MISSING, BROKEN, None, BROKEN, None, BROKEN, None), 8.0, None, "gpgpgpgg"),
    ],
    ids=["a refusal is looked at once", "a broken POST", "a broken POST and a moment", "three broken POSTs"],
)
def test_with_little_time_a_refusal_is_final_and_a_broken_post_is_not(
    outcomes: tuple[Outcome, ...], wait: float, end: Outcome, asked: str
) -> None:
    """What became of a POST that broke is not known: the video is not ready, and the POST's error is the cause."""
    got, sent, pauses = run(*outcomes, wait=wait)
    assert sent == asked
    assert sum(pauses) <= wait
    if end is not None:
        assert got is end
    else:
        assert isinstance(got, VideoNotReadyError)
        assert got.__cause__ is BROKEN


def test_the_pauses_grow_from_one_second_to_ten() -> None:
    """Half as long again each time: often at first, seldom later, and never past the end of the wait."""
    pauses = run(None, wait=60.0)[2]
    assert pauses[:8] == [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0, 10.0]
    assert sum(pauses) == 60.0
