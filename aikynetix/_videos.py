"""``client.analyzed_videos``: the domain's verbs, as thin shells that run what the other modules decide."""

from __future__ import annotations

import os
import threading  # noqa: TC003 -- tools resolve the annotations at run time
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor  # noqa: TC003 -- the same
from typing import TYPE_CHECKING, Any, Literal

from ._call import arun, run
from ._ensure import ensure_flow
from ._errors import APIError
from ._models import AnalyzedVideo, DownloadedVideo, ready_video, video_if_ready, video_of
from ._operations import (
    Analysis,
    RequestSpec,
    check_progress,
    checked_analysis,
    checked_count,
    checked_destination,
    checked_flag,
    checked_wait,
    generate_analyzed_video,
    get_analyzed_video,
)
from ._reading import JSON_LIMIT

if TYPE_CHECKING:
    from ._config import Settings
    from ._download import Options
    from ._export import ExportRecord

Progress = Callable[[int, int | None], object]
"""Called with the bytes done and the bytes in all, None while unknown."""

ExportProgress = Callable[[str, int, int | None], object]
"""Called with a session id, the bytes done and the bytes in all, None while unknown."""

StrPath = str | os.PathLike[str]
AnalysisName = Analysis | Literal["jump", "weightlifting"]
ExportItem = str | tuple[str, AnalysisName | None]
"""A session to export: its id, or its id and the analysis to make of it."""


class _VideosBase:
    """What the verbs of both clients need: the client, and what it does for them."""

    def __init__(self, client: Any, settings: Settings, http: Any, storage: Any, make_factory: Any) -> None:
        self._client, self._settings, self._http = client, settings, http
        self._storage, self._make_factory = storage, make_factory

    def _download_options(
        self, to: StrPath, progress: Progress | None, cancel: threading.Event | None, **given: Any
    ) -> Options:
        from ._download import Options

        checked_destination(to)
        check_progress(progress)
        if cancel is not None and not callable(getattr(cancel, "is_set", None)):
            raise TypeError(f"cancel must be a threading.Event or None, not {type(cancel).__name__}")
        flags = {name: checked_flag(name, given[name]) for name in ("overwrite", "exist_ok")}
        if all(flags.values()):
            text = "overwrite=True replaces a file that is there, exist_ok=True returns it: pass one of the two"
            raise ValueError(text)
        counts = [name for name in ("connections", "max_bytes") if given[name] is not None]
        limits: dict[str, Any] = {name: checked_count(name, given[name]) for name in counts}
        return Options(
            timeout=self._settings.timeout,
            max_retries=self._settings.max_retries,
            progress=progress,
            **flags,
            **limits,
            cancelled=bool if cancel is None else cancel.is_set,
        )

    def _export_options(
        self,
        analysis: AnalysisName | None,
        retry_failed: bool,
        wait: float,
        executor: Executor | None,
        progress: ExportProgress | None,
    ) -> dict[str, Any]:
        check_progress(progress)
        return {
            "analysis": checked_analysis(analysis),
            "retry_failed": checked_flag("retry_failed", retry_failed),
            "wait": checked_wait(wait),
            "executor": executor,
            "observer": progress,
            "make_client": None if executor is None else self._make_factory(),
            "max_retries": self._settings.max_retries,
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._client!r}: get, generate, ensure, download, export>"


class AnalyzedVideos(_VideosBase):
    """The annotated videos of sessions; reached as ``client.analyzed_videos``."""

    __module__ = "aikynetix"

    def get(
        self, session_id: str, *, analysis: AnalysisName | None = None, as_attachment: bool = False
    ) -> AnalyzedVideo:
        """Return where the analyzed video of a session is; the API may have it made if there is none yet.

        Args:
            session_id: 1 to 1,024 characters.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make if there is none yet.
            as_attachment: Ask for a URL that makes a browser save the video instead of playing it.

        Raises:
            InvalidArgumentError: A bad session id, before any request; a ``ValueError``, as for a bad analysis.
            NotFoundError: There is no such session, or no video yet.
            APIError: Any other failure; see the classes below it.

        Example:
            >>> client.analyzed_videos.get("session-id", analysis="jump").url

        Source: the vendor's page, "Retrieve Analyzed Video URL".
        """
        spec = get_analyzed_video(session_id, analysis, as_attachment)
        return video_of(session_id, spec, self._http.send_checked(spec.kwargs, JSON_LIMIT))

    def generate(self, session_id: str, *, analysis: AnalysisName | None = None) -> AnalyzedVideo:
        """Have the analyzed video of a session made, and return where it is.

        Args:
            session_id: 1 to 1,024 characters.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make.

        Raises:
            InvalidArgumentError: A bad session id, before any request; a ``ValueError``, as for a bad analysis.
            BadRequestError: The session was analyzed already, or its data is invalid.
            APIError: Any other failure; see the classes below it.

        Example:
            >>> client.analyzed_videos.generate("session-id", analysis="weightlifting")

        Source: the vendor's page, "Upload/Generate Analyzed Video".
        """
        spec = generate_analyzed_video(session_id, analysis)
        return video_of(session_id, spec, self._http.send_checked(spec.kwargs, JSON_LIMIT))

    def ensure(self, session_id: str, *, analysis: AnalysisName | None = None, wait: float = 300.0) -> AnalyzedVideo:
        """Return where the analyzed video of a session is, having it made and waiting for it if need be.

        Safe to repeat: a request whose fate is unknown is settled by looking, not by sending it again.

        Args:
            session_id: 1 to 1,024 characters.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make if there is none yet.
            wait: Seconds to wait for the video, 0 or more.

        Raises:
            InvalidArgumentError: A bad session id, before any request; a ``ValueError``, as for a bad analysis or wait.
            VideoNotReadyError: The video was not there when ``wait`` was over.
            APIError: Any other failure; see the classes below it.

        Example:
            >>> client.analyzed_videos.ensure("session-id", wait=60).url
        """
        return self._ensure(session_id, analysis, checked_wait(wait))

    def _ensure(
        self, session_id: str, analysis: AnalysisName | None, wait: float, cancel: threading.Event | None = None
    ) -> AnalyzedVideo:
        def ask(spec: RequestSpec) -> AnalyzedVideo | None:
            return video_if_ready(session_id, spec, self._http.send_checked(spec.kwargs, JSON_LIMIT, cancel))

        flow = ensure_flow(session_id, analysis, wait, time.monotonic)
        return run(flow, ask, APIError, time.sleep if cancel is None else cancel.wait)

    def download(
        self,
        session_id: str,
        to: StrPath,
        *,
        analysis: AnalysisName | None = None,
        wait: float = 0,
        progress: Progress | None = None,
        overwrite: bool = False,
        exist_ok: bool = False,
        connections: int | None = None,
        max_bytes: int | None = None,
        cancel: threading.Event | None = None,
    ) -> DownloadedVideo:
        """Download the analyzed video of a session, verified and complete, or not at all.

        Bytes are collected beside the target and moved there in one step at the end. What an interrupted call fetched
        is kept, and the next call goes on from there.

        Args:
            session_id: 1 to 1,024 characters.
            to: A file, a folder (the name then comes from the session), or an fsspec URL such as ``s3://bucket/key``.
                ``~`` is the home folder.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make if there is none yet.
            wait: Seconds to wait for a video that is not there yet, as `ensure` does; 0 only asks for it.
            progress: Called with the bytes done and the bytes in all (None while unknown), from the calling thread; by
                `AsyncAikynetix` from a worker thread.
            overwrite: Replace a file that is there; without it such a file is a `DownloadError`, and stays as it is.
            exist_ok: Return the file that is there, and fetch it only if it is missing; not with ``overwrite``. Safe
                for several threads, processes or web requests that want one file: one fetches it, the others wait.
            connections: Most connections to use for one file; None is one for each 2 MiB, up to 24.
            max_bytes: Most bytes of a video whose size the storage does not announce; an announced size is not
                bounded. None means 64 GiB.
            cancel: Ends the download within a second once it is set.

        Raises:
            InvalidArgumentError: A bad session id, before any request.
            ValueError: Another bad argument, before any request.
            TypeError: An argument of the wrong type, before any request.
            DownloadError: The bytes could not be had, or a file is there already (``reason``); see its subclasses.
            VideoNotReadyError: The video was not there when ``wait`` was over.
            APIError: The API did not say where the video is.

        Example:
            >>> client.analyzed_videos.download("session-id", "videos/", wait=300).path
        """
        wait, spec = checked_wait(wait), get_analyzed_video(session_id, analysis)
        limits = {"overwrite": overwrite, "exist_ok": exist_ok, "connections": connections, "max_bytes": max_bytes}
        options = self._download_options(to, progress, cancel, **limits)

        def lookup() -> AnalyzedVideo:
            if wait:
                return self._ensure(session_id, analysis, wait, cancel)
            return ready_video(session_id, spec, self._http.send_checked(spec.kwargs, JSON_LIMIT, cancel))

        from ._download import download
        from ._download._opener import opener

        open_url = opener(self._storage, options.timeout)
        return download(session_id, to, lookup=lookup, open_url=open_url, options=options)

    def export(
        self,
        session_ids: Iterable[ExportItem] | Mapping[str, AnalysisName | None],
        to: StrPath,
        *,
        analysis: AnalysisName | None = None,
        concurrency: int = 16,
        retry_failed: bool = False,
        wait: float = 0,
        executor: Executor | None = None,
        progress: ExportProgress | None = None,
    ) -> Generator[ExportRecord]:
        """Download the videos of many sessions; yield one record per session, as each ends.

        What is already there is not fetched again, so that a second call does only what is missing. One bad session
        never stops the others. Leaving the loop early stops the workers: at once inside ``contextlib.closing``, or
        inside ``contextlib.aclosing`` with an `AsyncAikynetix`, which trio insists on. Those of an ``executor`` end
        with the session that they are at.

        Args:
            session_ids: Read lazily, so that it may be endless; duplicates are done once. In place of an id there may
                be a pair of an id and the analysis of that session; a mapping has an analysis for each id.
            to: A folder or an fsspec URL; ``manifest.jsonl`` and ``index.html`` are written there.
            analysis: ``"jump"`` or ``"weightlifting"``: which analysis to make where there is none yet.
            concurrency: Sessions at a time, 1 or more (192 and up are the same), plus up to min(12, 0.75 * concurrency)
                that are downloading already.
            retry_failed: Do only the sessions that failed in an earlier call.
            wait: Seconds to wait for a video that is not there yet.
            executor: Where to run the downloads instead of in threads of this process, such as a process pool or a
                Dask client's executor; its workers make clients of their own from the settings of this one.
            progress: Called with session id, bytes done and bytes in all, from worker threads; not by an executor. What
                it raises ends the export, and is raised there.

        Raises:
            TypeError: ``session_ids`` is a single string or no iterable, or another argument has the wrong type.
            ValueError: Any other bad argument, before any request. A bad session id is a failed record.
            ConfigurationError: ``to`` is a URL, and fsspec or what it needs for it is not installed; or ``executor`` is
                given to a client whose ``transport=`` its workers could not use.
            AuthenticationError: The credential was refused; everything stops.
            DownloadError: The folder cannot be written to, or has a page or a manifest that no export made.
            RateLimitError: For five minutes the API did nothing but refuse.

        Example:
            >>> for record in client.analyzed_videos.export(["id-1", "id-2"], "videos"):
            ...     print(record.session_id, record.status)
        """
        from ._export import new_run

        how = self._export_options(analysis, retry_failed, wait, executor, progress)
        download = self._client.with_options(max_retries=0).analyzed_videos.download
        return new_run(download, session_ids, to, concurrency=concurrency, **how).records()


class AsyncAnalyzedVideos(_VideosBase):
    """The annotated videos of sessions; reached as ``client.analyzed_videos`` of an `AsyncAikynetix`."""

    __module__ = "aikynetix"

    async def get(
        self, session_id: str, *, analysis: AnalysisName | None = None, as_attachment: bool = False
    ) -> AnalyzedVideo:
        spec = get_analyzed_video(session_id, analysis, as_attachment)
        return video_of(session_id, spec, await self._http.send_checked(spec.kwargs, JSON_LIMIT))

    async def generate(self, session_id: str, *, analysis: AnalysisName | None = None) -> AnalyzedVideo:
        spec = generate_analyzed_video(session_id, analysis)
        return video_of(session_id, spec, await self._http.send_checked(spec.kwargs, JSON_LIMIT))

    async def ensure(
        self, session_id: str, *, analysis: AnalysisName | None = None, wait: float = 300.0
    ) -> AnalyzedVideo:
        async def ask(spec: RequestSpec) -> AnalyzedVideo | None:
            return video_if_ready(session_id, spec, await self._http.send_checked(spec.kwargs, JSON_LIMIT))

        return await arun(ensure_flow(session_id, analysis, checked_wait(wait), time.monotonic), ask, APIError)

    async def download(
        self,
        session_id: str,
        to: StrPath,
        *,
        analysis: AnalysisName | None = None,
        wait: float = 0,
        progress: Progress | None = None,
        overwrite: bool = False,
        exist_ok: bool = False,
        connections: int | None = None,
        max_bytes: int | None = None,
        cancel: threading.Event | None = None,
    ) -> DownloadedVideo:
        wait, spec = checked_wait(wait), get_analyzed_video(session_id, analysis)
        limits = {"overwrite": overwrite, "exist_ok": exist_ok, "connections": connections, "max_bytes": max_bytes}
        options = self._download_options(to, progress, cancel, **limits)

        async def lookup() -> AnalyzedVideo:
            if wait:
                return await self.ensure(session_id, analysis=analysis, wait=wait)
            return ready_video(session_id, spec, await self._http.send_checked(spec.kwargs, JSON_LIMIT))

        from ._download._opener import download_in_thread

        return await download_in_thread(session_id, to, lookup=lookup, storage=self._storage, options=options)

    def export(
        self,
        session_ids: Iterable[ExportItem] | Mapping[str, AnalysisName | None],
        to: StrPath,
        *,
        analysis: AnalysisName | None = None,
        concurrency: int = 16,
        retry_failed: bool = False,
        wait: float = 0,
        executor: Executor | None = None,
        progress: ExportProgress | None = None,
    ) -> AsyncGenerator[ExportRecord]:
        from ._export import export_async

        how = self._export_options(analysis, retry_failed, wait, executor, progress)
        download = self._client.with_options(max_retries=0).analyzed_videos.download
        return export_async(download, session_ids, to, concurrency=concurrency, **how)


for _name in ("get", "generate", "ensure", "download", "export"):
    # One text for both clients: what a method does is said once.
    getattr(AsyncAnalyzedVideos, _name).__doc__ = getattr(AnalyzedVideos, _name).__doc__
