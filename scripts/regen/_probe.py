"""Runs in an interpreter of its own: imports every module of a generated package, and makes requests with it.

Takes `{"modules": [...], "cases": [...]}` on its standard input and writes one result for each case. A case names a
module and its arguments, each as the schema that the generator saw and a value as it stands on the wire.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import importlib
import json
import sys
import uuid
from io import BytesIO
from typing import Any

for _name in ("httpx._main", "trio"):  # what httpx imports where it is installed, and takes most of its time
    sys.modules[_name] = None  # type: ignore[assignment]  # what keeps an import from happening

PACKAGE = "aikynetix_api"
_KINDS: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
    "null": type(None),
}  # fmt: skip
_FORMATS: dict[str, Any] = {
    "date": datetime.date.fromisoformat, "date-time": datetime.datetime.fromisoformat, "uuid": uuid.UUID,
}  # fmt: skip


def main() -> None:
    """Read the job, and write the results."""
    gc.disable()  # modules stay to the end
    job = json.load(sys.stdin)
    for name in job["modules"]:
        importlib.import_module(name)
    json.dump([_result(case) for case in job["cases"]], sys.stdout)


def _result(case: dict[str, Any]) -> dict[str, Any]:
    import httpx

    try:
        positional = [_convert(*one) for one in case["path"]]
        named = {name: _convert(*one) for name, one in case["named"].items()}
    except Exception as error:
        return {"unsure": f"{type(error).__name__}: {error}"[:200]}
    try:
        kwargs = importlib.import_module(case["module"])._get_kwargs(*positional, **named)  # noqa: SLF001 -- the generator's name
        base = "" if "://" in kwargs["url"] else "https://api.test"
        request = httpx.Request(**{**kwargs, "url": base + kwargs["url"]})
        request.read()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}
    headers = [[name.decode(), value.decode("utf-8", "replace")] for name, value in request.headers.raw]
    url = request.url
    return {
        "method": request.method, "path": url.raw_path.partition(b"?")[0].decode(), "query": url.query.decode(),
        "headers": headers, "body": request.content.hex(),
    }  # fmt: skip


def _convert(view: dict[str, Any], value: Any) -> Any:
    """Return a value of the wire as the argument that the generated code takes."""
    if "$ref" in view:
        return _named(view["$ref"].rsplit("/", 1)[-1], value)
    if "allOf" in view:
        return _convert(view["allOf"][0], value)
    if "oneOf" in view:
        return _one_of(view["oneOf"], value)
    if isinstance(value, dict) and "$file" in value:
        file = importlib.import_module(f"{PACKAGE}.types").File
        return file(payload=BytesIO(bytes.fromhex(value["$file"])), file_name="clip.mp4", mime_type=value["type"])
    if view.get("type") == "array":
        return [_convert(view["items"], one) for one in value]
    return _FORMATS[view["format"]](value) if view.get("format") in _FORMATS else value


def _named(name: str, value: Any) -> Any:
    model = getattr(importlib.import_module(f"{PACKAGE}.models"), name)
    if hasattr(model, "from_dict") != isinstance(value, dict):
        raise TypeError(f"{value!r} is no {name}")
    return model.from_dict(json.loads(json.dumps(value), object_hook=_bytes)) if isinstance(value, dict) else value


def _one_of(views: list[dict[str, Any]], value: Any) -> Any:
    for view in views:
        if isinstance(value, _KINDS.get(view.get("type", ""), object)):
            with contextlib.suppress(Exception):
                return _convert(view, value)
    raise ValueError("no alternative takes the value")


def _bytes(value: dict[str, Any]) -> Any:
    """Return the bytes of a file, from which models make files themselves."""
    return bytes.fromhex(value["$file"]) if "$file" in value else value


if __name__ == "__main__":
    main()
