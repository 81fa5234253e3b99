"""Reading one OpenAPI document, JSON or YAML, from bytes; unusable ones are refused in words."""

from __future__ import annotations

import io
import json
import math
import re
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError

from scripts.regen._problems import RefusedError
from scripts.regen._walk import objects

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]

MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 150
MAX_NODES = 5_000_000
_TEXT_ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_QUOTED = r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_COMMENTS = re.compile(_QUOTED + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING_COMMA = re.compile(_QUOTED + r"|,(?=\s*[}\]])")
_FLOW_MAPPING = re.compile(r"\{\s*[^\s\"]")
# Plain scalars that YAML 1.1 readers turn into dates; in an OpenAPI document they are examples and versions.
_TIMESTAMP_TAG = "tag:yaml.org,2002:timestamp"


def decode(data: bytes, name: str) -> str:
    """Turn the bytes of a document into text.

    Args:
        data: The file as it was read, at most 64 MiB.
        name: What to call the file in a refusal.

    Raises:
        RefusedError: Too large, empty, or not text.
    """
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


def parse_json(text: str, name: str) -> Any:
    """Parse JSON strictly: a key that stands twice in one object with two values is refused.

    Raises:
        RefusedError: Not JSON, nested too deeply, or with contradicting keys.
    """
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, name), parse_constant=_reject_constant)
    except RecursionError as error:
        raise RefusedError(f"{name} is nested too deeply to be read.") from error
    except ValueError as error:
        raise RefusedError(f"{name} is not complete JSON: {error}. Is it half a download?") from error


def parse_yaml(text: str, name: str) -> Any:
    """Parse YAML into JSON types: string keys, no dates, no anchors that blow up, no Python objects.

    Raises:
        RefusedError: Not YAML, several documents, or with aliases that refer to themselves or multiply.
    """
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.Composer = _ShallowComposer
        yaml.constructor.yaml_constructors = {
            **yaml.constructor.yaml_constructors,
            _TIMESTAMP_TAG: lambda loader, node: loader.construct_scalar(node),
        }
        value = yaml.load(io.StringIO(text))
    except RecursionError as error:
        raise RefusedError(f"{name} is nested too deeply to be read.") from error
    except (YAMLError, ValueError) as error:
        reason = re.sub(r"\s+", " ", str(error))[:300]
        raise RefusedError(f"{name} is neither JSON nor YAML: {reason}") from error
    return _plain(value, name)


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


def parse_text(text: str, name: str) -> Any:
    """Parse JSON when the text looks like it, else YAML.

    Raises:
        RefusedError: Neither of the two.
    """
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith(("{", "[")):
        try:
            return _plain(parse_json(stripped, name), name)
        except RefusedError as json_problem:
            relaxed = _TRAILING_COMMA.sub(lambda match: match[1] or "", without_comments(stripped))
            try:
                if relaxed != stripped:
                    return parse_text(relaxed, name)
                # A YAML document may begin with a flow mapping, and so may JSON5; what begins as JSON has to be JSON.
                value = parse_yaml(text, name) if _FLOW_MAPPING.match(stripped) else None
            except RefusedError:
                raise json_problem from None
            if isinstance(value, dict) and "openapi" in value:
                return value
            raise
    return parse_yaml(text, name)


def without_comments(text: str) -> str:
    """Return JSON5 text with its comments blanked out."""
    return _COMMENTS.sub(lambda match: match[1] or " ", text)


def load_spec(data: bytes, name: str) -> Json:
    """Read a whole OpenAPI 3 document.

    Args:
        data: The bytes of the file; a byte-order mark and any line ending are fine.
        name: What to call the file in a refusal.

    Returns:
        The document as JSON types.

    Raises:
        RefusedError: With one paragraph that says what the file is instead.
    """
    text = decode(data, name)
    if re.match(r"\s*<[!?a-z]", text.lstrip("\ufeff"), re.IGNORECASE):
        raise RefusedError(
            f"{name} is a web page or a message in XML, not an OpenAPI document. Fetch the documentation's Markdown "
            "with `make spec`, or save the specification itself."
        )
    return check_document(parse_text(text, name), name)


def check_document(value: Any, name: str, *, whole: bool = True) -> Json:
    """Check that a parsed value is an OpenAPI 3.0, 3.1 or 3.2 document with the parts everything needs.

    Args:
        value: The parsed value.
        name: What to call it in a refusal.
        whole: Whether it has to have operations; a fragment may hold models alone.

    Raises:
        RefusedError: It is something else; Swagger 2.0 is named.
    """
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
    _check_parts(value, name)
    return value


_PARTS: tuple[tuple[str, type[Any]], ...] = (("allOf", list), ("oneOf", list), ("anyOf", list), ("properties", dict))

_LISTS_OF_OBJECTS = ("servers", "security")


def _check_parts(document: Json, name: str) -> None:
    """Refuse parts that are of another kind than OpenAPI says and that no reading of the document could do without."""
    for key in ("webhooks", "components"):
        _check_kind(document, key, dict, name, "")
    components = document.get("components") or {}
    for section in components:
        if not section.startswith("x-"):
            _check_kind(components, section, dict, name, "components.")
    for where, node in objects(document):
        for key in _LISTS_OF_OBJECTS:
            _check_objects(node, key, name, f"{where}." if where else "")
        for key, kind in _PARTS:
            _check_kind(node, key, kind, name, f"{where}.")
        required = node.get("required")
        if isinstance(required, list) and not all(isinstance(one, str) for one in required):
            raise RefusedError(f"{name} has `{where}.required` that lists something else than names of fields.")


def _check_objects(node: Mapping[str, Any], key: str, name: str, where: str) -> None:
    _check_kind(node, key, list, name, where)
    for number, one in enumerate(node.get(key) or ()):
        if not isinstance(one, dict):
            raise RefusedError(f"{name} has `{where}{key}[{number}]` that is {_kind(one)}, not an object.")


def _check_kind(node: Mapping[str, Any], key: str, kind: type[Any], name: str, where: str) -> None:
    value = node.get(key)
    if value is not None and not isinstance(value, kind):
        wanted = "a list" if kind is list else "an object"
        raise RefusedError(f"{name} has `{where}{key}` that is {_kind(value)}, not {wanted}.")


def _unique(pairs: list[tuple[str, Any]], name: str) -> Json:
    result: Json = {}
    for key, value in pairs:
        if key in result and result[key] != value:
            raise RefusedError(f"{name} has the key {_short(key)} twice in one object, with different values.")
        result[key] = value
    return result


def _reject_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not a JSON number")


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
            return {_key(key): walk(child, depth + 1) for key, child in node.items()}
        if isinstance(node, (list, tuple, set)):
            return [walk(child, depth + 1) for child in node]
        if isinstance(node, float) and not math.isfinite(node):
            raise RefusedError(f"{name} holds the number {node}, which JSON does not have.")
        if isinstance(node, str):
            return _text(node)
        return node if node is None or isinstance(node, (bool, int, float)) else str(node)

    return walk(value, 0)


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return _text(key) if isinstance(key, str) else str(key)


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
        int: "a number",
        float: "a number",
        bool: "a boolean",
    }
    return "nothing" if value is None else names.get(type(value), "something else")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
