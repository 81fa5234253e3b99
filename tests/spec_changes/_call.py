"""Calls every operation of the service with `client.call`, in one of the clients; prints what came back as JSON."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import pkgutil
import sys
import typing
from io import BytesIO
from typing import Any


def _value(annotation: Any) -> Any:
    from aikynetix_api.types import File

    members = typing.get_args(annotation) if not isinstance(annotation, type) else ()
    chosen = members[0] if members and typing.get_origin(annotation) is not typing.Literal else annotation
    if typing.get_origin(annotation) is typing.Literal:
        return typing.get_args(annotation)[0]
    if chosen is File:
        return File(payload=BytesIO(_video()), file_name="jump.mp4", mime_type="video/mp4")
    if isinstance(chosen, type) and hasattr(chosen, "to_dict"):
        names = {name for name, one in inspect.signature(chosen).parameters.items() if one.default is one.empty}
        from aikynetix_api import models

        hints = typing.get_type_hints(chosen, localns={name: getattr(models, name) for name in models.__all__})
        return chosen(**{name: _value(hints[name]) for name in names})
    return {int: 1, float: 1.5, bool: True}.get(chosen, "x")


def _video() -> bytes:
    return bytes(range(256)) * 512 + b"\r\n--+++\r\n"


def _arguments(module: Any, path_value: str) -> tuple[list[Any], dict[str, Any]]:
    hints = typing.get_type_hints(module._get_kwargs)
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for name, one in inspect.signature(module._get_kwargs).parameters.items():
        if one.kind is one.POSITIONAL_OR_KEYWORD:
            positional.append(path_value)
        elif one.default is one.empty:
            named[name] = _value(hints[name])
    return positional, named


def _told(result: Any) -> dict[str, Any]:
    if hasattr(result, "payload"):
        return {"bytes": len(result.payload.read())}
    return {"type": type(result).__name__, "text": result if isinstance(result, str) else None}


async def _later(client: Any, module: Any, positional: list[Any], named: dict[str, Any]) -> Any:
    async with client:
        return await client.call(module, *positional, **named)


def _each(kind: str, base_url: str) -> dict[str, Any]:
    from aikynetix_api import api

    import aikynetix

    results: dict[str, Any] = {}
    found = [one.name for one in pkgutil.walk_packages(api.__path__, "aikynetix_api.api.") if not one.ispkg]
    for path in sorted(found):
        module = importlib.import_module(path)
        for value in ("x", "missing", "broken"):
            positional, named = _arguments(module, value)
            if value != "x" and not positional:
                continue
            options: dict[str, Any] = {
                "token": "token-for-tests",
                "base_url": base_url,
                "max_retries": 0,
                "timeout": 5.0,
            }
            try:
                if kind == "sync":
                    with aikynetix.Aikynetix(**options) as client:
                        told = _told(client.call(module, *positional, **named))
                else:
                    told = _told(asyncio.run(_later(aikynetix.AsyncAikynetix(**options), module, positional, named)))
            except aikynetix.AikynetixError as error:
                told = {"error": type(error).__name__, "status": getattr(error, "status_code", None)}
            except Exception as error:
                told = {"untyped": f"{type(error).__name__}: {error}"[:300]}
            results[f"{path.rsplit('.', 1)[1]} {value}"] = told
    return results


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(json.dumps(_each(sys.argv[3], sys.argv[2])))
