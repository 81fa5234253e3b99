"""Finding where the address of the video stands in whatever the vendor answers."""

from __future__ import annotations

import itertools
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripts.regen._find import is_json
from scripts.regen._flatten import variants
from scripts.regen._names import folded
from scripts.regen._rules import NEUTRAL_WORDS, UNMISTAKABLE, VIDEO_URL_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.regen._document import Json
    from scripts.regen._operations import Operation
    from scripts.regen._schemas import ModelBook

Place = tuple[str, ...]  # keys that lead to a value in an answer

_MAX_URL_DEPTH = 4
_MAX_SHAPES = 200
_MAX_PLACES = 5_000
GENERIC = VIDEO_URL_NAMES.index("url")
"""The rank of a place whose name says no more than that an address stands there."""
_NEUTRAL = re.compile(f"(?:{'|'.join(NEUTRAL_WORDS)})*")
_ADDRESSES = ("url", "uri", "link", "href")
# Words of which one in a name says that the address is of what was made of the video, and not of the video as it came.
_OF_ANALYSIS = re.compile("analy[sz]|annotat|overlay|process|render|result|output")
# Formats of text that is no address, or only a part of one.
_NO_ADDRESS = frozenset(
    {"byte", "binary", "uuid", "date", "date-time", "time", "duration", "email", "uri-reference", "iri-reference"}
)


@dataclass
class _Shape:
    """What one answer, or one alternative of it, says of addresses."""

    is_later: bool  # whether it only says that the work was taken on (202), so that an address in it may be another's
    ranks: dict[Place, int] = field(default_factory=dict)  # place to how well it is named
    deprecated: set[Place] = field(default_factory=set)  # places that are on their way out
    addresses: set[Place] = field(default_factory=set)  # places of addresses of anything

    @property
    def rank(self) -> int:
        """How well its best place is named."""
        return min(self.ranks.values(), default=GENERIC)

    def places(self) -> list[Place]:
        """List the places to read, first the ones that count most; empty when they are not clear."""
        best = [place for place, rank in self.ranks.items() if rank == self.rank]
        place, others = _outermost(best), self.addresses - {_outermost(best)}
        if place is None:
            return []
        if self.rank == GENERIC and any(one[:-1] == place[:-1] for one in others):
            return []  # a mere `url` beside another address is anything's
        if self.rank >= len(UNMISTAKABLE) and any(map(_is_of_analysis, others)) and not _is_of_analysis(place):
            return []  # beside an `overlay_url` a `video_url` may well be the recording
        # What is text in one alternative may hold the text in another: looked for first, for text has no keys.
        inside = [one for one in best if one != place and one[: len(place)] == place]
        left = [one for one in self.ranks if one[: len(place)] != place and self.ranks[one] != GENERIC]
        best_left = min((self.ranks[one] for one in left), default=0)
        heir = _outermost([one for one in left if self.ranks[one] == best_left]) if place in self.deprecated else None
        held = _outermost(inside)
        return [one for one in (held, place, heir) if one is not None] if held or not inside else []


def _outermost(places: list[Place]) -> Place | None:
    """Return the place with the fewest keys, None where it is not the only one."""
    first, *more = sorted(places, key=len) or [()]
    return first if first and (not more or len(more[0]) > len(first)) else None


def video_url_places(book: ModelBook, operation: Operation) -> tuple[Place, ...]:
    """Find where the address of the video stands in the success answers; empty when nowhere or not clearly.

    Answers and variants of one may have it in different places, which are all read, the best named first. Two are no
    address of the video where there is a better name: what a 202 holds, and what one variant of an answer calls `url`
    and nothing else. An answer that has nothing but such a `url` where another answer has a better name is not clear.
    """
    shapes: list[_Shape] = []
    documented = any(status.startswith("2") for status in operation.responses)
    for status, response in operation.responses.items():
        is_success = status.startswith("2") or (status == "default" and not documented)
        # Which of several kinds of JSON the server sends is its choice.
        kinds = sorted(
            (kind for kind in response["content"] if is_json(kind)), key=lambda kind: kind != "application/json"
        )
        for kind in kinds if is_success else ():
            schemas = itertools.islice(_alternatives(book, response["content"][kind].get("schema", {}), 0), _MAX_SHAPES)
            found = [one for schema in schemas if (one := _shape(book, schema, status == "202")).ranks]
            shapes.extend([one for one in found if one.rank != GENERIC] or found)
    best = min((shape.rank for shape in shapes), default=0)
    chosen = sorted((one for one in shapes if one.rank == best or not one.is_later), key=lambda one: one.rank)
    if any(not one.places() or (best < one.rank == GENERIC) for one in chosen):
        return ()
    return tuple(dict.fromkeys(place for one in chosen for place in one.places()))


def _alternatives(book: ModelBook, schema: Any, depth: int) -> Iterator[Any]:
    """List the alternatives of an answer, which have their places each for itself."""
    flat = book.target(schema)
    alternatives = variants(flat)
    if not alternatives or depth > _MAX_URL_DEPTH:
        yield schema
    common = {key: value for key, value in flat.items() if key not in ("oneOf", "anyOf")}
    for variant in alternatives if depth <= _MAX_URL_DEPTH else ():
        yield from _alternatives(book, {"allOf": [variant, common]}, depth + 1)


def _shape(book: ModelBook, schema: Any, is_later: bool) -> _Shape:
    shape = _Shape(is_later)
    seen = set[tuple[str, Place]]()
    left: deque[tuple[Any, Place]] = deque([(schema, ())])
    # From the outside in, so that what many models that hold each other leave out is far from where an address stands.
    while left and len(seen) < _MAX_PLACES:
        one, place = left.popleft()
        key = (json.dumps(one, sort_keys=True), place)
        if key in seen or one is False:
            continue
        seen.add(key)
        flat = book.target(one)
        if _is_text(flat) and (rank := rank_of(place)) is not None:
            shape.ranks[place] = rank
        if flat.get("deprecated") is True or (isinstance(one, dict) and one.get("deprecated") is True):
            shape.deprecated.add(place)
        left.extend((variant, place) for variant in variants(flat))
        fields = flat.get("properties") if len(place) < _MAX_URL_DEPTH else None
        for name, child in (fields or {}).items():
            left.append((child, (*place, name)))
            if folded(name).endswith(_ADDRESSES):
                shape.addresses.add((*place, name))
    return shape


def _is_text(flat: Json) -> bool:
    if flat.get("not") == {} or flat.get("enum") == [None] or flat.get("writeOnly") is True:
        return False
    is_shaped = variants(flat) or "properties" in flat
    return flat.get("type") in (None, "string") and not is_shaped and flat.get("format") not in _NO_ADDRESS


def rank_of(place: Place) -> int | None:
    """Return how well a place is named, 0 the best; None when it is named after something else."""
    if not place:
        return None
    *around, last = place
    own, whole = folded(last), folded("".join(place))
    if own in ("url", "href") and (held := rank_of(tuple(around))) is not None:
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


def _is_of_analysis(place: Place) -> bool:
    return _OF_ANALYSIS.search(folded("".join(place))) is not None


def _is_neutral(text: str) -> bool:
    return _NEUTRAL.fullmatch(folded(text)) is not None
