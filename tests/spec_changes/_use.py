"""Uses the facade with a generated package in a process of its own: jobs come as lines of JSON, results go back so.

The facade imports `aikynetix_api` by name, so each job forgets both packages and imports them again, the generated one
from the job's folder.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any


def _outcome(call: Any) -> dict[str, Any]:
    from aikynetix import AikynetixError

    try:
        return {"url": call().url}
    except AikynetixError as error:
        return {"error": type(error).__name__, "status": getattr(error, "status_code", None), "text": str(error)[:300]}
    except BaseException as error:
        return {"untyped": f"{type(error).__name__}: {error}"[:300]}


def _run(job: dict[str, Any]) -> dict[str, Any]:
    for name in [name for name in sys.modules if name.split(".")[0] in ("aikynetix", "aikynetix_api")]:
        del sys.modules[name]
    importlib.invalidate_caches()
    sys.path.insert(0, job["folder"])
    try:
        from aikynetix_api import facade

        import aikynetix

        models = sum(name.startswith("aikynetix_api.models.") for name in sys.modules)
        root = "" if facade.BASE_URL is None else "/".join(facade.BASE_URL.split("/")[3:])
        return {"models": models, **_calls(aikynetix, f"{job['base_url']}/{root}".rstrip("/"), job)}
    finally:
        sys.path.remove(job["folder"])


def _calls(aikynetix: Any, base: str, job: dict[str, Any]) -> dict[str, Any]:
    session, missing = job["session"], job["missing"]
    options: dict[str, Any] = {"max_retries": 0, "timeout": 5.0, "base_url": base}

    def sync(credential: dict[str, str], call: Any) -> dict[str, Any]:
        def whole() -> Any:
            with aikynetix.Aikynetix(**credential, **options) as client:
                return call(client.analyzed_videos)

        return _outcome(whole)

    def later(credential: dict[str, str], call: Any) -> dict[str, Any]:
        async def run() -> Any:
            async with aikynetix.AsyncAikynetix(**credential, **options) as client:
                return await call(client.analyzed_videos)

        return _outcome(lambda: asyncio.run(run()))

    key, token = {"api_key": job["key"]}, {"token": job["token"]}
    return {
        "get": sync(key, lambda videos: videos.get(session, analysis="jump", as_attachment=True)),
        "generate": sync(token, lambda videos: videos.generate(session, analysis="weightlifting")),
        "plain": later(token, lambda videos: videos.get(session)),
        "generate_later": later(key, lambda videos: videos.generate(session, analysis="jump")),
        "generate_plain": sync(key, lambda videos: videos.generate(session)),
        "missing": sync(key, lambda videos: videos.get(missing)),
    }


def main() -> None:
    """Answer jobs until the input ends."""
    for line in sys.stdin:
        try:
            result = _run(json.loads(line))
        except BaseException as error:
            result = {"crash": f"{type(error).__name__}: {error}"[:500]}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
