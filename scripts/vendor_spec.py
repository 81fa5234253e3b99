"""Make `openapi.json` from the vendor's documentation pages, and say what changed.

Usage::

    python scripts/vendor_spec.py [PAGE ...] [-o openapi.json] [--check]

A PAGE is a Markdown file, an OpenAPI file, or the http(s) address of one. The JSON or YAML fragments in a
page's blocks of code are the source; the prose around them is not read. The pages, and what was made of them, are
remembered in the `pyproject.toml` beside the document; without a PAGE those are read again. Exit codes: 0 done (or,
with ``--check``, nothing differs), 1 ``--check`` found a difference, 2 the pages cannot be used.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a file, Python puts only this folder on the path
    sys.path.insert(0, str(ROOT))

from scripts.regen._diff import compare  # noqa: E402 - needs the path set above
from scripts.regen._fragments import find_fragments, merge_fragments  # noqa: E402
from scripts.regen._load import METHODS, Json, decode, load_spec  # noqa: E402
from scripts.regen._problems import EXIT_LOUD, EXIT_OK, EXIT_REFUSED, RefusedError  # noqa: E402
from scripts.regen._report import to_markdown  # noqa: E402
from scripts.regen._rules import FACADE_SOURCE  # noqa: E402
from scripts.regen._text import lines_of, to_bytes  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = httpx.Timeout(20.0)
_TABLE = re.compile(r"^\[tool\.aikynetix\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(argv)
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
            items = [item for item in spec["paths"].values() if isinstance(item, dict)]
            operations = sum(method in METHODS for item in items for method in item)
            print(f"{output}: OpenAPI {spec['openapi']}, {len(spec['paths'])} path(s), {operations} operation(s)")
    except RefusedError as problem:
        print(f"vendor_spec: {problem}", file=sys.stderr)
        return EXIT_REFUSED
    return EXIT_LOUD if options.check and differs else EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vendor_spec.py", description="Make openapi.json from the vendor's pages.")
    parser.add_argument(
        "pages", nargs="*", metavar="PAGE", help="a file or an http(s) address; without one, those of the last time"
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("openapi.json"), help="the file to write (or to check)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the pages say something else")
    return parser


def make_spec(pages: Sequence[tuple[str, str]]) -> Json:
    """Merge the fragments of (name, text) pages into one document."""
    return merge_fragments([one for name, text in pages for one in find_fragments(text, display_name(name))])


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
    return [page if _is_address(page) else str(project.parent / page) for page in pages]


def remember(project: Path, pages: Sequence[str], document: bytes) -> None:
    """Write down which pages were read, without what may be secret in an address, and a digest of what they made."""
    if not project.is_file():
        return
    folder = project.parent.resolve()
    names = [
        display_name(page) if _is_address(page) else Path(os.path.relpath(Path(page).resolve(), folder)).as_posix()
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
        answer = http.get(page, headers={"accept": "text/markdown, text/plain, */*;q=0.5"})
    except (OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise RefusedError(f"{name} cannot be read ({reason}); nothing was written.") from error
    if answer.status_code != httpx.codes.OK:
        raise RefusedError(f"{name} answered with status {answer.status_code}; nothing was written.")
    return decode(answer.content, name)


def _is_address(page: str) -> bool:
    return page.lower().startswith(("http://", "https://"))


def _tell(spec: Json, output: Path, *, is_check: bool) -> bool:
    """Say what the pages changed in the document that is there, and return whether they did."""
    try:
        committed = load_spec(output.read_bytes(), str(output))
    except (OSError, RefusedError) as error:
        if is_check:
            raise RefusedError(f"{output} cannot be read: {getattr(error, 'strerror', error)}.") from error
        return True
    if committed == spec:
        print(f"{output} is what the pages say.")
        return False
    print(f"{output} is not what the pages say{'' if is_check else ' any more'}.\n")
    print(to_markdown(compare(committed, spec), lines_of(ROOT / FACADE_SOURCE)))
    return True


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
