"""Calls every method of `client.api` for the service, in one of the clients; prints what came back as JSON."""

from __future__ import annotations

import asyncio
import builtins
import inspect
import json
import sys
import typing
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = ("x", "missing", "broken")


def _hints(one: Any) -> dict[str, Any]:
    """Return the annotations of a method or a model, whose names stand under `TYPE_CHECKING`."""
    import datetime

    from aikynetix_api import models, types

    names = {"builtins": builtins, "datetime": datetime, "File": types.File, "Unset": types.Unset}
    return typing.get_type_hints(one, localns={**names, **{name: getattr(models, name) for name in models.__all__}})


def _value(annotation: Any) -> Any:
    from aikynetix_api.types import File

    members = typing.get_args(annotation) if not isinstance(annotation, type) else ()
    chosen = members[0] if members and typing.get_origin(annotation) is not typing.Literal else annotation
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)[0]
    if chosen is File:
        return File(payload=BytesIO(_video()), file_name="jump.mp4", mime_type="video/mp4")
    if isinstance(chosen, type) and hasattr(chosen, "to_dict"):
        hints = _hints(chosen)
        stated = inspect.signature(chosen).parameters.items()
        return chosen(**{name: _value(hints[name]) for name, one in stated if one.default is one.empty})
    return {int: 1, float: 1.5, bool: True}.get(chosen, "x")


def _video() -> bytes:
    return bytes(range(256)) * 512 + b"\r\n--+++\r\n"


def _methods(client: Any) -> Iterator[tuple[str, Any]]:
    for group in (name for name in dir(client.api) if not name.startswith("_")):
        methods = getattr(client.api, group)
        for name in (name for name in dir(methods) if not name.startswith("_")):
            yield f"{group}.{name}", getattr(methods, name)


def _arguments(method: Any, path_value: str) -> tuple[list[Any], dict[str, Any]]:
    hints = _hints(method)
    stated = inspect.signature(method).parameters.items()
    positional = [path_value for _, one in stated if one.kind is one.POSITIONAL_OR_KEYWORD]
    return positional, {
        n: _value(hints[n]) for n, one in stated if one.kind is one.KEYWORD_ONLY and one.default is one.empty
    }


def _told(result: Any) -> dict[str, Any]:
    if hasattr(result, "payload"):
        return {"bytes": len(result.payload.read())}
    return {"type": type(result).__name__, "text": result if isinstance(result, str) else None}


def _each(kind: str, base_url: str) -> dict[str, Any]:
    import aikynetix

    options: dict[str, Any] = {"token": "token-for-tests", "base_url": base_url, "max_retries": 0, "timeout": 5.0}
    client: Any = aikynetix.Aikynetix(**options) if kind == "sync" else aikynetix.AsyncAikynetix(**options)
    results: dict[str, Any] = {}
    with asyncio.Runner() as runner:
        for name, method in _methods(client):
            for value in VALUES:
                positional, named = _arguments(method, value)
                if value != "x" and not positional:
                    continue
                try:
                    result = method(*positional, **named)
                    told = _told(runner.run(result) if inspect.iscoroutine(result) else result)
                except aikynetix.AikynetixError as error:
                    told = {"error": type(error).__name__, "status": getattr(error, "status_code", None)}
                except Exception as error:
                    told = {"untyped": f"{type(error).__name__}: {error}"[:300]}
                results[f"{name} {value}"] = told
        closed = client.close()
        if inspect.iscoroutine(closed):
            runner.run(closed)
    return results


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(json.dumps(_each(sys.argv[3], sys.argv[2])))
