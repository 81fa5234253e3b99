"""Make `openapi.json` from the vendor's documentation pages.

Usage::

    python scripts/vendor_spec.py PAGE [PAGE ...] [-o openapi.json] [--check]

A PAGE is a Markdown (or HTML) file or an http(s) address. The JSON or YAML fragments in its blocks of code are the
source; the prose around them is not read. Exit codes: 0 done (or, with ``--check``, nothing differs), 1 ``--check``
found a difference, 2 the pages cannot be used.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a file, Python puts only this folder on the path
    sys.path.insert(0, str(ROOT))

from scripts.regen._diff import compare, to_markdown  # noqa: E402 - needs the path set above
from scripts.regen._fragments import Fragment, find_fragments, merge_fragments  # noqa: E402
from scripts.regen._lines import lines_of  # noqa: E402
from scripts.regen._load import MAX_BYTES, Json, decode, load_spec  # noqa: E402
from scripts.regen._problems import EXIT_LOUD, EXIT_OK, EXIT_REFUSED, RefusedError  # noqa: E402
from scripts.regen._rules import FACADE_SOURCE  # noqa: E402
from scripts.regen._write import to_bytes  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_CACHE = ROOT / ".cache" / "vendor"
_TIMEOUT = httpx.Timeout(20.0)
_LONGEST = 120.0  # seconds for one page, so that a site which drips does not hold a scheduled run for ever


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, max_redirects=5) as http:
            pages = [(page, read_page(page, http, options.cache)) for page in options.pages]
        spec = make_spec(pages)
        return _check(spec, options.output) if options.check else _write(spec, options.output)
    except RefusedError as problem:
        print(f"vendor_spec: {problem}", file=sys.stderr)
        return EXIT_REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vendor_spec.py", description="Make openapi.json from the vendor's pages.")
    parser.add_argument("pages", nargs="+", metavar="PAGE", help="a Markdown file or an http(s) address")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("openapi.json"), help="the file to write (or to check)"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the pages say something else")
    parser.add_argument(
        "--cache", type=Path, default=DEFAULT_CACHE, help="folder for pages that came with an entity tag"
    )
    return parser


def make_spec(pages: Sequence[tuple[str, str]]) -> Json:
    """Merge the fragments of (name, text) pages into one document.

    Raises:
        RefusedError: A page without a fragment, or pages that contradict each other.
    """
    fragments: list[Fragment] = []
    for name, text in pages:
        fragments.extend(find_fragments(text, display_name(name)))
    return merge_fragments(fragments)


def display_name(page: str) -> str:
    """Name a page in messages: an address without its query and user, which may hold secrets."""
    if not _is_address(page):
        return page
    parts = urlsplit(page)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def read_page(page: str, http: httpx.Client, cache: Path) -> str:
    """Read a page from a file or, with a conditional request (RFC 9110, section 13), from its address.

    Raises:
        RefusedError: It cannot be read.
    """
    name = display_name(page)
    if _is_address(page):
        return decode(_fetch(page, name, http, cache), name)
    try:
        return decode(Path(page).read_bytes(), name)
    except OSError as error:
        raise RefusedError(f"{name} cannot be read: {error.strerror or type(error).__name__}.") from error


def _is_address(page: str) -> bool:
    return page.lower().startswith(("http://", "https://"))


def _fetch(address: str, name: str, http: httpx.Client, cache: Path) -> bytes:
    stem = cache / hashlib.sha256(address.encode()).hexdigest()[:24]
    kept = _kept(stem)
    headers = {} if kept is None else kept[0]
    try:
        with http.stream(
            "GET", address, headers={"accept": "text/markdown, text/plain, */*;q=0.5", **headers}
        ) as answer:
            if answer.status_code == httpx.codes.NOT_MODIFIED and kept is not None:
                return kept[1]
            if answer.status_code != httpx.codes.OK:
                raise RefusedError(f"{name} answered with status {answer.status_code}; nothing was written.")
            body = _bounded(answer, name)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise RefusedError(f"{name} cannot be fetched ({type(error).__name__}); nothing was written.") from error
    _keep(stem, answer.headers, body)
    return body


def _bounded(answer: httpx.Response, name: str) -> bytes:
    body, end = bytearray(), time.monotonic() + _LONGEST
    for chunk in answer.iter_bytes():
        body += chunk
        if time.monotonic() > end:
            raise RefusedError(f"{name} was not there after {_LONGEST:.0f} s; nothing was written.")
        if len(body) > MAX_BYTES:
            raise RefusedError(f"{name} is larger than {MAX_BYTES} bytes, which no documentation page is.")
    return bytes(body)


def _kept(stem: Path) -> tuple[dict[str, str], bytes] | None:
    """Return the request headers and the body of an earlier answer, None unless both are whole."""
    try:
        body = stem.with_suffix(".page").read_bytes()
        record = json.loads(stem.with_suffix(".json").read_text("utf-8"))
        if record["sha256"] != hashlib.sha256(body).hexdigest():
            return None
        headers = {name: value for name, value in record["headers"].items() if isinstance(value, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return (headers, body) if headers else None


def _keep(stem: Path, headers: httpx.Headers, body: bytes) -> None:
    validators = {"if-none-match": headers.get("etag"), "if-modified-since": headers.get("last-modified")}
    record = {
        "headers": {name: value for name, value in validators.items() if value},
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    with contextlib.suppress(OSError):  # without a cache the next run fetches the whole page, no more
        stem.parent.mkdir(parents=True, exist_ok=True)
        _replace(stem.with_suffix(".page"), body)
        _replace(stem.with_suffix(".json"), json.dumps(record).encode())


def _replace(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _write(spec: Json, output: Path) -> int:
    try:
        _replace(output, to_bytes(spec))
    except OSError as error:
        raise RefusedError(f"{output} cannot be written: {error.strerror}.") from error
    operations = sum(len(item) for item in spec["paths"].values() if isinstance(item, dict))
    print(f"{output}: OpenAPI {spec['openapi']}, {len(spec['paths'])} path(s), {operations} operation(s)")
    return EXIT_OK


def _check(spec: Json, output: Path) -> int:
    try:
        committed = load_spec(output.read_bytes(), str(output))
    except OSError as error:
        raise RefusedError(f"{output} cannot be read: {error.strerror}.") from error
    if committed == spec:
        print(f"{output} is what the pages say.")
        return EXIT_OK
    print(f"{output} is not what the pages say.\n")
    print(to_markdown(compare(committed, spec), lines_of(ROOT / FACADE_SOURCE)))
    return EXIT_LOUD


if __name__ == "__main__":
    sys.exit(main())
