"""Finding the OpenAPI fragments in a documentation page and merging any number of them into one document."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from scripts.regen._document import PROSE_KEYS, pointers, without_prose
from scripts.regen._load import METHODS, Json, check_document, parse_text, without_comments
from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DATA_LANGUAGES = {"", "json", "json5", "jsonc", "yaml", "yml", "openapi", "openapi+json", "openapi+yaml", "text"}
_ORDER = ("openapi", "jsonSchemaDialect", "info", "servers", "security", "tags", "components", "paths", "webhooks")
_VERSION = re.compile(r"""(?m)(^|[{,]\s*)["']?(openapi|swagger)["']?\s*:\s*["']?\d""")
_MAPS_OF_NAMES = ("components", "paths", "webhooks")
# What GitBook writes where an operation stands in a file, such as `{% openapi src="..." path="/a" method="get" %}`.
_POINTER = re.compile(r"""\{%-?\s*(?:openapi|swagger)[\w-]*\s[^%]*?\b(?:src|spec)\s*=\s*["']([^"']+)""")
# Code stands in blocks alone, and what the words within a paragraph are is more work than finding them.
_BLOCKS = MarkdownIt("commonmark").disable("inline")


Fragment = tuple[str, Json]
"""One OpenAPI document found in a page, behind where it stands, for messages: the page and the line of its fence."""


def find_fragments(page: str, name: str) -> list[Fragment]:
    """Find every OpenAPI document, in JSON or YAML, in the fences of a Markdown page; a whole file is one."""
    blocks = list(_fenced(page))
    if not blocks and (pointed := _POINTER.search(page)):
        raise RefusedError(
            f"{name} has no OpenAPI in it, only a block that points at a file (`{pointed[1][:300]}`): give that file "
            "or its address in place of the page."
        )
    if not blocks and _looks_like_openapi(page):
        blocks = [(1, page)]
    if not blocks:
        raise RefusedError(
            f"{name} has no OpenAPI fragment: no block of JSON or YAML code with an `openapi` key. Give the Markdown "
            "of an API page (many documentation sites give it at the address with `.md` at its end)."
        )
    found = [(f"{name}, line {line}", text) for line, text in blocks]
    return [(origin, check_document(parse_text(text, origin), origin)) for origin, text in found]


def _fenced(page: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of the blocks of code in Markdown that look like OpenAPI."""
    for token in _BLOCKS.parse(page):
        language = (token.info.split() or [""])[0].lower().strip("{}.")
        if token.type == "fence" and language in _DATA_LANGUAGES and _looks_like_openapi(token.content):
            yield (token.map or [0])[0] + 1, token.content


def _looks_like_openapi(text: str) -> bool:
    return _VERSION.search(without_comments(text)) is not None


def merge_fragments(fragments: Sequence[Fragment]) -> Json:
    """Merge fragments into one document; what they say twice must be the same but for words, of which the first stay.

    What a fragment says of credentials, and of the parameters of a path, is about its own operations.
    """
    merged: Json = {}
    origins: dict[tuple[str, ...], str] = {}
    for origin, content in fragments:
        _merge(merged, content if len(fragments) == 1 else _with_own(content), origin, origins)
    if not merged.get("paths"):
        raise RefusedError("The pages describe no operation, only models; add the pages of the operations.")
    if len(fragments) > 1:
        _say_once(merged)
    return {key: merged[key] for key in dict.fromkeys((*_ORDER, *merged)) if key in merged}


def _with_own(content: Json) -> Json:
    """Give the operations of a fragment what it says for all of them, and for all of their path."""
    paths = dict(content.get("paths") or {})
    for path, item in paths.items():
        shared = _parameters(item)
        own = {method: one for method, one in _operations(item) if isinstance(one, dict)}
        for method, operation in own.items():
            own[method] = {**operation, "security": operation.get("security", content.get("security", []))}
            if parameters := [*shared, *_parameters(operation)]:
                unique = {json.dumps([one.get(key) for key in ("$ref", "in", "name")]): one for one in parameters}
                own[method]["parameters"] = list(unique.values())
        if own:
            paths[path] = {**{key: one for key, one in item.items() if key != "parameters"}, **own}
    kept = {key: value for key, value in content.items() if key != "security"}
    return {**kept, "paths": paths} if paths else kept


def _operations(item: Any) -> list[tuple[str, Any]]:
    return [(key, one) for key, one in item.items() if key in METHODS] if isinstance(item, dict) else []


def _parameters(owner: Any) -> list[Json]:
    stated = owner.get("parameters") if isinstance(owner, dict) else ()
    return [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []


def _say_once(merged: Json) -> None:
    """State for all of the document which credentials most operations ask for, and leave it out of those."""
    operations = [one for item in merged["paths"].values() for _, one in _operations(item) if isinstance(one, dict)]
    ways = Counter(_requirements(one["security"]) for one in operations)
    most = max(ways, key=lambda one: ways[one], default="")
    for one in operations:
        if _requirements(one["security"]) == most and (security := one.pop("security")):
            merged.setdefault("security", security)


def _requirements(security: Any) -> str:
    """Write what a `security` asks for in one way, whatever the order of its alternatives."""
    is_list = isinstance(security, list)
    return json.dumps(sorted(json.dumps(one, sort_keys=True) for one in security) if is_list else security)


def _merge(
    merged: Json, content: Json, origin: str, origins: dict[tuple[str, ...], str], place: tuple[str, ...] = ()
) -> None:
    """Add what a fragment says; what components, paths and webhooks name is merged one by one."""
    for key, value in content.items():
        here, known = (*place, key), merged.get(key, {})
        is_map = here[0] in _MAPS_OF_NAMES and len(here) < 3
        if is_map and isinstance(value, dict) and isinstance(known, dict):
            _merge(merged.setdefault(key, {}), value, origin, origins, here)
        elif key not in merged:
            merged[key], origins[here] = value, origin
        elif here == ("openapi",) and known[:3] == value[:3]:
            merged[key] = max(known, value)  # patches of one version say the same
        elif here == ("tags",) and isinstance(known, list) and isinstance(value, list):
            merged[key] = [*known, *(one for one in value if without_prose(one) not in without_prose(known))]
        elif not (here[0] == "paths" and key in PROSE_KEYS):
            _check_same(known, value, here, (origins.get(here, "one page"), origin))


def _check_same(one: Any, other: Any, place: tuple[str, ...], origins: tuple[str, str]) -> None:
    difference = next(pointers(_comparable(one), _comparable(other)), None)
    if difference is not None:
        is_operation = place[0] == "paths" and place[-1] in METHODS
        what = f"The operation {place[-1].upper()} {place[1]}" if is_operation else f"`{'.'.join(place)}`"
        raise RefusedError(
            f"{what} is described twice with different content: in {origins[0]} and in {origins[1]}, first difference "
            f"at `{difference}`. The pages contradict each other; nothing was written."
        )


def _comparable(item: Any) -> Any:
    if isinstance(item, dict) and "security" in item:
        item = {**item, "security": _requirements(item["security"])}
    return without_prose(item)
