"""Finding what the facade needs in whatever the vendor publishes: operations, server, credentials, video address."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from scripts.regen._document import RefusedError, resolve
from scripts.regen._names import identifier, normalize_name
from scripts.regen._operations import PARAMETER_IN_PATH
from scripts.regen._rules import (
    DOCUMENTED_ORIGIN,
    NEUTRAL_WORDS,
    NO_SESSIONS,
    NOT_FOR_PROGRAMS,
    RULES,
    TOKEN_PREFIXES,
    UNMISTAKABLE,
    VIDEO_URL_NAMES,
    Rule,
)  # fmt: skip
from scripts.regen._schemas import variants

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from scripts.regen._document import Json
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import AllOfMerger


def find_operations(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    """Find candidates for each facade operation: by the shape of the path, else by the vendor's identifier."""
    found: dict[str, list[Operation]] = {}
    ours = [one for one in operations if not _is_about_another_thing(one)]
    for rule in RULES:
        shape, known = _segments(rule.shape), {normalize_name(name) for name in rule.operation_ids}
        shaped = [one for one in ours if _segments(one.path)[-len(shape) :] == shape]
        called = [one for one in ours if normalize_name(one.identifier) in known]
        found[rule.name] = _best(shaped, rule) or _best(called, rule)
    return found


def _best(candidates: Sequence[Operation], rule: Rule) -> list[Operation]:
    for method in rule.methods:
        fitting = [one for one in candidates if one.method.lower() == method]
        fitting = [one for one in fitting if len(one.path_parameters) == 1] or fitting
        fitting = [one for one in fitting if _segments(one.path) == _segments(rule.home)] or fitting
        if fitting:  # the same path with and without a slash at its end, or another parameter's name, is one
            known = [one for one in fitting if one.path.endswith("/") == rule.home.endswith("/")] or fitting
            return known[:1] if len({one.bare_path.rstrip("/") for one in fitting}) == 1 else fitting
    return []


def _is_about_another_thing(operation: Operation) -> bool:
    """Tell whether what would be the session in the path, its last parameter, is no session."""
    last = normalize_name("".join(operation.path_parameters[-1:]))
    return last.removesuffix("id").removesuffix("uu") in NO_SESSIONS


def _segments(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    return ["{}" if PARAMETER_IN_PATH.fullmatch(part) else normalize_name(part).removesuffix("s") for part in parts]


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


_AUTHORIZATION = ("header", "authorization")
_LOCATIONS = ("header", "cookie", "query")
# What a key in a header or cookie can be called (RFC 9110, section 5.6.2), but for what HTTP itself says there.
_KEY_NAME = re.compile(
    r"(?i)(?!(host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|cookie|accept-encoding)$)"
    r"[!#$%&'*+.^_`|~0-9a-z-]+"
)
_PREFIXES = {prefix.lower(): f"{prefix} " for prefix in TOKEN_PREFIXES}
_TOKEN_WORDS = "|".join(TOKEN_PREFIXES)
# How descriptions tell what stands before a token: `Bearer <token>`, `prefix "Token"`, `Authorization: JWT x`.
_PREFIX = re.compile(
    rf"\b({_TOKEN_WORDS})\s+[<{{\[]|\bprefix\W{{1,4}}({_TOKEN_WORDS})\b|\bAuthorization\W{{1,4}}({_TOKEN_WORDS})\s",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Credentials:
    """Where credentials go."""

    # Location (header, query or cookie) and name of the API key, None when the vendor takes none.
    api_key: tuple[str, str] | None
    bearer: tuple[str, str] | None  # header and prefix of a bearer token, None when the vendor takes none
    key_schemes: frozenset[str] = frozenset()  # names of the schemes that this API key fulfils
    bearer_schemes: frozenset[str] = frozenset()  # names of the schemes that this token fulfils
    schemes: Mapping[str, Json] = field(default_factory=dict)  # the vendor's, by their names


def suffices(schemes: Collection[str], operation: Operation) -> bool:
    """Tell whether one of some schemes is enough by itself for an operation: the facade sends one credential."""
    requirements = operation.security or []
    if not requirements or {} in requirements:
        return bool(schemes)
    return any(len(one) == 1 and next(iter(one)) in schemes for one in requirements)


def find_credentials(spec: Json, operations: Sequence[Operation]) -> Credentials:
    """Find the API key and the bearer token that most of the given operations accept.

    Of several keys that as many accept the one wins that is called a key.
    """
    schemes = _schemes(spec)
    locations = {name: location for name in schemes if (location := _key_location(schemes[name])) is not None}
    prefixes = {name: prefix for name in schemes if (prefix := _token_prefix(schemes[name])) is not None}
    in_authorization = {name for name, (where, key) in locations.items() if (where, key.lower()) == _AUTHORIZATION}

    def use(name: str) -> int:
        return sum(suffices({name}, operation) for operation in operations)

    names = [name for name in schemes if use(name) or not operations]
    keys = [name for name in names if name in locations and name not in in_authorization]
    bearers = [name for name in names if name in prefixes]
    if bearers and not keys:
        keys = [name for name in names if name in in_authorization]
    elif not bearers:
        bearers = [name for name in names if name in in_authorization]
        prefixes |= {name: _described_prefix(schemes[name]) for name in bearers}

    key = min(keys, key=lambda name: (-use(name), "key" not in normalize_name(locations[name][1])), default=None)
    bearer = min(bearers, key=lambda name: (-use(name), prefixes[name] != "Bearer "), default=None)
    return Credentials(
        api_key=None if key is None else locations[key],
        bearer=None if bearer is None else ("Authorization", prefixes[bearer]),
        key_schemes=frozenset(name for name in locations if key and locations[name] == locations[key]),
        bearer_schemes=frozenset(name for name in prefixes if bearer and prefixes[name] == prefixes[bearer]),
        schemes=schemes,
    )


def _schemes(spec: Json) -> dict[str, Json]:
    stated = (spec.get("components") or {}).get("securitySchemes") or {}
    return {name: resolve(spec, one, f"`components.securitySchemes.{name}`") for name, one in stated.items()}


def check_schemes(spec: Json, operations: Sequence[Operation]) -> None:
    """Refuse a document that asks for a credential without describing it."""
    schemes = _schemes(spec)
    for operation in operations:
        for name in (name for one in operation.security or [] for name in one if name not in schemes):
            raise RefusedError(
                f"The `security` of {operation.label} names the scheme `{name}`, which `components.securitySchemes` "
                "does not have. Ask the vendor for a complete document, or add the scheme as the prose describes it."
            )


def _token_prefix(scheme: Json) -> str | None:
    """Return what stands before a token in `Authorization`, None when the scheme is clearly none for tokens."""
    kind, name = (str(scheme.get(key)).lower() for key in ("type", "scheme"))
    return "Bearer " if kind in ("oauth2", "openidconnect") else _PREFIXES.get(name) if kind == "http" else None


def _described_prefix(scheme: Json) -> str:
    """Return what stands before the value of an API key in `Authorization`, which only the description can tell."""
    match = _PREFIX.search(str(scheme.get("description", "")))
    return _PREFIXES[next(filter(None, match.groups())).lower() if match else "bearer"]


def _key_location(scheme: Json) -> tuple[str, str] | None:
    location, name = scheme.get("in"), str(scheme.get("name") or "")
    if str(scheme.get("type")).lower() != "apikey" or location not in _LOCATIONS or not name.strip():
        return None
    can_be_sent = location == "query" or _KEY_NAME.fullmatch(name)
    return (location, name) if can_be_sent and normalize_name(name) not in NOT_FOR_PROGRAMS else None


JsonPath = tuple[str, ...]  # keys that lead to a value in a response

_MAX_URL_DEPTH = 4
_MAX_PLACES = 5_000
GENERIC = VIDEO_URL_NAMES.index("url")
"""The rank of a path whose name says no more than that an address stands there."""
_NEUTRAL = re.compile(f"(?:{'|'.join(NEUTRAL_WORDS)})*")
_ADDRESSES = ("url", "uri", "link", "href")
# Words of which one in a name says that the address is of what was made of the video, and not of the video as it came.
_OF_ANALYSIS = re.compile("analy[sz]|annotat|overlay|process|render|result|output")
# Formats of text that is no address, or only a part of one.
_OTHER_FORMATS = frozenset(
    {"byte", "binary", "uuid", "date", "date-time", "time", "duration", "email", "uri-reference", "iri-reference"}
)


def _outermost(paths: list[JsonPath]) -> JsonPath | None:
    """Return the path with the fewest keys, None where it is not the only one; of two spellings Python's counts."""
    in_order = sorted(paths, key=lambda path: [identifier(key) == key for key in path])
    spelled = {tuple(map(normalize_name, path)): path for path in in_order}  # the last one of a name
    first, *more = sorted(spelled.values(), key=len) or [()]
    return first if first and (not more or len(more[0]) > len(first)) else None


def video_url_paths(merger: AllOfMerger, operation: Operation) -> tuple[JsonPath, ...]:
    """Find where the address of the video stands in the success responses; empty when nowhere or not clearly.

    Responses and variants of one may have it in different paths, which are all read, the best named first. Two are no
    address of the video where there is a better name: what a 202 holds, and what one variant of a response calls `url`
    and nothing else. A response that has nothing but such a `url` where another has a better name is not clear.
    """
    shapes: list[tuple[int, bool, list[JsonPath]]] = []  # how well named, whether only taken on (202), and the paths
    documented = any(status.startswith("2") for status in operation.responses)
    for status, response in operation.responses.items():
        is_success = status.startswith("2") or (status == "default" and not documented)
        # Which of several kinds of JSON the server sends is its choice.
        for kind in filter(is_json, response["content"]) if is_success else ():
            schema = response["content"][kind].get("schema", {})
            responses = [_shape(merger, one) for one in merger.alternatives(schema) or [schema]]
            found = [(rank, status == "202", paths) for rank, paths in responses if rank >= 0]
            shapes.extend([one for one in found if one[0] != GENERIC] or found)
    best = min((rank for rank, _, _ in shapes), default=0)
    chosen = sorted((one for one in shapes if one[0] == best or not one[1]), key=lambda one: one[0])
    if any(not paths or (best < rank == GENERIC) for rank, _, paths in chosen):
        return ()
    return tuple(dict.fromkeys(path for _, _, paths in chosen for path in paths))


def _shape(merger: AllOfMerger, schema: Any) -> tuple[int, list[JsonPath]]:
    """Return how well a response names the address, -1 where it does not, and the paths to read; none if unclear."""
    ranks: dict[JsonPath, int] = {}  # of paths that are text
    deprecated, addresses, seen = set[JsonPath](), set[JsonPath](), set[tuple[str, JsonPath]]()
    left: deque[tuple[Any, JsonPath]] = deque([(schema, ())])
    # From the outside in, so that what many models that hold each other leave out is far from where an address stands.
    while left and len(seen) < _MAX_PLACES:
        one, path = left.popleft()
        key = (json.dumps(one, sort_keys=True), path)
        if key in seen or one is False:
            continue
        seen.add(key)
        flat = merger.target(one)
        if _is_text(flat) and (rank := rank_of(path)) is not None:
            ranks[path] = rank
        if flat.get("deprecated") is True or (isinstance(one, dict) and one.get("deprecated") is True):
            deprecated.add(path)
        left.extend((variant, path) for variant in variants(flat))
        fields = (flat.get("properties") or {}) if len(path) < _MAX_URL_DEPTH else {}
        left.extend((child, (*path, name)) for name, child in fields.items())
        addresses |= {(*path, name) for name in fields if normalize_name(name).endswith(_ADDRESSES)}
    return (min(ranks.values()), _clear(ranks, deprecated, addresses)) if ranks else (-1, [])


def _clear(ranks: dict[JsonPath, int], deprecated: set[JsonPath], addresses: set[JsonPath]) -> list[JsonPath]:
    """List the paths to read, first the ones that count most; empty when they are not clear."""
    rank = min(ranks.values())
    best = [path for path in ranks if ranks[path] == rank]
    path = _outermost(best)
    if path is None:
        return []
    others = addresses - {path}
    if rank == GENERIC and any(one[:-1] == path[:-1] for one in others):
        return []  # a mere `url` beside another address is anything's
    if rank >= len(UNMISTAKABLE) and any(map(_is_of_analysis, others)) and not _is_of_analysis(path):
        return []  # beside an `overlay_url` a `video_url` may well be the recording
    # What is text in one alternative may hold the text in another: looked for first, for text has no keys.
    inside = [one for one in best if one != path and one[: len(path)] == path]
    left = [one for one in ranks if one[: len(path)] != path and ranks[one] != GENERIC]
    best_left = min((ranks[one] for one in left), default=0)
    heir = _outermost([one for one in left if ranks[one] == best_left]) if path in deprecated else None
    held = _outermost(inside)
    return [one for one in (held, path, heir) if one is not None] if held or not inside else []


def _is_text(flat: Json) -> bool:
    if flat.get("not") == {} or flat.get("enum") == [None] or flat.get("writeOnly") is True:
        return False
    is_shaped = variants(flat) or "properties" in flat
    return flat.get("type") in (None, "string") and not is_shaped and flat.get("format") not in _OTHER_FORMATS


def rank_of(path: JsonPath) -> int | None:
    """Return how well a path is named, 0 the best; None when it is named after something else."""
    if not path:
        return None
    *around, last = path
    own, whole = normalize_name(last), normalize_name("".join(path))
    if own in ("url", "href") and (held := rank_of(tuple(around))) is not None:
        return held  # what was the address itself is an object now, which holds it
    for rank, name in enumerate(VIDEO_URL_NAMES):
        if name in UNMISTAKABLE and own == name:
            return rank
        if name == "url" and own != name:
            break  # an address of anything, unless it is called just that
        if whole.endswith(name) and _NEUTRAL.fullmatch(whole.removesuffix(name)):
            return rank
    return None


def _is_of_analysis(path: JsonPath) -> bool:
    return _OF_ANALYSIS.search(normalize_name("".join(path))) is not None
