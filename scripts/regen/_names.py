"""Python names for the vendor's names: what the generator would choose, made unique and harmless.

The generator derives every Python name from a name on the wire and loses operations, fields or whole modules when two
fall together or one hides a name its templates use. Here the choice is made first, by pure functions.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from openapi_python_client.strings import ClassName, PythonIdentifier

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MAX_NAME = 80
_FIELD_PREFIX = "field_"

# Names that the endpoint template uses inside the functions that take the parameters.
ENDPOINT_RESERVED = frozenset({"client", "url", "body", "kwargs", "response", "request", "path_text", "self"})

# Names that the generator's model template uses as variables, methods or fields.
MODEL_RESERVED = frozenset(
    {"d", "cls", "self", "field_dict", "src_dict", "prop", "prop_name", "prop_dict", "additional_properties",
     "additional_keys", "additional_property", "to_dict", "from_dict", "cast", "t", "unset"}
)  # fmt: skip

# Names that generated modules import or define beside the models they use.
CLASS_RESERVED = frozenset(
    {"Any", "TypeVar", "BinaryIO", "TextIO", "IO", "TYPE_CHECKING", "Generator", "Mapping", "MutableMapping", "UUID",
     "BytesIO", "File", "FileTypes", "FileContent", "RequestFiles", "Unset", "UNSET", "Client", "AuthenticatedClient",
     "Response", "HTTPStatus", "Literal", "Generic", "T", "Self", "UnexpectedStatus", "Iterable", "Exception", "Path"}
)  # fmt: skip

# Variables that the model template derives from a field's name: a sibling with that very name would be overwritten.
_DERIVED = ("_item", "_item_data", "_data", "_element", "_item_element")


def class_name(hint: str) -> str:
    """Return the name of a model's class."""
    name = _settled(_clip(hint), ClassName)
    return f"{name}Model" if name in CLASS_RESERVED else name


def unused(name: str, taken: set[str]) -> str:
    """Return a class or operation's name, or that with a number, whose module is not in `taken`, and add that."""
    candidate, number = name, 1
    while module_name(candidate) in taken:
        number += 1
        candidate = f"{name}{number}"
    taken.add(module_name(candidate))
    return candidate


@lru_cache(maxsize=100_000)
def module_name(name: str) -> str:
    """Return the module in which the generator puts a class, folded so that it is unique on every file system."""
    return str(PythonIdentifier(name, _FIELD_PREFIX)).casefold()


def identifier(wire: str) -> str:
    """Return the Python name that the generator gives to a parameter, field, operation or tag."""
    return _settled(_clip(wire), PythonIdentifier)


def unique_identifiers(wires: Sequence[tuple[str, str]], reserved: Collection[str], derived: bool = False) -> list[str]:
    """Choose one Python name for each (wire name, suffix to tell it apart).

    What several would be called goes to the first that is in the path or spelled so, else to the first.
    """
    chosen = [identifier(wire) for wire, _ in wires]
    avoided = {*reserved, *({name + end for name in chosen for end in _DERIVED} & {*chosen} if derived else ())}
    for index in sorted(range(len(wires)), key=lambda one: wires[one][1] != "path" and wires[one][0] != chosen[one]):
        name, number = chosen[index], 1
        while chosen[index] in avoided:
            ending = f"{wires[index][1]}_{number}" if number > 1 else wires[index][1]
            chosen[index] = _settled(f"{name}_{ending}", PythonIdentifier)
            number += 1
        avoided.add(chosen[index])
    return chosen


def normalize_name(name: str) -> str:
    """Fold a name for comparison: letters and digits only, lower case."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()


def _clip(name: str) -> str:
    # Python reads identifiers in normal form KC (PEP 3131) and file names are not, so both must be in that form.
    text = unicodedata.normalize("NFKC", name)
    return text if len(text) <= MAX_NAME else text[:MAX_NAME].rstrip("_- .")


def _settled(name: str, kind: type[ClassName | PythonIdentifier]) -> str:
    """Apply the generator's own renaming until it changes nothing, so that it will leave the name alone."""
    for _ in range(5):
        name, before = str(kind(name, _FIELD_PREFIX)), name
        if name == before:
            break
    return name
