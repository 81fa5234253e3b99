"""Finding the facade's operations and the address they are at in whatever the vendor publishes."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from scripts.regen._names import folded
from scripts.regen._operations import PARAMETER_IN_PATH
from scripts.regen._rules import DOCUMENTED_ORIGIN, NO_SESSIONS, RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation


def find_operations(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    """Find candidates for each facade operation: by the shape of the path, else by the vendor's identifier."""
    found: dict[str, list[Operation]] = {}
    ours = [one for one in operations if not _is_about_another_thing(one)]
    for rule in RULES:
        shape, known = [_segment(part) for part in rule.shape], {folded(name) for name in rule.operation_ids}
        shaped = [one for one in ours if _segments(one.path)[-len(shape) :] == shape]
        found[rule.name] = _best(shaped, rule) or _best([one for one in ours if folded(one.identifier) in known], rule)
    return found


def _best(candidates: Sequence[Operation], rule: Rule) -> list[Operation]:
    home, known = _segments(rule.home), {folded(name) for name in rule.operation_ids}
    preferences: list[Callable[[Operation], bool]] = [
        lambda one: not one.deprecated,
        lambda one: len(one.path_parameters) == 1,
        lambda one: _segments(one.path) == home,
        lambda one: folded(one.identifier) in known,
    ]
    for method in rule.methods:
        fitting = [one for one in candidates if one.method.lower() == method]
        for is_better in preferences:
            fitting = [one for one in fitting if is_better(one)] or fitting
        if fitting:  # the same path with and without a slash at its end, or another parameter's name, is one
            paths = {PARAMETER_IN_PATH.sub("{}", one.path).rstrip("/") for one in fitting}
            return fitting[:1] if len(paths) == 1 else fitting
    return []


def _is_about_another_thing(operation: Operation) -> bool:
    """Tell whether what would be the session in the path (after `sessions`, else the last parameter) is no session."""
    parts = [part for part in operation.path.split("/") if part]
    held = [part for before, part in itertools.pairwise(parts) if _segment(before) == "session"]
    names = [match[1] for part in held if (match := PARAMETER_IN_PATH.match(part))] or operation.path_parameters[-1:]
    return bool(names) and folded(names[0]).removesuffix("id").removesuffix("uu") in NO_SESSIONS


def _segments(path: str) -> list[str]:
    return [_segment(part) for part in path.split("/") if part]


def _segment(part: str) -> str:
    return "{}" if PARAMETER_IN_PATH.fullmatch(part) else folded(part).removesuffix("s")


def is_json(kind: str) -> bool:
    """Tell whether a media type (or media range) is JSON: `application/json`, `*+json` (RFC 6839), `*/*`."""
    bare = kind.split(";", maxsplit=1)[0].strip().lower()
    return bare in ("application/json", "text/json", "*/*", "application/*") or bare.endswith("+json")


# `api.example.com/v2`, and not `v2` or `v1.5/beta`: a name with dots whose last part is letters alone.
_HOST_ALONE = re.compile(r"[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,}(:\d+)?(/|$)")
_NO_ADDRESS = re.compile(r"""[{}<>"\\^`|\s]""")  # characters that may not stand in one (RFC 3986, section 2)
_OWN_MACHINE = ("localhost", "127.0.0.1", "::1")


def base_url(servers: Sequence[Json]) -> str | None:
    """Return the first usable server's address, absolute, without a slash at its end.

    Templates are filled with their defaults (OpenAPI 3.1.1, section 4.8.5), relative addresses are resolved. Plain
    http is usable for loopback only, because the facade sends no credentials over it.
    """
    usable = [address for server in servers or [{"url": "/"}] if (address := _usable(server)) is not None]
    # Frameworks list a developer's own machine, often first; it is meant only where it stands alone.
    return min(usable, key=lambda address: urlsplit(address).hostname in _OWN_MACHINE, default=None)


def _usable(server: Json) -> str | None:
    address = server.get("url")
    if not isinstance(address, str):
        return None
    for name, variable in (server.get("variables") or {}).items():
        value = variable.get("default", next(iter(variable.get("enum") or ()), None))
        address = address if value is None else address.replace("{" + name + "}", str(value))
    address = address.strip()
    # By the rules a host alone is a path on the documented host, which nobody means who writes it.
    if _HOST_ALONE.match(address) or _NO_ADDRESS.search(address) or not address.isprintable():
        return None
    try:
        parts = urlsplit(urljoin(DOCUMENTED_ORIGIN + "/", address))
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _OWN_MACHINE)
    if not host or not secure or parts.query or parts.fragment or parts.username:
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
