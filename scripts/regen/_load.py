"""Reading one OpenAPI document, JSON or YAML, from bytes; unusable ones are refused in words."""

from __future__ import annotations

import io
import json
import math
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError

from scripts.regen._problems import RefusedError

Json = dict[str, Any]

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 150
MAX_NODES = 5_000_000
_TEXT_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_QUOTED = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_COMMENTS = re.compile(_QUOTED + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(_QUOTED + r"|,(?=\s*[}\]])")
_NAMES = {"True": "true", "False": "false"}  # keys that YAML reads as truth
_FLOW_MAPPING = re.compile(r"\{\s*[^\s\"]")
# Plain scalars that YAML 1.1 readers turn into dates; in an OpenAPI document they are examples and versions.
_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"


def decode(data: bytes, name: str) -> str:
    """Turn the bytes of a document into text."""
    if len(data) > MAX_BYTES:
        raise RefusedError(f"{name} is {len(data)} bytes long; a specification larger than {MAX_BYTES} is not read.")
    encoding = next((codec for mark, codec in _TEXT_ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise RefusedError(
            f"{name} is not text: byte {error.start} cannot be read as {encoding}. "
            "Is it a compressed file, an image, or half a download?"
        ) from error
    if not text.strip():
        raise RefusedError(f"{name} is empty; expected an OpenAPI document in JSON or YAML.")
    return text


def parse_text(text: str, name: str) -> Any:
    """Parse JSON, which may have comments and commas at its ends, or YAML into JSON types."""
    stripped = text.lstrip("\ufeff \t\r\n")
    try:
        if not stripped.startswith(("{", "[")):
            return _plain(_yaml(text, name), name)
        try:
            return _plain(_json(stripped, name), name)
        except RefusedError:
            relaxed = _TRAILING_COMMA.sub(lambda match: match[1] or "", without_comments(stripped))
            # A YAML document may begin with a flow mapping, and so may JSON5; what begins as JSON has to be JSON.
            parse = _yaml if _FLOW_MAPPING.match(relaxed) else _json
            if relaxed == stripped and parse is _json:
                raise
        return _plain(parse(relaxed, name), name)
    except RecursionError as error:
        raise RefusedError(f"{name} is nested too deeply to be read.") from error


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, name))
    except ValueError as error:
        raise RefusedError(f"{name} is not complete JSON: {error}. Is it half a download?") from error


def _yaml(text: str, name: str) -> Any:
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _ShallowComposer
        yaml.constructor.yaml_constructors = {
            **yaml.constructor.yaml_constructors,
            _TIMESTAMP_TAG: lambda loader, node: loader.construct_scalar(node),
        }
        return yaml.load(io.StringIO(text))
    except (YAMLError, ValueError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:300]
        raise RefusedError(f"{name} is neither JSON nor YAML: {reason}") from error


class _ShallowComposer(Composer):
    """Ends at the depth that is refused anyway: the reader takes longer for each level the deeper it is."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH + 2:
            raise RecursionError
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def without_comments(text: str) -> str:
    """Return JSON5 text with its comments blanked out."""
    return _COMMENTS.sub(lambda match: match[1] or " ", text)


def load_spec(data: bytes, name: str) -> Json:
    """Read a whole OpenAPI 3 document."""
    text = decode(data, name)
    if re.match(r"\s*<[!?a-z]", text.lstrip("\ufeff"), re.IGNORECASE):
        raise RefusedError(
            f"{name} is a web page or a message in XML, not an OpenAPI document. Fetch the documentation's Markdown "
            "with `make spec`, or save the specification itself."
        )
    return check_document(parse_text(text, name), name)


def check_document(value: Any, name: str, *, whole: bool = True) -> Json:
    """Check that a parsed value is an OpenAPI 3.0, 3.1 or 3.2 document with the parts everything needs."""
    if not isinstance(value, dict):
        raise RefusedError(
            f"{name} holds {_kind(value)}, not an OpenAPI document (an object with `openapi` and `paths`)."
        )
    if "swagger" in value:
        raise RefusedError(
            f"{name} is a Swagger {value['swagger']} document, a format that predates OpenAPI 3 and that the generator "
            "does not read. Convert it (for example with swagger2openapi) or ask the vendor for OpenAPI 3."
        )
    version = value.get("openapi")
    if isinstance(version, float):  # `openapi: 3.1` in YAML without quotation marks
        version = value["openapi"] = str(version)
    if version is None:
        raise RefusedError(
            f"{name} has no `openapi` key, so it is not an OpenAPI document. Is it an error message of the server, or "
            "another kind of file (a Postman collection, a JSON schema)?"
        )
    if not isinstance(version, str) or not re.fullmatch(r"3\.[012](\.\d+)?(-\S+)?", version):
        raise RefusedError(
            f"{name} says `openapi: {_short(version)}`; versions 3.0, 3.1 and 3.2 are known. Ask the vendor for one of "
            "these, or see whether a newer version of this project reads it."
        )
    if not isinstance(value.get("info"), dict):
        raise RefusedError(f"{name} has no `info` object; it is not a complete OpenAPI document.")
    if not isinstance(value.get("paths", {}), dict):
        raise RefusedError(f"{name} has `paths` that are {_kind(value['paths'])}, not an object.")
    if whole and not value.get("paths"):
        raise RefusedError(f"{name} has no `paths`: there is nothing to generate a client for.")
    return value


def _unique(pairs: list[tuple[str, Any]], name: str) -> Json:
    result: Json = {}
    for key, value in pairs:
        if key in result and result[key] != value:
            raise RefusedError(f"{name} has the key {_short(key)} twice in one object, with different values.")
        result[key] = value
    return result


def _plain(value: Any, name: str) -> Any:
    """Copy into JSON types, bounded in depth and size (aliases in YAML can make either explode)."""
    budget = [MAX_NODES]

    def walk(node: Any, depth: int) -> Any:
        budget[0] -= 1
        if budget[0] < 0:
            raise RefusedError(f"{name} unfolds to more than {MAX_NODES} values (aliases that multiply?).")
        if depth > MAX_DEPTH:
            raise RefusedError(f"{name} is nested more than {MAX_DEPTH} levels deep, which no client can be made for.")
        if isinstance(node, dict):
            return {_text(_NAMES.get(str(key), str(key))): walk(child, depth + 1) for key, child in node.items()}
        if isinstance(node, (list, tuple, set)):
            return [walk(child, depth + 1) for child in node]
        if isinstance(node, float) and not math.isfinite(node):
            raise RefusedError(f"{name} holds the number {json.dumps(node)}, which JSON does not have.")
        if isinstance(node, str):
            return _text(node)
        return node if node is None or isinstance(node, (bool, int, float)) else str(node)

    return walk(value, 0)


def _text(text: str) -> str:
    """Replace halves of characters, which JSON can spell and no encoding can write (RFC 8259, section 8.2)."""
    if text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _kind(value: Any) -> str:
    names = {
        list: "a list",
        dict: "an object",
        str: "plain text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
    }
    return names.get(int if isinstance(value, float) else type(value), "nothing")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
