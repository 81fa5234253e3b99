"""The public surface: names, their home, and what the two clients have in common."""

from __future__ import annotations

import inspect

import pytest

import aikynetix
from aikynetix import Aikynetix, AsyncAikynetix

PROMISED = """
Aikynetix AsyncAikynetix ApiKey BearerToken Analysis AnalyzedVideo DownloadedVideo
AikynetixError ConfigurationError APIError APIConnectionError APITimeoutError APIStatusError BadRequestError
AuthenticationError PermissionDeniedError NotFoundError ConflictError UnprocessableEntityError RateLimitError
InternalServerError APIResponseValidationError VideoNotReadyError DownloadError SignedUrlExpiredError IntegrityError
DownloadInterruptedError
""".split()  # noqa: SIM905 -- read as the tree that it is


@pytest.mark.parametrize("name", sorted(aikynetix.__all__))
def test_each_exported_name_exists_and_says_that_it_lives_here(name: str) -> None:
    """What a traceback or a pickle calls a public class is what a user can import."""
    value = getattr(aikynetix, name)
    if inspect.isclass(value):
        assert value.__module__ == "aikynetix"
        assert value.__doc__


def test_the_promised_names_are_exported_in_sorted_order() -> None:
    """`__all__` holds every promised name, and is kept sorted."""
    assert set(PROMISED) <= set(aikynetix.__all__)
    assert list(aikynetix.__all__) == sorted(aikynetix.__all__)
    assert set(aikynetix.__all__) <= set(dir(aikynetix))


def methods(kind: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(value)
        for name, value in inspect.getmembers(kind, callable)
        if not name.startswith("_") and name != "aclose"
    }


@pytest.mark.parametrize(
    ("sync", "asynchronous"),
    [(Aikynetix, AsyncAikynetix), (aikynetix.AnalyzedVideos, aikynetix.AsyncAnalyzedVideos)],
)
def test_both_clients_have_the_same_methods_with_the_same_parameters(sync: type, asynchronous: type) -> None:
    """Whoever knows one client knows the other: names, parameters, kinds and defaults agree."""
    ours, theirs = methods(sync), methods(asynchronous)
    assert ours.keys() == theirs.keys()
    for name, signature in ours.items():
        assert list(signature.parameters.values()) == list(theirs[name].parameters.values()), name


def test_both_clients_take_the_same_settings() -> None:
    """The constructors differ in nothing but the kinds of transport and of token callable."""
    ours, theirs = inspect.signature(Aikynetix).parameters, inspect.signature(AsyncAikynetix).parameters
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]


def test_both_clients_document_their_verbs_in_the_same_words() -> None:
    """What a verb does is written once."""
    for name in ("get", "generate", "ensure", "download", "export"):
        assert getattr(aikynetix.AsyncAnalyzedVideos, name).__doc__ == getattr(aikynetix.AnalyzedVideos, name).__doc__
        assert getattr(aikynetix.AnalyzedVideos, name).__doc__
