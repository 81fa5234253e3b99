"""Uses generated packages in a process of its own: jobs come as lines of JSON, what came of them goes back so.

The facade imports `aikynetix_api` by name, so each job forgets both packages and imports them again, the generated one
from the job's folder. What they ask is answered by a server that follows the job's document.
"""

from __future__ import annotations

import asyncio
import builtins
import datetime
import hashlib
import importlib
import inspect
import json
import sys
import typing
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import httpx

from tests.spec_changes._server import BROKEN, KEY, MISSING, SESSION, TOKEN, VIDEO, SpecServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OPTIONS: dict[str, Any] = {"max_retries": 0, "timeout": 5.0}


def _outcome(call: Callable[[], Any], told: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    from aikynetix import AikynetixError

    try:
        return told(call())
    except AikynetixError as error:
        return {"error": type(error).__name__, "status": getattr(error, "status_code", None)}
    except BaseException as error:
        return {"untyped": f"{type(error).__name__}: {error}"[:300]}


def _facade(options: dict[str, Any]) -> dict[str, Any]:
    """Do what the facade is for, with each credential and in both clients."""
    import aikynetix

    def sync(credential: dict[str, Any], call: Any) -> dict[str, Any]:
        def run() -> Any:
            with aikynetix.Aikynetix(**credential, **options) as client:
                return call(client.analyzed_videos)

        return _outcome(run, lambda video: {"url": video.url})

    def later(credential: dict[str, Any], call: Any) -> dict[str, Any]:
        async def run() -> Any:
            async with aikynetix.AsyncAikynetix(**credential, **options) as client:
                return await call(client.analyzed_videos)

        return _outcome(lambda: asyncio.run(run()), lambda video: {"url": video.url})

    key, token = {"api_key": KEY}, {"token": TOKEN}
    return {
        "get": sync(key, lambda videos: videos.get(SESSION, analysis="jump", as_attachment=True)),
        "generate": sync(token, lambda videos: videos.generate(SESSION, analysis="weightlifting")),
        "plain": later(token, lambda videos: videos.get(SESSION)),
        "generate_later": later(key, lambda videos: videos.generate(SESSION, analysis="jump")),
        "generate_plain": sync(key, lambda videos: videos.generate(SESSION)),
        "missing": sync(key, lambda videos: videos.get(MISSING)),
    }


def _each_method(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Call every method of `client.api` with an argument that is there, one that is missing and one that breaks."""
    import aikynetix

    client: Any = {"sync": aikynetix.Aikynetix, "async": aikynetix.AsyncAikynetix}[kind](token=TOKEN, **options)
    results: dict[str, Any] = {}
    with asyncio.Runner() as runner:

        def call(method: Any, positional: list[str], named: dict[str, Any]) -> Any:
            result = method(*positional, **named)
            return runner.run(result) if inspect.iscoroutine(result) else result

        for name, method in _methods(client):
            for value in ("x", MISSING, BROKEN):
                stated = inspect.signature(method).parameters.values()
                positional = [value for one in stated if one.kind is one.POSITIONAL_OR_KEYWORD]
                if value == "x" or positional:
                    results[f"{name} {value}"] = _outcome(partial(call, method, positional, _required(method)), _told)
        call(client.close, [], {})
    return results


def _methods(client: Any) -> Iterator[tuple[str, Any]]:
    for group in (name for name in dir(client.api) if not name.startswith("_")):
        methods = getattr(client.api, group)
        for name in (name for name in dir(methods) if not name.startswith("_")):
            yield f"{group}.{name}", getattr(methods, name)


def _required(called: Any) -> dict[str, Any]:
    """Return a value for everything that has to be said by its name; annotations stand under `TYPE_CHECKING`."""
    from aikynetix_api import models, types

    names = {"builtins": builtins, "datetime": datetime, "File": types.File, "Unset": types.Unset}
    hints = typing.get_type_hints(called, localns={**names, **{name: getattr(models, name) for name in models.__all__}})
    stated = inspect.signature(called).parameters.items()
    unstated = ((name, one) for name, one in stated if one.default is one.empty)
    is_model = isinstance(called, type)
    return {name: _value(hints[name]) for name, one in unstated if is_model or one.kind is one.KEYWORD_ONLY}


def _value(annotation: Any) -> Any:
    from aikynetix_api.types import File

    members: Any = typing.get_args(annotation) if not isinstance(annotation, type) else ()
    if typing.get_origin(annotation) is typing.Literal:
        return members[0]
    chosen = members[0] if members else annotation
    if chosen is File:
        return File(payload=BytesIO(VIDEO), file_name="jump.mp4", mime_type="video/mp4")
    if isinstance(chosen, type) and hasattr(chosen, "to_dict"):
        return chosen(**_required(chosen))
    return {int: 1, float: 1.5, bool: True}.get(chosen, "x")


def _told(result: Any) -> dict[str, Any]:
    if hasattr(result, "payload"):
        return {"bytes": digest(result.payload.read())}
    return {"type": type(result).__name__, "text": result if isinstance(result, str) else None}


def digest(data: bytes) -> str:
    """Say in a few letters which bytes were there."""
    return hashlib.sha256(data).hexdigest()


def _run(job: dict[str, Any]) -> dict[str, Any]:
    for name in [name for name in sys.modules if name.split(".")[0] in ("aikynetix", "aikynetix_api")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.path.insert(0, job["folder"])
    server = SpecServer(job["spec"], job["answer"])
    options = {**_OPTIONS, "transport": httpx.MockTransport(server)}
    try:
        from aikynetix_api.facade import BASE_URL

        importlib.import_module("aikynetix")
        models = sum(name.startswith("aikynetix_api.models.") for name in sys.modules)
        options.update({"base_url": "https://api.test"} if BASE_URL is None else {})
        results = _each_method(job["kind"], options) if job["kind"] else _facade(options)
        return {"models": models, "results": results, "seen": server.seen, "unfit": server.unfit}
    finally:
        sys.path.remove(job["folder"])


def main() -> None:
    """Answer jobs until the input ends."""
    for line in sys.stdin:
        try:
            result = _run(json.loads(line))
        except BaseException as error:
            result = {"crash": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(result, default=digest), flush=True)


if __name__ == "__main__":
    main()
