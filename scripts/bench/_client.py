"""One client at work, in a process of its own: prints what it took as JSON.

It imports nothing of the other modules here, because it also runs in environments that do not have them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

KEY = "k" * 32
PATH = "/session-management/sessions/{}/analyzed-video/"
FIELD = "analyzed_video_url"

Get = Callable[[str], object]
AsyncGet = Callable[[str], Awaitable[object]]


def measured(count: int, began: float, cpu: float) -> dict[str, float]:
    """Return what ``count`` calls took since ``began``."""
    took = time.perf_counter() - began
    return {
        "per_second": count / took,
        "seconds": took,
        "cpu_us": (time.process_time() - cpu) / count * 1e6,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def aikynetix_get(url: str) -> Get:
    """The facade."""
    from aikynetix import Aikynetix

    return Aikynetix(api_key=KEY, base_url=url).analyzed_videos.get


def raw_get(url: str) -> Get:
    """The generated function, on the facade's pool."""
    from aikynetix_api.api.analyzed_videos import get_analyzed_video

    from aikynetix import Aikynetix

    client = Aikynetix(api_key=KEY, base_url=url).raw
    return lambda session: get_analyzed_video.sync(session, client=client)


def httpx_get(url: str) -> Get:
    """The measure of the others."""
    import httpx

    client = httpx.Client(base_url=url, headers={"API-KEY": KEY})
    return lambda session: client.get(PATH.format(session)).json()[FIELD]


def requests_get(url: str) -> Get:
    """The library of that name."""
    requests = import_module("requests")

    client = requests.Session()
    client.headers["API-KEY"] = KEY
    return lambda session: client.get(url + PATH.format(session)).json()[FIELD]


def openai_get(url: str) -> Get:
    """A large SDK on httpx, asked for a path of ours."""
    client = import_module("openai").OpenAI(api_key=KEY, base_url=url)
    return lambda session: client.get(PATH.format(session), cast_to=object)[FIELD]


def stripe_get(url: str) -> Get:
    """A large SDK on requests, asked for a path of ours."""
    stripe = import_module("stripe")
    client = stripe.StripeClient(KEY, base_addresses={"api": url}, http_client=stripe.RequestsClient())
    return lambda session: client.raw_request("get", PATH.format(session)).data


def pyreqwest_get(url: str) -> Get:
    """A client in Rust."""
    client = import_module("pyreqwest.client").SyncClientBuilder().default_headers({"API-KEY": KEY}).build()
    return lambda session: client.get(url + PATH.format(session)).build().send().json()[FIELD]


async def aikynetix_aget(url: str, _in_flight: int) -> AsyncGet:
    """The facade."""
    from aikynetix import AsyncAikynetix

    return AsyncAikynetix(api_key=KEY, base_url=url, timeout=60).analyzed_videos.get


async def httpx_aget(url: str, _in_flight: int) -> AsyncGet:
    """The measure of the others."""
    import httpx

    client = httpx.AsyncClient(base_url=url, headers={"API-KEY": KEY}, timeout=60)

    async def get(session: str) -> object:
        return (await client.get(PATH.format(session))).json()[FIELD]

    return get


async def httpx_aiohttp_aget(url: str, in_flight: int) -> AsyncGet:
    """Httpx over aiohttp."""
    import httpx

    httpx_aiohttp = import_module("httpx_aiohttp")

    transport = httpx_aiohttp.AiohttpTransport(limits=httpx.Limits(max_connections=in_flight))
    client = httpx.AsyncClient(base_url=url, headers={"API-KEY": KEY}, timeout=60, transport=transport)

    async def get(session: str) -> object:
        return (await client.get(PATH.format(session))).json()[FIELD]

    return get


async def httpx_pyreqwest_aget(url: str, _in_flight: int) -> AsyncGet:
    """Httpx over pyreqwest."""
    import httpx

    transport = import_module("pyreqwest.compatibility.httpx").HttpxTransport()
    client = httpx.AsyncClient(base_url=url, headers={"API-KEY": KEY}, timeout=60, transport=transport)

    async def get(session: str) -> object:
        return (await client.get(PATH.format(session))).json()[FIELD]

    return get


async def aiohttp_aget(url: str, in_flight: int) -> AsyncGet:
    """The library of that name."""
    aiohttp = import_module("aiohttp")

    client = aiohttp.ClientSession(headers={"API-KEY": KEY}, connector=aiohttp.TCPConnector(limit=in_flight))

    async def get(session: str) -> object:
        async with client.get(url + PATH.format(session)) as response:
            return (await response.json())[FIELD]

    return get


def sequential(name: str, url: str, count: int) -> dict[str, float]:
    """Look up ``count`` sessions one after the other."""
    get: Get = globals()[f"{name}_get"](url)
    for number in range(20):
        get(f"warm-{number}")
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        get(f"session-{number}")
    return measured(count, began, cpu)


async def concurrent(name: str, url: str, count: int, in_flight: int) -> dict[str, float]:
    """Look up ``count`` sessions, ``in_flight`` at a time."""
    get: AsyncGet = await globals()[f"{name}_aget"](url, in_flight)
    await get("warm")
    sessions = iter(range(count))

    async def work() -> None:
        for number in sessions:
            await get(f"session-{number}")

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return measured(count, began, cpu)


def growing(url: str, count: int) -> dict[str, float]:
    """Look up ``count`` sessions and say how much memory stayed behind after the first tenth."""
    from pathlib import Path

    def resident() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

    get = aikynetix_get(url)
    for number in range(count // 10):
        get(f"warm-{number}")
    before = resident()
    for number in range(count):
        get(f"session-{number}")
    return {"growth_mib": resident() - before, "resident_mib": resident()}


def download(url: str, path: str) -> dict[str, float]:
    """Save one video, with nothing set."""
    from aikynetix import Aikynetix

    client = Aikynetix(api_key=KEY, base_url=url)
    began, cpu = time.perf_counter(), time.process_time()
    done = client.analyzed_videos.download("session", path, overwrite=True)
    return measured(1, began, cpu) | {"size": done.size}


def one_stream(url: str, path: str) -> dict[str, float]:
    """Save one video over one connection."""
    from aikynetix import Aikynetix

    client = Aikynetix(api_key=KEY, base_url=url)
    began, cpu = time.perf_counter(), time.process_time()
    done = client.analyzed_videos.download("session", path, overwrite=True, connections=1)
    return measured(1, began, cpu) | {"size": done.size}


def main(arguments: list[str]) -> dict[str, Any]:
    """Run what the command line asks for."""
    match arguments:
        case ["sequential", name, url, count]:
            return sequential(name, url, int(count))
        case ["concurrent", name, url, count, in_flight]:
            return asyncio.run(concurrent(name, url, int(count), int(in_flight)))
        case ["growing", url, count]:
            return growing(url, int(count))
        case ["download", url, path]:
            return download(url, path)
        case ["one-stream", url, path]:
            return one_stream(url, path)
        case _:
            raise SystemExit(f"what is {arguments}?")


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
