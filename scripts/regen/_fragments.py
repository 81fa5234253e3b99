"""Finding the OpenAPI fragments in a documentation page and merging any number of them into one document."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from scripts.regen._load import Json, check_document, parse_text, without_comments
from scripts.regen._problems import RefusedError
from scripts.regen._stated_paths import PARAMETER_IN_PATH
from scripts.regen._walk import first_difference, without_prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_DATA_LANGUAGES = {"", "json", "json5", "jsonc", "yaml", "yml", "openapi", "openapi+json", "openapi+yaml", "text"}
_ORDER = ("openapi", "jsonSchemaDialect", "info", "servers", "security", "tags", "components", "paths", "webhooks")
_MAPS_OF_NAMES = ("components", "paths", "webhooks")
# Code stands in blocks alone, and what the words within a paragraph are is more work than finding them.
_BLOCKS = MarkdownIt("commonmark").disable("inline")


@dataclass(frozen=True)
class Fragment:
    """One OpenAPI document found in a page.

    Attributes:
        origin: Where it stands, for messages: the page and the line of its fence.
        content: The parsed document.
    """

    origin: str
    content: Json


def find_fragments(page: str, name: str) -> list[Fragment]:
    """Find every block of code of a Markdown or HTML page that holds an OpenAPI document, in JSON or YAML.

    Fences are read as CommonMark defines them (section 4.5: three or more backticks or tildes), so a block may
    contain shorter fences. Escaped copies of a fragment in the prose are not fences and are not read. Of HTML the
    contents of `pre` elements are read.

    Args:
        page: The text of the page.
        name: What to call the page in messages.

    Raises:
        RefusedError: No fragment in the page, or one that is damaged.
    """
    is_html = re.match(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b", page, re.IGNORECASE | re.DOTALL)
    blocks = list(_preformatted(page)) if is_html else list(_fenced(page, 0)) or list(_preformatted(page))
    fragments = [
        Fragment(origin, check_document(parse_text(text, origin), origin, whole=False))
        for line, text in blocks
        if (origin := f"{name}, line {line}")
    ]
    if not fragments:
        kind = "is a web page with no" if is_html else "has no"
        raise RefusedError(
            f"{name} {kind} OpenAPI fragment: no block of JSON or YAML code with an `openapi` key. Give the Markdown "
            "of an API page (many documentation sites give it at the address with `.md` at its end)."
        )
    return fragments


def _fenced(page: str, before: int) -> Iterator[tuple[int, str]]:
    """Yield line and text of the blocks of code in Markdown that look like OpenAPI."""
    for token in _BLOCKS.parse(page):
        line = before + (token.map or [0])[0] + 1
        language = (token.info.split() or [""])[0].lower().strip("{}.")
        if token.type == "code_block" and re.match(r"\s*(`{3}|~{3})", token.content):
            # Under a tab or an admonition of a site generator a fence is indented, which CommonMark takes for code.
            yield from _fenced(textwrap.dedent(token.content), line - 1)
        elif (
            token.type in ("fence", "code_block") and language in _DATA_LANGUAGES and _looks_like_openapi(token.content)
        ):
            yield line, token.content


def _preformatted(page: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of the `pre` elements of a page that look like OpenAPI."""
    reader = _Preformatted()
    reader.feed(page)
    reader.close()
    return ((line, text) for line, text in reader.blocks if _looks_like_openapi(text))


class _Preformatted(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[tuple[int, str]] = []
        self._line: int | None = None
        self._parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "pre":
            self._line, self._parts = self.getpos()[0], []
        elif tag == "br":
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        self._parts.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre" and self._line is not None:
            self.blocks.append((self._line, "".join(self._parts)))
            self._line = None


def _looks_like_openapi(text: str) -> bool:
    return (
        re.search(r"""(?m)(^|[{,]\s*)["']?(openapi|swagger)["']?\s*:\s*["']?\d""", without_comments(text)) is not None
    )


def merge_fragments(fragments: Iterable[Fragment]) -> Json:
    """Merge fragments into one document; what they say twice must be the same but for words and key order.

    The words of the first fragment are kept. The order of operations is the order of the fragments.

    Raises:
        RefusedError: Two fragments contradict each other; names both and the place.
    """
    merged: Json = {}
    origins: dict[str, str] = {}
    # Models of their own come last: they have no operations that the document's `security` could be about.
    for fragment in sorted(fragments, key=lambda one: not one.content.get("paths")):
        for key, value in fragment.content.items():
            _merge_key(merged, origins, fragment.origin, key, value)
        if fragment.content.get("paths"):
            _check_security(merged, fragment, origins)
    if not merged.get("paths"):
        raise RefusedError("The pages describe no operation, only models; add the pages of the operations.")
    ordered = [key for key in _ORDER if key in merged]
    return {key: merged[key] for key in [*ordered, *(key for key in merged if key not in ordered)]}


def _merge_key(merged: Json, origins: dict[str, str], origin: str, key: str, value: Any) -> None:
    if key == "openapi" and key in merged:
        merged[key] = _newer_patch(merged[key], value, origins[key], origin)
    elif key in _MAPS_OF_NAMES and isinstance(value, dict):
        target = merged.setdefault(key, {})
        for stated, stated_item in value.items():
            name, item = _known_path(target, stated, stated_item) if key == "paths" else (stated, stated_item)
            if isinstance(item, dict):
                _merge_names(target.setdefault(name, {}), origins, origin, f"{key}.{name}", item)
            else:
                _keep_same(target, origins, origin, key, name, item)
    elif key == "tags" and isinstance(value, list):
        known = merged.setdefault(key, [])
        known.extend(tag for tag in value if _tag_name(tag) not in {_tag_name(old) for old in known})
    else:
        _keep_same(merged, origins, origin, "", key, value)


def _known_path(paths: Json, stated: str, item: Any) -> tuple[str, Any]:
    """Spell a path as it is known: two that differ in the names of their parameters alone are one (OpenAPI, 4.8.8)."""
    bare = PARAMETER_IN_PATH.sub("{}", stated)
    known = next((path for path in paths if PARAMETER_IN_PATH.sub("{}", path) == bare), stated)
    if known == stated or not isinstance(item, dict):
        return known, item
    names = dict(zip(PARAMETER_IN_PATH.findall(stated), PARAMETER_IN_PATH.findall(known), strict=True))
    return known, {
        key: _renamed({"parameters": part}, names)["parameters"] if key == "parameters" else _renamed(part, names)
        for key, part in item.items()
    }


def _renamed(owner: Any, names: dict[str, str]) -> Any:
    parameters = owner.get("parameters") if isinstance(owner, dict) else None
    if not isinstance(parameters, list):
        return owner
    if any(isinstance(one, dict) and "$ref" in one for one in parameters):
        raise RefusedError(
            f"Two paths differ in the names of their parameters alone ({', '.join(names)} and "
            f"{', '.join(names.values())}), and one takes its parameters from `components`, so that they cannot be "
            "made one; nothing was written."
        )
    return {
        **owner,
        "parameters": [
            {**one, "name": names[one["name"]]}
            if isinstance(one, dict) and one.get("in") == "path" and one.get("name") in names
            else one
            for one in parameters
        ],
    }


def _merge_names(target: Json, origins: dict[str, str], origin: str, where: str, value: Json) -> None:
    for name, item in value.items():
        _keep_same(target, origins, origin, where, name, item)


def _keep_same(target: Json, origins: dict[str, str], origin: str, where: str, name: str, item: Any) -> None:
    place = f"{where}.{name}" if where else name
    if name not in target:
        target[name] = item
        origins[place] = origin
        return
    # `info` as a whole is compared under a key of its own so that its title counts and its description does not.
    difference = first_difference(without_prose({"x": target[name]}), without_prose({"x": item}))
    if difference is not None:
        raise RefusedError(
            f"{_called(where, name)} is described twice with different content: in {origins.get(place, 'one page')} "
            f"and in {origin}, first difference at `{difference.removeprefix('x').lstrip('.') or place}`. The pages "
            "contradict each other; nothing was written."
        )


def _called(where: str, name: str) -> str:
    if where.startswith("paths.") and name.lower() in METHODS:
        return f"The operation {name.upper()} {where.removeprefix('paths.')}"
    return f"`{where}.{name}`" if where else f"`{name}`"


def _check_security(merged: Json, fragment: Fragment, origins: dict[str, str]) -> None:
    """A fragment without `security` means that its operations need none, which a merged default would change."""
    if "security" in fragment.content or not merged.get("security"):
        if (
            "security" in fragment.content
            and origins.get("security") == fragment.origin
            and len(set(origins.values())) > 1
        ):
            raise RefusedError(
                f"`security` stands in {fragment.origin} and not in the fragments before it, so that one document "
                "cannot say both; nothing was written."
            )
        return
    raise RefusedError(
        f"`security` stands in {origins['security']} and not in {fragment.origin}, so that one document cannot say "
        "both; nothing was written."
    )


def _newer_patch(one: str, other: str, first: str, second: str) -> str:
    if one.split(".")[:2] != other.split(".")[:2]:
        raise RefusedError(f"`openapi` is {one} in {first} and {other} in {second}; nothing was written.")
    return max(one, other, key=lambda version: [int(part) for part in re.findall(r"\d+", version)])


def _tag_name(tag: Any) -> Any:
    return tag.get("name") if isinstance(tag, dict) else tag
