"""`ensure`, driven by hand: the flow is a generator that does no I/O."""

from __future__ import annotations

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
from aikynetix._flows import Ask, Pause, Reply, ensure

VIDEO = AnalyzedVideo("s", "https://storage.googleapis.com/b/v.mp4")
MISSING = NotFoundError("no video", status_code=404)
ALREADY = BadRequestError("session already analyzed", status_code=400)
BROKEN = APIConnectionError("reset")

Outcome = AnalyzedVideo | APIError | None


def run(*outcomes: Outcome, wait: float = 300.0) -> tuple[Outcome | VideoNotReadyError, list[str], float]:
    """Answer the flow's questions with ``outcomes`` in turn; return its end, what it asked, and the seconds it waited.

    The last outcome is the answer to all further questions.
    """
    flow, asked, clock = ensure("s", wait), [], 0.0
    pending = list(outcomes)
    step = next(flow)
    for _ in range(2_000):
        try:
            if isinstance(step, Pause):
                assert step.seconds > 0
                clock += step.seconds
                step = flow.send(None)
            else:
                assert isinstance(step, Ask)
                asked.append(step.operation)
                outcome = pending.pop(0) if len(pending) > 1 else pending[0]
                step = flow.send(Reply(outcome, clock))
        except StopIteration as stop:
            return stop.value, asked, clock
        except (APIError, VideoNotReadyError) as error:
            return error, asked, clock
    raise AssertionError("the flow does not end")


def test_a_video_that_is_there_takes_one_request() -> None:
    """GET finds it: nothing is generated, nothing waited for."""
    assert run(VIDEO) == (VIDEO, ["get"], 0.0)


def test_a_missing_video_is_generated_and_polled_for() -> None:
    """404, POST accepted without a URL, then GETs until the URL is there; one POST only."""
    end, asked, clock = run(MISSING, None, MISSING, MISSING, VIDEO)
    assert end == VIDEO
    assert asked == ["get", "generate", "get", "get", "get"]
    assert 3 <= clock <= 10


def test_a_post_that_answers_with_the_url_ends_it() -> None:
    """The vendor's documented answer to the POST already holds the URL."""
    assert run(MISSING, VIDEO) == (VIDEO, ["get", "generate"], 0.0)


def test_a_broken_post_is_settled_by_looking_first() -> None:
    """The POST was worked on although its answer was lost: the next GET shows it, and no second POST is sent."""
    end, asked, _ = run(MISSING, BROKEN, VIDEO)
    assert (end, asked) == (VIDEO, ["get", "generate", "get"])


def test_a_post_that_never_arrived_is_sent_again_after_a_look() -> None:
    """The video is still missing after a broken POST, so it is sent once more."""
    end, asked, _ = run(MISSING, BROKEN, MISSING, VIDEO)
    assert (end, asked) == (VIDEO, ["get", "generate", "get", "generate"])


def test_a_post_that_keeps_failing_is_given_up_with_its_own_error() -> None:
    """Three POSTs that end in a 500 are enough; the error is the POST's, not the GET's 404."""
    failure = InternalServerError("boom", status_code=500)
    end, asked, _ = run(MISSING, failure, MISSING, failure, MISSING, failure, MISSING)
    assert end is failure
    assert asked.count("generate") == 3


def test_a_post_that_keeps_failing_is_sent_three_times_where_the_get_says_it_is_being_made() -> None:
    """A GET without a URL does not prove that the POST arrived: it is sent again, after the third only waited for."""
    end, asked, _ = run(MISSING, BROKEN, None, BROKEN, None, BROKEN, None)
    assert isinstance(end, VideoNotReadyError)
    assert asked.count("generate") == 3


def test_already_analyzed_is_settled_by_looking() -> None:
    """400 to the POST may mean that somebody else had it made in the meantime: GET finds the video."""
    assert run(MISSING, ALREADY, VIDEO) == (VIDEO, ["get", "generate", "get"], 0.0)


def test_already_analyzed_may_take_a_moment_to_show() -> None:
    """400 to the POST, and the GET finds the video only a little later: the POST is not repeated."""
    end, asked, clock = run(MISSING, ALREADY, MISSING, MISSING, VIDEO)
    assert (end, asked) == (VIDEO, ["get", "generate", "get", "get", "get"])
    assert clock <= 5


def test_a_refused_post_is_raised_when_looking_does_not_help() -> None:
    """400 to the POST and after three looks still no video: the 400 is the truth, and said soon."""
    end, asked, clock = run(MISSING, ALREADY, MISSING)
    assert end is ALREADY
    assert asked == ["get", "generate", "get", "get", "get"]
    assert clock <= 5


def test_a_refused_post_is_raised_at_once_where_there_is_no_time() -> None:
    """With ``wait=0`` one look has to do, and what is raised is the refusal, not that the video is not ready."""
    end, asked, clock = run(MISSING, ALREADY, MISSING, wait=0.0)
    assert end is ALREADY
    assert (asked, clock) == (["get", "generate", "get"], 0.0)


def test_a_conflict_means_that_the_video_is_being_made() -> None:
    """409 to the POST: somebody else began it, so it is polled for and not asked for again."""
    end, asked, _ = run(MISSING, ConflictError("in progress", status_code=409), *[MISSING] * 8, VIDEO)
    assert end == VIDEO
    assert asked == ["get", "generate", *["get"] * 9]


@pytest.mark.parametrize(
    "error", [PermissionDeniedError("plan", status_code=403), InternalServerError("x", status_code=500)]
)
def test_other_errors_of_the_get_are_raised_at_once(error: APIError) -> None:
    """Waiting does not change a refusal, and the session has retried a passing failure already."""
    assert run(error) == (error, ["get"], 0.0)


def test_a_refused_post_other_than_400_is_raised_at_once() -> None:
    """403 to the POST: the plan does not include it, looking again would not help."""
    error = PermissionDeniedError("plan", status_code=403)
    assert run(MISSING, error) == (error, ["get", "generate"], 0.0)


def test_being_told_to_slow_down_while_polling_only_slows_down() -> None:
    """429 during the wait is waited out, for as long as it asks."""
    end, _, clock = run(MISSING, None, RateLimitError("slow", status_code=429, retry_after=20.0), VIDEO)
    assert end == VIDEO
    assert clock >= 20.0


@pytest.mark.parametrize("wait", [0.0, 1.0, 42.0, 300.0])
def test_the_wait_is_kept_to_the_second(wait: float) -> None:
    """A video that never comes ends the flow exactly when ``wait`` is over, and the error says how long that was."""
    end, asked, clock = run(MISSING, None, MISSING, wait=wait)
    assert isinstance(end, VideoNotReadyError)
    assert clock == pytest.approx(wait)
    assert end.waited == pytest.approx(wait)
    assert asked.count("generate") == 1


def test_a_null_url_is_not_there_yet() -> None:
    """GET answers 200 with a null URL: it is generated, then polled for."""
    end, asked, _ = run(None, None, None, VIDEO)
    assert (end, asked) == (VIDEO, ["get", "generate", "get", "get"])


def test_the_pauses_grow_from_one_second_to_ten() -> None:
    """Half as long again each time: often at first, seldom later, and never past the end of the wait."""
    flow, pauses = ensure("s", 60.0), list[float]()

    def poll_for_ever() -> None:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = flow.send(None)
            else:
                step = flow.send(Reply(None, sum(pauses)))

    with pytest.raises(VideoNotReadyError) as caught:
        poll_for_ever()
    assert pauses[:8] == [1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0, 10.0]
    assert sum(pauses) == 60.0
    assert caught.value.session_id == "s"
    assert str(caught.value) == (
        "the video of session 's' was not ready after 60 s; "
        "it may still be in the making, so ask again later or with a longer wait="
    )


def test_what_became_of_the_post_is_the_cause_of_not_being_ready() -> None:
    """A broken POST, and no time left to look again: the error of the POST says why."""
    end, _, _ = run(MISSING, BROKEN, MISSING, wait=0.0)
    assert isinstance(end, VideoNotReadyError)
    assert end.__cause__ is BROKEN


def test_a_broken_post_is_not_believed_however_little_time_is_left() -> None:
    """Only a refusal is final; what became of a POST that broke is not known, and so the video is not ready."""
    end, asked, _ = run(MISSING, BROKEN, MISSING, BROKEN, wait=0.5)
    assert isinstance(end, VideoNotReadyError)
    assert asked == ["get", "generate", "get", "generate"]


def test_being_told_to_slow_down_before_anything_was_begun_is_raised() -> None:
    """The session has waited and tried again already; only a video in the making is worth more patience."""
    refusal = RateLimitError("slow", status_code=429, retry_after=1.0)
    assert run(refusal, VIDEO) == (refusal, ["get"], 0.0)
