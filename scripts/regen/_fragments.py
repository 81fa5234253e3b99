"""Finding the OpenAPI fragments in a documentation page and merging any number of them into one document."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from scripts.regen._document import PROSE_KEYS, pointers, without_prose
from scripts.regen._load import Json, check_document, parse_text, without_comments
from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_DATA_LANGUAGES = {"", "json", "json5", "jsonc", "yaml", "yml", "openapi", "openapi+json", "openapi+yaml", "text"}
_ORDER = ("openapi", "jsonSchemaDialect", "info", "servers", "security", "tags", "components", "paths", "webhooks")
_MAPS_OF_NAMES = ("components", "paths", "webhooks")
# What GitBook writes where an operation stands in a file, such as `{% openapi src="..." path="/a" method="get" %}`.
_POINTER = re.compile(r"""\{%-?\s*(?:openapi|swagger)[\w-]*\s[^%]*?\b(?:src|spec)\s*=\s*["']([^"']+)""")
# Code stands in blocks alone, and what the words within a paragraph are is more work than finding them.
_BLOCKS = MarkdownIt("commonmark").disable("inline")


@dataclass(frozen=True)
class Fragment:
    """One OpenAPI document found in a page."""

    origin: str  # where it stands, for messages: the page and the line of its fence
    content: Json


def find_fragments(page: str, name: str) -> list[Fragment]:
    """Find every OpenAPI document, in JSON or YAML, in the fences of a Markdown page; a whole file is one."""
    blocks = list(_fenced(page))
    pointed = None if blocks else _POINTER.search(page)
    if pointed:
        raise RefusedError(
            f"{name} has no OpenAPI in it, only a block that points at a file (`{pointed[1][:300]}`): give that file "
            "or its address in place of the page."
        )
    if not blocks and _looks_like_openapi(page):
        blocks = [(1, page)]
    fragments = [
        Fragment(origin, check_document(parse_text(text, origin), origin, whole=False))
        for line, text in blocks
        if (origin := f"{name}, line {line}")
    ]
    if not fragments:
        raise RefusedError(
            f"{name} has no OpenAPI fragment: no block of JSON or YAML code with an `openapi` key. Give the Markdown "
            "of an API page (many documentation sites give it at the address with `.md` at its end)."
        )
    return fragments


def _fenced(page: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of the blocks of code in Markdown that look like OpenAPI."""
    for token in _BLOCKS.parse(page):
        language = (token.info.split() or [""])[0].lower().strip("{}.")
        if token.type == "fence" and language in _DATA_LANGUAGES and _looks_like_openapi(token.content):
            yield (token.map or [0])[0] + 1, token.content


def _looks_like_openapi(text: str) -> bool:
    return (
        re.search(r"""(?m)(^|[{,]\s*)["']?(openapi|swagger)["']?\s*:\s*["']?\d""", without_comments(text)) is not None
    )


def merge_fragments(fragments: Iterable[Fragment]) -> Json:
    """Merge fragments into one document; what they say twice must be the same but for words, of which the first stay.

    What a fragment says of credentials is about its own operations.
    """
    merged: Json = {}
    origins: dict[str, str] = {}
    # Models of their own come last: they have no operations that the document's `security` could be about.
    ordered = sorted(fragments, key=lambda one: not one.content.get("paths"))
    for fragment in ordered:
        for key, value in _with_own(fragment.content).items():
            _merge_key(merged, origins, fragment.origin, key, value)
    if not merged.get("paths"):
        raise RefusedError("The pages describe no operation, only models; add the pages of the operations.")
    _say_once(merged, stated="security" in ordered[0].content)
    known = [key for key in _ORDER if key in merged]
    return {key: merged[key] for key in [*known, *(key for key in merged if key not in known)]}


class _Inherited(list[Any]):
    """The `security` of an operation that only its fragment states."""


def _with_own(content: Json) -> Json:
    """Give the operations of a fragment what it says for all of them, and for all of their path."""
    usual = content.get("security") or ()
    paths: Json = {}
    for path, item in _items(content):
        paths[path] = {key: one for key, one in item.items() if key != "parameters"}
        shared = _parameters(item.get("parameters"))
        for method in item.keys() & set(METHODS):
            if isinstance(item[method], dict):
                operation = {**item[method], "security": item[method].get("security", _Inherited(usual))}
                if shared:
                    own = _parameters(operation.get("parameters"))
                    names = [(one.get("in"), one.get("name")) for one in own if "name" in one]
                    inherited = [one for one in shared if (one.get("in"), one.get("name")) not in names]
                    operation["parameters"] = [*inherited, *own]
                paths[path][method] = operation
    kept = {key: value for key, value in content.items() if key != "security"}
    return {**kept, "paths": {**kept["paths"], **paths}} if paths else kept


def _parameters(stated: Any) -> list[Json]:
    return [one for one in stated if isinstance(one, dict)] if isinstance(stated, list) else []


def _items(content: Json) -> Iterator[tuple[str, Json]]:
    return ((path, item) for path, item in (content.get("paths") or {}).items() if isinstance(item, dict))


def _say_once(merged: Json, *, stated: bool) -> None:
    """State for all of the document what most operations only inherited, and keep it from those that say the same."""
    operations = [one for _, item in _items(merged) for one in item.values() if isinstance(one, dict)]
    inheriting = [one for one in operations if isinstance(one.get("security"), _Inherited)]
    ways = Counter(_requirements(one["security"]) for one in inheriting)
    most = max(ways, key=lambda one: ways[one], default="")
    for one in inheriting:
        security = one.pop("security")
        if _requirements(security) != most:
            one["security"] = list(security)
        elif security or stated:
            merged.setdefault("security", list(security))


def _requirements(security: Any) -> str:
    """Write what a `security` asks for in one way, whatever the order of its alternatives."""
    stated = security if isinstance(security, list) else []
    return json.dumps(sorted(json.dumps(one, sort_keys=True) for one in stated))


def _merge_key(merged: Json, origins: dict[str, str], origin: str, key: str, value: Any) -> None:
    if key == "openapi" and key in merged:
        merged[key] = _newer_patch(merged[key], value, origins[key], origin)
    elif key in _MAPS_OF_NAMES and isinstance(value, dict):
        target = merged.setdefault(key, {})
        for name, item in value.items():
            if isinstance(item, dict):
                for part, content in item.items():
                    _keep_same(target.setdefault(name, {}), origins, origin, f"{key}.{name}", part, content)
            else:
                _keep_same(target, origins, origin, key, name, item)
    elif key == "tags" and isinstance(value, list):
        known = merged.setdefault(key, [])
        known.extend(tag for tag in value if _tag_name(tag) not in {_tag_name(old) for old in known})
    else:
        _keep_same(merged, origins, origin, "", key, value)


def _keep_same(target: Json, origins: dict[str, str], origin: str, where: str, name: str, item: Any) -> None:
    place = f"{where}.{name}" if where else name
    if name not in target:
        target[name] = item
        origins[place] = origin
        return
    if where.startswith("paths.") and name in PROSE_KEYS:
        return
    place_of = next(pointers(_comparable(target[name]), _comparable(item)), None)
    if place_of is not None:
        raise RefusedError(
            f"{_called(where, name)} is described twice with different content: in {origins.get(place, 'one page')} "
            f"and in {origin}, first difference at `{place_of}`. The pages contradict each other; nothing was written."
        )


def _comparable(item: Any) -> Any:
    if isinstance(item, dict) and "security" in item:
        item = {**item, "security": _requirements(item["security"])}
    return without_prose(item)


def _called(where: str, name: str) -> str:
    if where.startswith("paths.") and name.lower() in METHODS:
        return f"The operation {name.upper()} {where.removeprefix('paths.')}"
    return f"`{where}.{name}`" if where else f"`{name}`"


def _newer_patch(one: str, other: str, first: str, second: str) -> str:
    if one.split(".")[:2] != other.split(".")[:2]:
        raise RefusedError(f"`openapi` is {one} in {first} and {other} in {second}; nothing was written.")
    return max(one, other, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])


def _tag_name(tag: Any) -> Any:
    return tag.get("name") if isinstance(tag, dict) else tag
