"""The public surface: names, their home, and what the two clients have in common."""

from __future__ import annotations

import inspect

import aikynetix
from aikynetix import Aikynetix, AnalyzedVideos, AsyncAikynetix, AsyncAnalyzedVideos

PROMISED = """
Aikynetix AsyncAikynetix ApiKey BearerToken Analysis AnalyzedVideo DownloadedVideo
AikynetixError ConfigurationError APIError APIConnectionError APITimeoutError APIStatusError BadRequestError
AuthenticationError PermissionDeniedError NotFoundError ConflictError UnprocessableEntityError RateLimitError
InternalServerError APIResponseValidationError VideoNotReadyError DownloadError SignedUrlExpiredError IntegrityError
DownloadInterruptedError
""".split()  # noqa: SIM905 -- read as the tree that it is


def test_the_promised_names_are_exported_in_sorted_order_and_say_that_they_live_here() -> None:
    """What a traceback or a pickle calls a public class is what a user can import."""
    assert set(PROMISED) <= set(aikynetix.__all__)
    assert list(aikynetix.__all__) == sorted(aikynetix.__all__)
    for name in aikynetix.__all__:
        value = getattr(aikynetix, name)
        assert not inspect.isclass(value) or (value.__module__, bool(value.__doc__)) == ("aikynetix", True), name


def parameters(kind: type) -> dict[str, list[inspect.Parameter]]:
    return {
        name: list(inspect.signature(value).parameters.values())
        for name, value in inspect.getmembers(kind, callable)
        if not name.startswith("_") and name != "aclose"
    }


def test_whoever_knows_one_client_knows_the_other() -> None:
    """The same methods, with the same parameters and in the same words; the same settings, with the same defaults."""
    assert parameters(Aikynetix) == parameters(AsyncAikynetix)
    assert parameters(AnalyzedVideos) == parameters(AsyncAnalyzedVideos)
    ours, theirs = (inspect.signature(kind).parameters for kind in (Aikynetix, AsyncAikynetix))
    assert [(one.name, one.default) for one in ours.values()] == [(one.name, one.default) for one in theirs.values()]
    for name in ("get", "generate", "ensure", "download", "export"):
        assert getattr(AsyncAnalyzedVideos, name).__doc__ == getattr(AnalyzedVideos, name).__doc__
        assert getattr(AnalyzedVideos, name).__doc__
