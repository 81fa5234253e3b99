"""Finding the facade's operations, its models and its credentials in whatever the vendor publishes."""

from __future__ import annotations

import itertools
import json
import re
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from scripts.regen._flatten import variants
from scripts.regen._names import folded
from scripts.regen._rules import DOCUMENTED_ORIGIN, NEUTRAL_WORDS, RULES, UNMISTAKABLE, VIDEO_URL_NAMES, Rule
from scripts.regen._stated_paths import PARAMETER_IN_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import ModelBook

Place = tuple[str, ...]  # keys that lead to a value in an answer

_MAX_URL_DEPTH = 4
_MAX_SHAPES = 200
_MAX_PLACES = 5_000


def find_operations(operations: Sequence[Operation]) -> dict[str, list[Operation]]:
    """Find the candidates for each facade operation: one is the answer, none or several are a finding.

    An operation is recognized by the shape of its path, or, when no path has the shape, by the vendor's identifier.
    """
    found: dict[str, list[Operation]] = {}
    for rule in RULES:
        shaped = [one for one in operations if _has_shape(one.path, rule.shape)]
        named = [one for one in operations if folded(one.identifier) in {folded(name) for name in rule.operation_ids}]
        found[rule.name] = _best(shaped, rule) or _best(named, rule)
    return found


def _best(candidates: Sequence[Operation], rule: Rule) -> list[Operation]:
    for method in rule.methods:
        fitting = [one for one in candidates if one.method.lower() == method]
        if len(fitting) > 1:
            # Two versions side by side: the one that is not on its way out, then the newest path.
            fitting = [one for one in fitting if not one.deprecated] or fitting
        for is_better in (_needs_only_a_session, _is_where_it_was(rule), _has_its_identifier(rule)):
            if len(fitting) > 1:
                fitting = [one for one in fitting if is_better(one)] or fitting
        if len({PARAMETER_IN_PATH.sub("{}", one.path).rstrip("/") for one in fitting}) == 1:
            return fitting[:1]  # the same path with and without a slash at its end, or with another parameter's name
        if fitting:
            return fitting
    return []


def _needs_only_a_session(operation: Operation) -> bool:
    return len(operation.path_parameters) == 1


def _is_where_it_was(rule: Rule) -> Callable[[Operation], bool]:
    wanted = [_segment(part) for part in rule.home.split("/") if part]
    return lambda operation: [_segment(part) for part in operation.path.split("/") if part] == wanted


def _has_its_identifier(rule: Rule) -> Callable[[Operation], bool]:
    known = {folded(name) for name in rule.operation_ids}
    return lambda operation: folded(operation.identifier) in known


def _has_shape(path: str, shape: Sequence[str]) -> bool:
    parts = [part for part in path.split("/") if part]
    if len(parts) < len(shape):
        return False
    return all(_segment(part) == _segment(wanted) for part, wanted in zip(parts[-len(shape) :], shape, strict=True))


def _segment(part: str) -> str:
    if PARAMETER_IN_PATH.fullmatch(part):
        return "{}"
    return folded(part).removesuffix("s")


def session_parameter(operation: Operation) -> str | None:
    """Return the path parameter that holds the session: the one after `sessions`, else the last one."""
    parts = [part for part in operation.path.split("/") if part]
    for before, part in itertools.pairwise(parts):
        match = PARAMETER_IN_PATH.match(part)
        if match and _segment(before) == "session":
            return match[1]
    names = operation.path_parameters
    return names[-1] if names else None


def json_schema(content: Json) -> Any:
    """Return the schema of a JSON media type among the contents of a body or response, None when there is none."""
    for kind, media in sorted(content.items(), key=lambda item: item[0] != "application/json"):
        if is_json(kind):
            return media.get("schema", {})
    return None


def is_json(kind: str) -> bool:
    """Tell whether a media type (or media range) is JSON: `application/json`, `*+json` (RFC 6839), `*/*`."""
    bare = kind.split(";", maxsplit=1)[0].strip().lower()
    return bare in ("application/json", "text/json", "*/*", "application/*") or bare.endswith("+json")


def video_url_places(book: ModelBook, operation: Operation) -> tuple[Place, ...]:
    """Find where the address of the video stands in the success answers; empty when nowhere or not clearly.

    Answers and variants of one may have it in different places, each as well named as the others; a worse name in
    another answer is something else.
    """
    best = [found for shape in _answers(book, operation) if (found := _best_places(book, shape))]
    rank = min((rank for found in best for rank, _ in found.values()), default=None)
    chosen = [found for found in best if rank in {number for number, _ in found.values()}]
    if any(len(found) > 1 for found in chosen):
        return ()
    return tuple(dict.fromkeys(place for found in chosen for place in found))


def answers_with_fields(book: ModelBook, operation: Operation) -> bool:
    """Tell whether any success answer is described as an object with named fields."""
    return any(book.target(one).schema.get("properties") for one in _answers(book, operation))


def _answers(book: ModelBook, operation: Operation) -> Iterator[Any]:
    """List the schemas of the success answers, alternatives each for itself."""
    documented = any(status.startswith("2") for status in operation.responses)
    for status, response in operation.responses.items():
        if status.startswith("2") or (status == "default" and not documented):
            schema = json_schema(response["content"])
            if schema is not None:
                yield from itertools.islice(_shapes(book, schema, 0), _MAX_SHAPES)


def _shapes(book: ModelBook, schema: Any, depth: int) -> Iterator[Any]:
    """List the alternatives of an answer, which have their places each for itself."""
    flat = book.target(schema).schema
    alternatives = variants(flat)
    if not alternatives or depth > _MAX_URL_DEPTH:
        yield schema
        return
    common = {key: value for key, value in flat.items() if key not in ("oneOf", "anyOf")}
    for variant in alternatives:
        yield from _shapes(book, {"allOf": [variant, common]}, depth + 1)


def _best_places(book: ModelBook, schema: Any) -> dict[Place, tuple[int, int]]:
    candidates: dict[Place, tuple[int, int]] = {}
    seen = set[tuple[str, Place]]()
    left: deque[tuple[Any, Place]] = deque([(schema, ())])
    # From the outside in, so that what many models that hold each other leave out is far from where an address stands.
    while left and len(seen) < _MAX_PLACES:
        one, place = left.popleft()
        key = (json.dumps(one, sort_keys=True), place)
        if key not in seen:
            seen.add(key)
            flat = book.target(one).schema
            if (rank := _rank_of(flat, place)) is not None:
                candidates[place] = (rank, len(place))
            left.extend(_inside(flat, place))
    best = min(candidates.values(), default=None)
    return {place: rank for place, rank in candidates.items() if rank == best}


def _rank_of(flat: Json, place: Place) -> int | None:
    is_text = flat.get("type") in (None, "string") and not variants(flat) and "properties" not in flat
    return _rank(place) if is_text else None


def _inside(flat: Json, place: Place) -> Iterator[tuple[Any, Place]]:
    yield from ((variant, place) for variant in variants(flat))
    properties = flat.get("properties")
    if isinstance(properties, dict) and len(place) < _MAX_URL_DEPTH:
        yield from ((child, (*place, name)) for name, child in properties.items())


def _rank(place: Place) -> int | None:
    """Return how well a place is named, 0 the best; None when it is named after something else."""
    if not place:
        return None
    *around, last = place
    own, whole = folded(last), folded("".join(place))
    if own in ("url", "href") and (held := _rank(tuple(around))) is not None:
        return held  # what was the address itself is an object now, which holds it
    for rank, name in enumerate(VIDEO_URL_NAMES):
        if name in UNMISTAKABLE and own == name:
            return rank
        if name == "url" and own != name:
            break  # an address of anything, unless it is called just that
        if own.endswith(name) and all(map(_is_neutral, (own.removesuffix(name), *around))):
            return rank
        if whole.endswith(name) and _is_neutral(whole.removesuffix(name)):
            return rank
    return None


# `api.example.com/v2`, and not `v2` or `v1.5/beta`: a name with dots whose last part is letters alone.
_HOST_ALONE = re.compile(r"[\w-]+(\.[\w-]+)*\.[^\W\d_]{2,}(:\d+)?(/|$)")
_NEUTRAL = re.compile(f"(?:{'|'.join(NEUTRAL_WORDS)})*")


def _is_neutral(text: str) -> bool:
    return _NEUTRAL.fullmatch(folded(text)) is not None


def base_url(servers: object) -> str | None:
    """Return the first usable server's address, absolute, without a slash at its end.

    Templates are filled with their defaults (OpenAPI 3.1.1, section 4.8.5), relative addresses are resolved. Plain
    http is usable for loopback only, because the facade sends no credentials over it.
    """
    stated = [one for one in servers if isinstance(one, dict)] if isinstance(servers, (list, tuple)) else []
    usable = [address for server in stated or [{"url": "/"}] if (address := _usable(server)) is not None]
    # Frameworks list a developer's own machine, often first; it is meant only where it stands alone.
    return next((address for address in usable if address.startswith("https:")), next(iter(usable), None))


def _usable(server: Json) -> str | None:
    address = _filled(server)
    if address is None:
        return None
    try:
        parts = urlsplit(urljoin(DOCUMENTED_ORIGIN + "/", address))
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in ("localhost", "127.0.0.1", "::1"))
    if not host or not secure or parts.query or parts.fragment or parts.username:
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def _filled(server: Json) -> str | None:
    address = server.get("url")
    if not isinstance(address, str):
        return None
    variables = server.get("variables")
    known = variables if isinstance(variables, dict) else {}
    for name in PARAMETER_IN_PATH.findall(address):
        variable = known.get(name)
        values = variable.get("enum") if isinstance(variable, dict) else None
        value = variable.get("default") if isinstance(variable, dict) else None
        if value is None and isinstance(values, list) and values:
            value = values[0]
        if value is None:
            return None
        address = address.replace("{" + name + "}", str(value))
    address = address.strip()
    if _HOST_ALONE.match(address):
        return None  # taken by the rules it is a path on the documented host, which nobody means who writes this
    # What may not stand in an address (RFC 3986, section 2) means that this is none.
    return (
        None if any(char in '{}<>"\\^`|' or char.isspace() or not char.isprintable() for char in address) else address
    )
