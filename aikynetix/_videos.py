"""``client.analyzed_videos``: the domain's verbs, as thin shells that run what the other modules decide."""

from __future__ import annotations

import os
import threading  # noqa: TC003 -- tools resolve the annotations at run time
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor  # noqa: TC003 -- tools resolve the annotations at run time
from functools import partial
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import aikynetix

from . import _classify, _flows, _operations
from ._arguments import (
    check_progress,
    checked_analysis,
    checked_count,
    checked_flag,
    checked_place,
    checked_session_id,
    checked_wait,
)
from ._body import JSON_LIMIT
from ._download import Cancelled
from ._errors import APIError, DownloadError, DownloadInterruptedError, VideoNotReadyError
from ._models import AnalyzedVideo, Answer, DownloadedVideo
from ._operations import Analysis, Call

if TYPE_CHECKING:
    import httpx

Progress = Callable[[int, int | None], object]
"""Called with the bytes done and the bytes in all, None while unknown."""

ExportProgress = Callable[[str, int, int | None], object]
"""Called with a session id, the bytes done and the bytes in all, None while unknown."""

StrPath = str | os.PathLike[str]
ExportItem = str | tuple[str, Analysis | str | None]
"""A session to export: its id, or its id and the analysis to make of it."""

NO_LIMIT = 64 * 1024**3
"""Bytes that a video whose size is not announced may have at most: 64 GiB."""


def _get_call(session_id: str, analysis: Analysis | str | None, as_attachment: bool = False) -> Call:
    return _operations.get_analyzed_video(
        checked_session_id(session_id), checked_analysis(analysis), checked_flag("as_attachment", as_attachment)
    )


def _generate_call(session_id: str, analysis: Analysis | str | None) -> Call:
    return _operations.generate_analyzed_video(checked_session_id(session_id), checked_analysis(analysis))


def _video(session_id: str, call: Call, response: httpx.Response) -> AnalyzedVideo:
    return _made(session_id, call, response, _classify.require_url(response, *call.url_places))


def _ready(session_id: str, call: Call, response: httpx.Response) -> AnalyzedVideo:
    video = _video_if_ready(session_id, call, response)
    if video is None:
        text = f"the API has no video of session {session_id!r} yet; ask again later"
        raise VideoNotReadyError(text, session_id=session_id, waited=0.0)
    return video


def _there(session_id: str, error: DownloadError) -> DownloadedVideo:
    """Return the file that is in the way of a download, or raise ``error`` if that is something else."""
    if "exists already" not in str(error) or error.path is None:
        raise error
    if isinstance(error.path, Path):
        return DownloadedVideo(session_id, error.path, error.path.stat().st_size)
    with import_module("fsspec").open(error.path) as file:
        content = file.read()
    return DownloadedVideo(session_id, error.path, len(content), sha256=sha256(content).hexdigest())


def _interrupted(session_id: str) -> DownloadInterruptedError:
    return DownloadInterruptedError("cancelled; a later call goes on from there", session_id=session_id)


def _video_if_ready(session_id: str, call: Call, response: httpx.Response) -> AnalyzedVideo | None:
    url = _classify.video_url(response, *call.url_places)
    return None if url is None else _made(session_id, call, response, url)


def _made(session_id: str, call: Call, response: httpx.Response, url: str) -> AnalyzedVideo:
    answer = Answer(call.operation, response.status_code, response.headers.get("content-type", ""), response.content)
    return AnalyzedVideo(session_id, url, _classify.request_id(response), answer)


def _ensure_calls(session_id: str, analysis: Analysis | str | None) -> dict[str, Call]:
    return {"get": _get_call(session_id, analysis), "generate": _generate_call(session_id, analysis)}


def _check_download(
    to: StrPath, progress: Progress | None, overwrite: bool, connections: int | None, max_bytes: int
) -> None:
    checked_place(to)
    check_progress(progress)
    checked_flag("overwrite", overwrite)
    if connections is not None:
        checked_count("connections", connections)
    checked_count("max_bytes", max_bytes)


def _factory(client: aikynetix.Aikynetix | aikynetix.AsyncAikynetix) -> Callable[..., aikynetix.Aikynetix]:
    settings = client._settings
    auth, base_url = settings.credential.inner, str(settings.base_url)
    return partial(aikynetix.Aikynetix, auth=auth, base_url=base_url, timeout=settings.timeout)


class AnalyzedVideos:
    """The annotated videos of sessions; reached as ``client.analyzed_videos``."""

    __module__ = "aikynetix"

    def __init__(self, client: aikynetix.Aikynetix) -> None:
        self._client = client

    def get(
        self, session_id: str, *, analysis: Analysis | str | None = None, as_attachment: bool = False
    ) -> AnalyzedVideo:
        """Return where the analyzed video of a session is; the API may have it made if there is none yet.

        Args:
            session_id: 1 to 1,024 characters.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make if there is none yet.
            as_attachment: Ask for a URL that makes a browser save the video instead of playing it.

        Raises:
            ValueError: A bad session id or analysis, before any request.
            NotFoundError: There is no such session, or no video yet.
            APIError: Any other failure; see the classes below it.

        Source: the vendor's page, "Retrieve Analyzed Video URL".
        """
        call = _get_call(session_id, analysis, as_attachment)
        return _video(session_id, call, self._client._exchange(call.kwargs, JSON_LIMIT))

    def generate(self, session_id: str, *, analysis: Analysis | str | None = None) -> AnalyzedVideo:
        """Have the analyzed video of a session made, and return where it is.

        Args:
            session_id: 1 to 1,024 characters.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make.

        Raises:
            ValueError: A bad session id or analysis, before any request.
            BadRequestError: The session was analyzed already, or its data is invalid.
            APIError: Any other failure; see the classes below it.

        Source: the vendor's page, "Upload/Generate Analyzed Video".
        """
        call = _generate_call(session_id, analysis)
        return _video(session_id, call, self._client._exchange(call.kwargs, JSON_LIMIT))

    def ensure(self, session_id: str, *, analysis: Analysis | str | None = None, wait: float = 300.0) -> AnalyzedVideo:
        """Return where the analyzed video of a session is, having it made and waiting for it if need be.

        Safe to repeat: a request whose fate is unknown is settled by looking, not by sending it again.

        Args:
            session_id: 1 to 1,024 characters.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make if there is none yet.
            wait: Seconds to wait for the video, 0 or more.

        Raises:
            ValueError: A bad session id, analysis or wait, before any request.
            VideoNotReadyError: The video was not there when ``wait`` was over.
            APIError: Any other failure; see the classes below it.
        """
        calls, wait = _ensure_calls(session_id, analysis), checked_wait(wait)
        return self._ensured(session_id, calls, wait, time.sleep)

    def _ensured(
        self, session_id: str, calls: Mapping[str, Call], wait: float, pause: Callable[[float], object]
    ) -> AnalyzedVideo:
        flow = _flows.ensure(session_id, wait)
        began, reply = time.monotonic(), None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]  # what the flow returns is its third type parameter
            if isinstance(step, _flows.Pause):
                pause(step.seconds)
                reply = None
                continue
            outcome: AnalyzedVideo | APIError | None
            try:
                call = calls[step.operation]
                outcome = _video_if_ready(session_id, call, self._client._exchange(call.kwargs, JSON_LIMIT))
            except APIError as error:
                outcome = error
            reply = _flows.Reply(outcome, time.monotonic() - began)

    def download(
        self,
        session_id: str,
        to: StrPath,
        *,
        analysis: Analysis | str | None = None,
        wait: float = 0,
        progress: Progress | None = None,
        overwrite: bool = False,
        exist_ok: bool = False,
        connections: int | None = None,
        max_bytes: int = NO_LIMIT,
        cancel: threading.Event | None = None,
    ) -> DownloadedVideo:
        """Download the analyzed video of a session, verified and complete, or not at all.

        Bytes are collected beside the target and moved there in one step at the end. What an interrupted call fetched
        is kept, and the next call goes on from there.

        Args:
            session_id: 1 to 1,024 characters.
            to: A file, a folder (the name then comes from the session), or an fsspec URL such as ``s3://bucket/key``.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make if there is none yet.
            wait: Seconds to wait for a video that is not there yet, as `ensure` does; 0 only asks for it.
            progress: Called with the bytes done and the bytes in all (None while unknown), from a worker thread.
            overwrite: Replace a file that is there; without it such a file is a `DownloadError`, and stays as it is.
            exist_ok: Return the file that is there, and fetch it only if it is missing.
            connections: Most connections to use for one file; None finds the best number by itself.
            max_bytes: Most bytes of a video whose size the storage does not announce; an announced size is not bounded.
            cancel: Ends the call with a `DownloadInterruptedError` once it is set.

        Raises:
            ValueError: A bad argument, before any request.
            TypeError: An argument of the wrong type, before any request.
            DownloadError: The bytes could not be had, or a file is there already; see the classes below it.
            VideoNotReadyError: The video was not there when ``wait`` was over.
            APIError: The API did not say where the video is.
        """
        wait = checked_wait(wait)
        _check_download(to, progress, overwrite, connections, max_bytes)
        calls = _get_call(session_id, analysis)  # bad arguments are refused before anything is touched

        def resolve() -> AnalyzedVideo:
            if wait:
                return self.ensure(session_id, analysis=analysis, wait=wait)
            return _ready(session_id, calls, self._client._exchange(calls.kwargs, JSON_LIMIT))

        try:
            return self._client._fetch(
                session_id,
                resolve,
                to,
                cancelled=(lambda: False) if cancel is None else cancel.is_set,
                progress=progress,
                overwrite=overwrite,
                connections=connections,
                max_bytes=max_bytes,
            )
        except DownloadError as error:
            if not exist_ok:
                raise
            return _there(session_id, error)
        except Cancelled:
            raise _interrupted(session_id) from None

    def export(
        self,
        session_ids: Iterable[ExportItem] | Mapping[str, Analysis | str | None],
        to: StrPath,
        *,
        analysis: Analysis | str | None = None,
        concurrency: int = 16,
        retry_failed: bool = False,
        wait: float = 0,
        executor: Executor | None = None,
        progress: ExportProgress | None = None,
    ) -> Generator[aikynetix.ExportRecord]:
        """Download the videos of many sessions; yield one record per session, as each ends.

        What is already there is not fetched again, so that a second call does only what is missing. One bad session
        never stops the others. Leaving the loop early stops the workers: at once inside ``contextlib.closing``, or
        inside ``contextlib.aclosing`` with an `AsyncAikynetix`, which trio insists on.

        Args:
            session_ids: Read lazily, so that it may be endless; duplicates are done once. In place of an id there may
                be a pair of an id and the analysis of that session; a mapping from the one to the other does too.
            to: A folder or an fsspec URL; ``manifest.jsonl`` and ``index.html`` are written there.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make where there is none yet.
            concurrency: Sessions at a time, 1 or more.
            retry_failed: Do only the sessions that failed in an earlier call.
            wait: Seconds to wait for a video that is not there yet.
            executor: Where to run the downloads instead of in threads of this process; its workers take their
                credential from the settings of this client where those can be pickled, else from their own environment.
            progress: Called with session id, bytes done and bytes in all, from worker threads; not by an executor.

        Raises:
            TypeError: ``session_ids`` is a single string or no iterable, or another argument has the wrong type.
            ValueError: Any other bad argument, before any request. A bad session id is a failed record.
            ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed.
            AuthenticationError: The credential was refused; everything stops.
            DownloadError: The folder cannot be written to, or has a page or a manifest that no export made.
            RateLimitError: For five minutes the API did nothing but refuse.
        """
        from . import _export

        return _export.export(
            self._client,
            session_ids,
            to,
            analysis=checked_analysis(analysis),
            concurrency=concurrency,
            retry_failed=checked_flag("retry_failed", retry_failed),
            wait=checked_wait(wait),
            executor=executor,
            make_client=_factory(self._client),
            max_retries=self._client._settings.max_retries,
            observer=progress,
        )


class AsyncAnalyzedVideos:
    """The annotated videos of sessions; reached as ``client.analyzed_videos`` of an `AsyncAikynetix`."""

    __module__ = "aikynetix"

    def __init__(self, client: aikynetix.AsyncAikynetix) -> None:
        self._client = client

    async def get(
        self, session_id: str, *, analysis: Analysis | str | None = None, as_attachment: bool = False
    ) -> AnalyzedVideo:
        call = _get_call(session_id, analysis, as_attachment)
        return _video(session_id, call, await self._client._exchange(call.kwargs, JSON_LIMIT))

    async def generate(self, session_id: str, *, analysis: Analysis | str | None = None) -> AnalyzedVideo:
        call = _generate_call(session_id, analysis)
        return _video(session_id, call, await self._client._exchange(call.kwargs, JSON_LIMIT))

    async def ensure(
        self, session_id: str, *, analysis: Analysis | str | None = None, wait: float = 300.0
    ) -> AnalyzedVideo:
        import anyio

        calls, flow = _ensure_calls(session_id, analysis), _flows.ensure(session_id, checked_wait(wait))
        began, reply = time.monotonic(), None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]  # what the flow returns is its third type parameter
            if isinstance(step, _flows.Pause):
                await anyio.sleep(step.seconds)
                reply = None
                continue
            outcome: AnalyzedVideo | APIError | None
            try:
                call = calls[step.operation]
                outcome = _video_if_ready(session_id, call, await self._client._exchange(call.kwargs, JSON_LIMIT))
            except APIError as error:
                outcome = error
            reply = _flows.Reply(outcome, time.monotonic() - began)

    async def download(
        self,
        session_id: str,
        to: StrPath,
        *,
        analysis: Analysis | str | None = None,
        wait: float = 0,
        progress: Progress | None = None,
        overwrite: bool = False,
        exist_ok: bool = False,
        connections: int | None = None,
        max_bytes: int = NO_LIMIT,
        cancel: threading.Event | None = None,
    ) -> DownloadedVideo:
        wait = checked_wait(wait)
        _check_download(to, progress, overwrite, connections, max_bytes)
        calls = _get_call(session_id, analysis)

        async def resolve() -> AnalyzedVideo:
            if wait:
                return await self.ensure(session_id, analysis=analysis, wait=wait)
            return _ready(session_id, calls, await self._client._exchange(calls.kwargs, JSON_LIMIT))

        try:
            return await self._client._fetch(
                session_id,
                resolve,
                to,
                cancel=cancel,
                progress=progress,
                overwrite=overwrite,
                connections=connections,
                max_bytes=max_bytes,
            )
        except DownloadError as error:
            if not exist_ok:
                raise
            return _there(session_id, error)
        except Cancelled:
            raise _interrupted(session_id) from None

    def export(
        self,
        session_ids: Iterable[ExportItem] | Mapping[str, Analysis | str | None],
        to: StrPath,
        *,
        analysis: Analysis | str | None = None,
        concurrency: int = 16,
        retry_failed: bool = False,
        wait: float = 0,
        executor: Executor | None = None,
        progress: ExportProgress | None = None,
    ) -> AsyncGenerator[aikynetix.ExportRecord]:
        from . import _export

        return _export.export_async(
            self._client,
            session_ids,
            to,
            analysis=checked_analysis(analysis),
            concurrency=concurrency,
            retry_failed=checked_flag("retry_failed", retry_failed),
            wait=checked_wait(wait),
            executor=executor,
            make_client=_factory(self._client),
            max_retries=self._client._settings.max_retries,
            observer=progress,
        )


for _name in ("get", "generate", "ensure", "download", "export"):
    # One text for both clients: what a method does is said once.
    getattr(AsyncAnalyzedVideos, _name).__doc__ = getattr(AnalyzedVideos, _name).__doc__
