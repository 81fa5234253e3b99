"""Make `openapi.json` from the vendor's documentation pages, and say what changed.

Usage::

    python -m scripts.vendor_spec [PAGE ...] [-o openapi.json] [--check]

A PAGE is a Markdown file, an OpenAPI file, or the http(s) address of one. The JSON or YAML fragments in a
page's blocks of code are the source; the prose around them is not read. The pages, and what was made of them, are
remembered in the `pyproject.toml` beside the document; without a PAGE those are read again. Exit codes: 0 done (or,
with ``--check``, nothing differs), 1 ``--check`` found a difference, 2 the pages cannot be used.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from markdown_it import MarkdownIt

from scripts.regen._diff import compare, one_line, to_markdown
from scripts.regen._document import (
    METHODS,
    PROSE_KEYS,
    Json,
    RefusedError,
    check_document,
    decode,
    load_spec,
    parse_text,
    pointers,
    to_bytes,
    without_comments,
    without_prose,
)
from scripts.regen._pipeline import EXIT_LOUD, EXIT_OK, EXIT_REFUSED, plan

if TYPE_CHECKING:
    from collections.abc import Sequence

_DATA_LANGUAGES = {"", "json", "json5", "jsonc", "yaml", "yml", "openapi", "openapi+json", "openapi+yaml", "text"}
_ORDER = ("openapi", "jsonSchemaDialect", "info", "servers", "security", "tags", "components", "paths", "webhooks")
_VERSION = re.compile(r"""(?m)(^|[{,]\s*)["']?(openapi|swagger)["']?\s*:\s*["']?\d""")
_MAPS_OF_NAMES = ("components", "paths", "webhooks")
# What GitBook writes where an operation stands in a file, such as `{% openapi src="..." path="/a" method="get" %}`.
_POINTER = re.compile(r"""\{%-?\s*(?:openapi|swagger)[\w-]*\s([^%]*?\b(?:src|spec)\s*=\s*["'][^%]*)""")
_ATTRIBUTE = re.compile(r"""(\w+)\s*=\s*["']([^"']*)""")
# What no one sees before a fence, so that it is none.
_UNSEEN = re.compile(r"(?m)^[\u200b-\u200d\u2060\ufeff]+(?=\s*(?:```|~~~))")
# Code stands in blocks alone, and what the words within a paragraph are is more work than finding them.
_BLOCKS = MarkdownIt("commonmark").disable("inline")
_TIMEOUT = httpx.Timeout(20.0)
_UNKNOWN = "?..."  # behind a remembered address: it had a query or a user
_TABLE = re.compile(r"^\[tool\.aikynetix\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="vendor_spec.py", description="Make openapi.json from the vendor's pages.")
    parser.add_argument(
        "pages", nargs="*", metavar="PAGE", help="a file or an http(s) address; without one, those of the last time"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("openapi.json"), help="the file to write (or to check)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the pages say something else")
    options = parser.parse_args(argv)
    output: Path = options.output
    project = output.parent / "pyproject.toml"
    try:
        names = options.pages or remembered(project)
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, max_redirects=5) as http:
            spec = make_spec([(name, read_page(name, http)) for name in names])
        differs = _tell(spec, output, is_check=options.check)
        if not options.check:
            data = to_bytes(spec)
            _replace(output, data)
            remember(project, names, data)
            operations = sum(len(_operations(item)) for item in spec["paths"].values())
            print(f"{output}: OpenAPI {spec['openapi']}, {len(spec['paths'])} path(s), {operations} operation(s)")
    except RefusedError as problem:
        print(f"vendor_spec: {problem}", file=sys.stderr)
        return EXIT_REFUSED
    return EXIT_LOUD if options.check and differs else EXIT_OK


def find_fragments(page: str, name: str) -> list[tuple[str, Json]]:
    """Find every OpenAPI document, in JSON or YAML, in the fences of a Markdown page; a whole file is one."""
    blocks = _blocks(page, name)
    if not blocks and (pointed := _pointers(page)):
        raise RefusedError(
            f"{name} has no OpenAPI in it, only a block that points at a file (`{pointed[0][2]}`): give that file "
            "or its address in place of the page."
        )
    if not blocks and _looks_like_openapi(page):
        blocks = [(f"{name} as a whole", page)]
    if not blocks:
        raise RefusedError(
            f"{name} has no OpenAPI fragment: no block of JSON or YAML code with an `openapi` key. Give the Markdown "
            "of an API page (many documentation sites give it at the address with `.md` at its end)."
        )
    return [(origin, check_document(parse_text(text, origin), origin)) for origin, text in blocks]


def _blocks(page: str, name: str) -> list[tuple[str, str]]:
    """List the blocks that look like OpenAPI, and where they stand; those of other languages only where no data is."""
    data, others = list[tuple[str, str]](), list[tuple[str, str]]()
    for one in (token for token in _BLOCKS.parse(_UNSEEN.sub("", page)) if token.type == "fence"):
        text = one.content if _looks_like_openapi(one.content) else html.unescape(one.content)
        origin, language = f"{name}, line {(one.map or [0])[0] + 1}", (one.info.split() or [""])[0]
        if not _looks_like_openapi(text):
            continue
        if language.lower().strip("{}.") in _DATA_LANGUAGES:
            data.append((origin, text))
        else:
            others.append((f"{origin} (`{language[:40]}`)", text))
    return data or others


def _pointers(page: str) -> list[tuple[str, str, str]]:
    """List what a page only points at: the path and method, where it is an operation, and the file where it stands."""
    for token in _BLOCKS.parse(page):
        page = page.replace(token.content, "") if token.type == "fence" else page
    stated: list[dict[str, str]] = [dict(_ATTRIBUTE.findall(one[:300])) for one in _POINTER.findall(page)]
    return [(one.get("path", ""), one.get("method", "").lower(), one.get("src", one.get("spec", ""))) for one in stated]


def _looks_like_openapi(text: str) -> bool:
    return _VERSION.search(without_comments(text)) is not None


def make_spec(pages: Sequence[tuple[str, str]]) -> Json:
    """Merge the fragments of (name, text) pages; what they say twice must be the same but for words: the first stay.

    What a fragment says of credentials, and of the parameters of a path, is about its own operations; what the first
    one with operations asks for is said for the whole document.
    """
    fragments = [one for name, text in pages for one in find_fragments(text, display_name(name))]
    merged: Json = {}
    origins: dict[tuple[str, ...], str] = {}
    usual = next((one.get("security") for _, one in fragments if one.get("paths")), None)
    for origin, content in fragments:
        _merge(merged, content if len(fragments) == 1 else _with_own(content, usual), origin, origins)
    if not merged.get("paths"):
        raise RefusedError("The pages describe no operation, only models; add the pages of the operations.")
    for name, text in pages:
        for path, method, source in _pointers(text):
            if path and (path not in merged["paths"] or method not in {"", *(merged["paths"][path] or ())}):
                raise RefusedError(
                    f"{display_name(name)} points at {f'{method.upper()} {path}'.strip()} in a file (`{source}`), and "
                    "no page has what stands there: give that file or its address too."
                )
    if usual:
        merged["security"] = usual
    return {key: merged[key] for key in dict.fromkeys((*_ORDER, *merged)) if key in merged}


def _with_own(content: Json, usual: Any) -> Json:
    """Give the operations of a fragment what it says for all of them, if it is not usual, and for all of their path."""
    stated, paths = content.get("security") or [], dict(content.get("paths") or {})
    for path, item in paths.items():
        own = {method: dict(one) for method, one in _operations(item)}
        for operation in own.values():
            asked = operation.pop("security", stated)
            if _requirements(asked) != _requirements(usual):
                operation["security"] = asked
            if parameters := [*(item.get("parameters") or ()), *(operation.get("parameters") or ())]:
                unique = {json.dumps([one.get(key) for key in ("$ref", "in", "name")]): one for one in parameters}
                operation["parameters"] = list(unique.values())
        paths[path] = {**{key: one for key, one in item.items() if key != "parameters"}, **own} if own else item
    kept = {key: value for key, value in content.items() if key != "security"}
    return {**kept, "paths": paths} if paths else kept


def _operations(item: Any) -> list[tuple[str, Json]]:
    return [(key, one) for key, one in item.items() if key in METHODS and one] if isinstance(item, dict) else []


def _requirements(security: Any) -> str:
    """Write what a `security` asks for in one way, whatever the order of its alternatives."""
    return json.dumps(sorted(json.dumps(one, sort_keys=True) for one in security or ()))


def _merge(
    merged: Json, content: Json, origin: str, origins: dict[tuple[str, ...], str], place: tuple[str, ...] = ()
) -> None:
    """Add what a fragment says; what components, paths and webhooks name is merged one by one."""
    for key, value in content.items():
        here, known = (*place, key), merged.get(key)
        is_map = here[0] in _MAPS_OF_NAMES and len(here) < 3 and isinstance(value, dict)
        if is_map and isinstance(known or {}, dict):
            merged[key] = known or {}
            _merge(merged[key], value, origin, origins, here)
        elif known is None:
            merged[key], origins[here] = value, origin
        elif here == ("openapi",) and known[:3] == value[:3]:
            merged[key] = max(known, value)  # patches of one version say the same
        elif here == ("tags",):
            merged[key] = [*known, *(one for one in value or () if without_prose(one) not in without_prose(known))]
        elif not (here[0] == "paths" and key in PROSE_KEYS):
            _check_same(known, value, here, (origins.get(here, "one page"), origin))


def _check_same(one: Any, other: Any, place: tuple[str, ...], origins: tuple[str, str]) -> None:
    sides: list[Any] = [
        {**side, "security": _requirements(side["security"])} if isinstance(side, dict) and "security" in side else side
        for side in (one, other)
    ]
    if place == ("servers",):  # an address is the same with a slash at its end
        sides = [[{**server, "url": str(server.get("url")).rstrip("/")} for server in side] for side in sides]
    difference = next(pointers(*map(without_prose, sides)), None)
    if difference is not None:
        is_operation = place[0] == "paths" and place[-1] in METHODS
        what = f"The operation {place[-1].upper()} {place[1]}" if is_operation else f"`{'.'.join(place)}`"
        raise RefusedError(
            f"{what} is described twice with different content: in {origins[0]} and in {origins[1]}, first difference "
            f"at `{difference}`. The pages contradict each other; nothing was written."
        )


def display_name(page: str) -> str:
    """Name a page in messages: an address without its query and user, which may hold secrets."""
    if not _is_address(page):
        return page
    parts = urlsplit(page)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def remembered(project: Path) -> list[str]:
    """Return the pages that were read the last time."""
    try:
        pages = tomllib.loads(project.read_text("utf-8"))["tool"]["aikynetix"]["pages"]
    except (OSError, ValueError, KeyError):
        pages = []
    if not pages:
        raise RefusedError(f'{project} remembers no pages; name them: make spec PAGES="page.md https://..."')
    for page in pages:
        if page.endswith(_UNKNOWN):
            raise RefusedError(
                f"{display_name(page)} was read with a query or a user, which may be secret and are not remembered: "
                'name all pages again, with make spec PAGES="https://... page.md".'
            )
    return [page if _is_address(page) else str(project.parent / page) for page in pages]


def remember(project: Path, pages: Sequence[str], document: bytes) -> None:
    """Write down which pages were read, without what may be secret in an address, and a digest of what they made."""
    if not project.is_file():
        return
    folder = project.parent.resolve()
    names = [
        display_name(page) + _UNKNOWN * ("?" in page or "@" in urlsplit(page).netloc)
        if _is_address(page)
        else Path(os.path.relpath(Path(page).resolve(), folder)).as_posix()
        for page in pages
    ]
    listed = "".join(f"    {json.dumps(name, ensure_ascii=False)},\n" for name in names)
    digest = hashlib.sha256(document).hexdigest()
    table = f'[tool.aikynetix]  # written by `make spec`\npages = [\n{listed}]\ndocument = "sha256:{digest}"\n'
    others, stated = _TABLE.sub("", project.read_text("utf-8")).rstrip(), project.stat()
    _replace(project, f"{others}\n\n{table}".encode())
    # No dependency changed, so that `make` need not install anything again.
    os.utime(project, ns=(stated.st_atime_ns, stated.st_mtime_ns))


def read_page(page: str, http: httpx.Client) -> str:
    """Read a page from a file or from its address."""
    name = display_name(page)
    try:
        if not _is_address(page):
            return decode(Path(page).read_bytes(), name)
        response = http.get(page, headers={"accept": "text/markdown, text/plain, */*;q=0.5"})
    except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise RefusedError(f"{name} cannot be read ({reason}); nothing was written.") from error
    if response.status_code != httpx.codes.OK:
        raise RefusedError(f"{name} answered with status {response.status_code}; nothing was written.")
    return decode(response.content, name)


def _is_address(page: str) -> bool:
    return page.lower().startswith(("http://", "https://"))


def _tell(spec: Json, output: Path, *, is_check: bool) -> bool:
    """Say what the pages changed in the document that is there, and return whether they did."""
    try:
        committed = output.read_bytes()
        if load_spec(committed, str(output)) == spec:
            print(f"{output} is what the pages say.")
            return False
    except (OSError, RefusedError) as error:
        if is_check:
            raise RefusedError(f"{output} cannot be read: {getattr(error, 'strerror', error)}.") from error
        return True
    print(f"{output} is not what the pages say{'' if is_check else ' any more'}.\n")
    try:
        print(to_markdown(compare(plan(committed, str(output)), plan(to_bytes(spec), "what the pages say"))))
    except Exception as problem:  # a document that cannot be used, or that nobody foresaw, is written all the same
        print(f"`make regen` will not take it: {one_line(str(problem))}\n")
    return True


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RefusedError(f"{path} cannot be written: {error.strerror}.") from error


if __name__ == "__main__":
    sys.exit(main())
