"""What a failure leads to: pure decisions, that always end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aikynetix import DownloadError, DownloadInterruptedError, IntegrityError, SignedUrlExpiredError
from aikynetix._download._rules import (
    PROGRESS,
    Action,
    Failure,
    Kind,
    Setbacks,
    Standing,
    Step,
    decide,
    disk_failure,
    is_about_url,
    is_refused_signature,
    may_pass,
    should_resign,
    xml_code,
)

INTERRUPTED = Action(step=Step.GIVE_UP, error=DownloadInterruptedError)
STATUSES = st.one_of(
    st.integers(100, 999), st.sampled_from([400, 401, 403, 404, 408, 410, 412, 416, 425, 429, 500, 503])
)
failures = st.builds(
    Failure,
    kind=st.sampled_from(Kind),
    text=st.just("something"),
    status=STATUSES,
    code=st.sampled_from(["", "ExpiredToken", "NoSuchKey", "SignatureDoesNotMatch", "InvalidArgument"]),
    retry_after=st.none() | st.floats(0, 100),
)


def standing(
    failures: int = 1,
    resigns: int = 0,
    max_retries: int = 3,
    others: int = 0,
    *,
    waited: float = 0.0,
    fresh: bool = False,
    proven: bool = False,
) -> Standing:
    return Standing(
        failures=failures,
        resigns=resigns,
        max_retries=max_retries,
        waited=waited,
        others=others,
        fresh=fresh,
        proven=proven,
        draw=1.0,
    )


def failure(kind: Kind, status: int = 0, code: str = "", retry_after: float | None = None) -> Failure:
    return Failure(kind=kind, text="something", status=status, code=code, retry_after=retry_after)


@settings(max_examples=150, deadline=None)
@given(
    happens=st.lists(st.tuples(failures, st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=6),
    max_retries=st.integers(0, 5),
    draw=st.floats(0, 1),
)
def test_without_progress_every_download_ends(
    happens: list[tuple[Failure, bool, bool, bool]], max_retries: int, draw: float
) -> None:
    """However things fail, a download that gains nothing is given up after a bounded number of steps and of seconds."""
    setbacks, connections, limit, waited, changes = Setbacks(since=0.0), 1, 4, 0.0, 0
    for number, (failed, fresh, proven, opened) in enumerate(islice(cycle(happens), 80)):
        connections += opened and connections < limit
        if not is_about_url(failed):
            setbacks.strike(number, ())
        action = decide(
            failed,
            Standing(
                failures=max(1, setbacks.failures),
                resigns=setbacks.resigns,
                max_retries=max_retries,
                waited=waited,
                others=connections - 1,
                fresh=fresh,
                proven=proven,
                draw=draw,
            ),
        )
        match action.step:
            case Step.GIVE_UP:
                assert issubclass(action.error, DownloadError)
                return
            case Step.FEWER:
                limit = connections = connections - 1
                assert connections >= 1, "somebody must go on delivering"
            case Step.RESIGN:
                setbacks.resigns += 1
                assert setbacks.resigns <= 2
            case Step.START_OVER:
                changes += 1
                connections = 1
                if changes == 4:
                    return  # the engine's own bound
            case Step.WAIT:
                assert 0 <= action.wait < 30
                waited += action.wait
                assert setbacks.failures <= max_retries
    raise AssertionError("it would have gone on")


@given(
    failed=failures,
    failures_=st.integers(1, 9),
    resigns=st.integers(0, 3),
    others=st.integers(0, 9),
    fresh=st.booleans(),
    proven=st.booleans(),
)
def test_every_failure_is_decided(
    failed: Failure, failures_: int, resigns: int, others: int, fresh: bool, proven: bool
) -> None:
    """There is an answer to anything, and none of them goes on with a connection that does not deliver."""
    action = decide(failed, standing(failures_, resigns, others=others, fresh=fresh, proven=proven))
    assert isinstance(action, Action)
    assert action.step is not Step.FEWER or others
    assert action.step is not Step.RESIGN or resigns < 2
    assert action.step is not Step.WAIT or may_pass(failed)
    if failed.kind is Kind.STATUS and fresh and others and failed.status not in (412, 416):
        assert action.step in (Step.FEWER, Step.RESIGN), "what delivers is not ended because one more is refused"


@pytest.mark.parametrize(
    ("failed", "stands", "expected"),
    [
        (failure(Kind.BROKEN), standing(), Action(step=Step.WAIT)),
        (failure(Kind.STALLED), standing(), Action(step=Step.WAIT)),
        (failure(Kind.BROKEN), standing(2), Action(step=Step.WAIT, wait=2.0)),
        (failure(Kind.BROKEN), standing(4), INTERRUPTED),
        (failure(Kind.BROKEN), standing(max_retries=0), INTERRUPTED),
        (failure(Kind.BROKEN), standing(others=3, fresh=True), Action(step=Step.FEWER)),
        (failure(Kind.BROKEN), standing(others=3), Action(step=Step.WAIT)),
        (failure(Kind.CONNECT), standing(), Action(step=Step.WAIT, wait=1.0)),
        (failure(Kind.CONNECT), standing(others=1, fresh=True), Action(step=Step.FEWER)),
        (failure(Kind.MALFORMED), standing(), Action(step=Step.WAIT, wait=1.0)),
        (failure(Kind.STATUS, 429), standing(others=1), Action(step=Step.FEWER)),
        (failure(Kind.STATUS, 503), standing(others=1), Action(step=Step.FEWER)),
        (failure(Kind.STATUS, 503, retry_after=7.0), standing(), Action(step=Step.WAIT, wait=7.0)),
        (
            failure(Kind.STATUS, 503, retry_after=77.0),
            standing(),
            INTERRUPTED,
        ),
        (failure(Kind.STATUS, 503, retry_after=7.0), standing(waited=24.0), INTERRUPTED),
        (failure(Kind.STATUS, 503), standing(waited=24.0), Action(step=Step.WAIT, wait=1.0)),
        (failure(Kind.STATUS, 500), standing(), Action(step=Step.WAIT, wait=1.0)),
        (failure(Kind.STATUS, 520), standing(), Action(step=Step.WAIT, wait=1.0)),
        (failure(Kind.STATUS, 408), standing(), Action(step=Step.WAIT, wait=1.0)),
        (failure(Kind.STATUS, 400, "ExpiredToken"), standing(), Action(step=Step.RESIGN)),
        (failure(Kind.STATUS, 403), standing(resigns=1), Action(step=Step.RESIGN)),
        (failure(Kind.STATUS, 403), standing(resigns=2), Action(step=Step.GIVE_UP, error=SignedUrlExpiredError)),
        (failure(Kind.STATUS, 404, "NoSuchKey"), standing(resigns=2), Action(step=Step.GIVE_UP)),
        (failure(Kind.STATUS, 410), standing(), Action(step=Step.RESIGN)),
        *(
            (failure(Kind.STATUS, status), standing(resigns=resigns, others=1, fresh=True), Action(step=Step.FEWER))
            for status in (204, 302, 310, 400, 401, 403, 404, 405, 410, 418, 451)
            for resigns in (0, 2)
        ),
        *(
            (failure(Kind.STATUS, status, code), standing(others=1, fresh=True, proven=True), Action(step=Step.RESIGN))
            for status, code in ((400, "ExpiredToken"), (400, ""), (401, ""), (403, "SignatureDoesNotMatch"))
        ),
        *(
            (failure(Kind.STATUS, status, code), standing(others=1, fresh=True, proven=True), Action(step=Step.FEWER))
            for status, code in ((400, "InvalidArgument"), (404, "NoSuchKey"), (410, ""), (451, ""), (204, ""))
        ),
        (failure(Kind.STATUS, 403), standing(resigns=2, others=1, fresh=True, proven=True), Action(step=Step.FEWER)),
        (failure(Kind.STATUS, 204), standing(fresh=True, proven=True), Action(step=Step.GIVE_UP)),
        (failure(Kind.STATUS, 412), standing(), Action(step=Step.START_OVER)),
        (failure(Kind.STATUS, 416), standing(), Action(step=Step.START_OVER)),
        (failure(Kind.STATUS, 418), standing(), Action(step=Step.GIVE_UP)),
        (failure(Kind.STATUS, 301), standing(), Action(step=Step.GIVE_UP)),
        (failure(Kind.CHANGED), standing(others=3), Action(step=Step.START_OVER)),
        (failure(Kind.NO_RANGES), standing(), Action(step=Step.START_OVER)),
        (failure(Kind.NO_RANGES), standing(others=1), Action(step=Step.FEWER)),
        (failure(Kind.CONTENT), standing(), Action(step=Step.GIVE_UP, error=IntegrityError)),
        (failure(Kind.TOO_LARGE), standing(), Action(step=Step.GIVE_UP)),
        (failure(Kind.FOREIGN), standing(), Action(step=Step.GIVE_UP)),
        (failure(Kind.FOREIGN), standing(others=1, fresh=True), Action(step=Step.FEWER)),
        (failure(Kind.DISK), standing(others=5), Action(step=Step.GIVE_UP)),
    ],
)
def test_each_failure_has_its_step(failed: Failure, stands: Standing, expected: Action) -> None:
    """The table of what is tried again, asked for anew, done with less, begun anew, or given up."""
    assert decide(failed, stands) == expected


def test_what_takes_several_connections_at_once_is_one_failure() -> None:
    """Those that were open at a failure that counted are not counted; those opened since are."""
    setbacks = Setbacks(since=0.0)
    assert setbacks.strike("a", ["b", "c", "d"])
    assert not setbacks.strike("b", ["c", "d"])
    assert not setbacks.strike("c", ["d", "e"])
    assert setbacks.failures == 1
    assert setbacks.strike("e", ["d", "f"])
    assert not setbacks.strike("d", ["f"])
    assert setbacks.failures == 2


def test_bytes_gained_wipe_the_slate() -> None:
    """A failure after progress is a first one; a few bytes are no progress, and neither are bytes had before."""
    setbacks = Setbacks(since=0.0)
    setbacks.strike("a", ["b"])
    setbacks.resigns = 1
    setbacks.note(PROGRESS - 1, 5.0)
    assert (setbacks.failures, setbacks.resigns, setbacks.since) == (1, 1, 0.0)
    setbacks.note(PROGRESS, 6.0)
    assert (setbacks.failures, setbacks.resigns, setbacks.since) == (0, 0, 6.0)
    assert setbacks.strike("b", [])
    setbacks.note(PROGRESS, 7.0)
    assert setbacks.failures == 1


def test_a_url_is_replaced_when_it_is_about_to_end_and_not_new() -> None:
    """Ten seconds before its end; a URL that has just come is used as it is."""
    end = datetime(2026, 11, 1, 12, tzinfo=UTC)

    def due(before: float, age: float) -> bool:
        return should_resign(now=end - timedelta(seconds=before), expires_at=end, age=age)

    assert [due(60, 99), due(10.5, 99), due(10, 99), due(0, 99), due(-99, 99)] == [False, False, True, True, True]
    assert [due(-99, 0), due(-99, 10), due(-99, 10.5)] == [False, False, True]
    assert not should_resign(now=end, expires_at=None, age=1e9)


@pytest.mark.parametrize(
    ("status", "code", "refused"),
    [
        (401, "", True),
        (403, "NoSuchKey", True),
        (400, "", True),
        (400, "ExpiredToken", True),
        (400, "InvalidArgument", False),
        (404, "", False),
        (500, "ExpiredToken", False),
    ],
)
def test_a_refused_signature_is_told_from_other_refusals(status: int, code: str, refused: bool) -> None:
    """By status, and with 400 by the code in Cloud Storage's XML."""
    assert is_refused_signature(failure(Kind.STATUS, status, code)) is refused


def test_the_code_in_an_error_document_is_found() -> None:
    """Whatever stands around it, and nothing that is no code."""
    assert (
        xml_code("<?xml version='1.0'?><Error><Code> ExpiredToken\n</Code><Message>x</Message></Error>")
        == "ExpiredToken"
    )
    assert xml_code("<Code></Code><Code>a b</Code>") == ""
    assert xml_code(f"<Code>{'x' * 65}</Code>") == ""
    assert xml_code("") == ""


def test_what_a_disk_says_is_told_in_one_line() -> None:
    """A full disk in our own words, other errors in the system's, foreign ones by their class alone."""
    assert "no space" in disk_failure(OSError(28, "No space left on device")).text
    assert (
        disk_failure(OSError(13, "Permission denied", "/secret")).text
        == "the file cannot be written: Permission denied"
    )
    assert disk_failure(OSError("secret")).text == "the file cannot be written: OSError"
    assert disk_failure(ValueError("secret")).text == "the file cannot be written: ValueError"
