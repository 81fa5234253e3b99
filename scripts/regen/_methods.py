"""Writing `aikynetix_api/operations/`: every operation as a typed method, a module for each group, loaded when used.

What an operation takes and returns is asked of the generator.
"""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING, Any

from scripts.regen._method_names import method_names
from scripts.regen._names import identifier
from scripts.regen._schemas import clean_prose

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from jinja2 import Environment

    from scripts.regen._canonical import Canonical
    from scripts.regen._operations import Operation


def method_modules(
    canonical: Canonical, made: Mapping[str, Any], templates: Environment, success_type: Callable[[Any], str]
) -> dict[str, str]:
    """Return path and source of each module.

    Args:
        canonical: What was generated.
        made: What the generator has of each operation, by its module.
        templates: Where the templates are.
        success_type: Returns the type of what an operation's success is.
    """
    groups: dict[str, dict[str, tuple[Operation, str]]] = {}
    names = method_names([(one.operation, one.suffix) for one in canonical.endpoints])
    for (group, name), endpoint in zip(names, canonical.endpoints, strict=True):
        groups.setdefault(group, {})[name] = (endpoint.operation, endpoint.module)
    modules: dict[str, str] = {}
    listed: list[tuple[str, str, list[str]]] = []
    for group in sorted(groups):
        class_name = "".join(part.capitalize() for part in group.split("_")) + "Operations"
        while canonical.book.components.keys() & {class_name, f"Async{class_name}"}:
            class_name += "_"
        own = sorted(groups[group])
        # A method called `list` hides the built-in type from the annotations of its class.
        hidden = [name for name in own if hasattr(builtins, name)]
        methods = [
            _method(name, operation, module, made[module], success_type(made[module]), hidden)
            for name in own
            for operation, module in [groups[group][name]]
        ]
        imports = _imports((made[module] for _, module in groups[group].values()), methods)
        modules[f"operations/{group}.py"] = templates.get_template("operations_group.py.jinja").render(
            group=group, class_name=class_name, methods=methods, imports=imports
        )
        listed.append((group, class_name, own))
    modules["operations/__init__.py"] = templates.get_template("operations.py.jinja").render(groups=listed)
    return modules


def _imports(made: Iterable[Any], methods: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the imports that the annotations of some methods need."""
    words = {word for one in methods for text in (*one["stated"], one["returns"]) for word in re.findall(r"\w+", text)}
    lines: list[str] = []
    for line in sorted({"import builtins"}.union(*(one.relative_imports for one in made))):
        start, _, names = line.replace("from ...", "from ..").partition("import ")
        kept = [name for name in names.split(", ") if name in words - {"Any", "UNSET"}]
        lines += [f"{start}import {', '.join(kept)}"] if kept else []
    return lines


def _method(
    name: str, operation: Operation, module: str, made: Any, returns: str, hidden: Collection[str]
) -> dict[str, Any]:
    """Return what the template says of an operation."""
    in_path = [one.python_name for one in made.path_parameters]
    others = [*(body.prop for body in made.bodies), *made.query_parameters]
    others += [*made.header_parameters, *made.cookie_parameters]
    package, _, file = module.partition(".")[2].rpartition(".")
    return {
        "name": name,
        "stated": ["self", *(_stated(one, hidden) for one in made.path_parameters)]
        + (["*", *(_stated(one, hidden) for one in others)] if others else []),
        "passed": ["_operation", *in_path, *(f"{one.python_name}={one.python_name}" for one in others)],
        "returns": _seen(returns, hidden),
        "prose": _prose(operation, [*in_path, *(one.python_name for one in others)]),
        "package": package,
        "module": file,
    }


def _stated(argument: Any, hidden: Collection[str]) -> str:
    name, _, rest = str(argument.to_string().as_unembedded_code()).partition(":")
    annotation, equals, default = rest.partition(" = ")
    return f"{name}:{_seen(annotation, hidden)}{equals}{default}"


def _seen(annotation: str, hidden: Collection[str]) -> str:
    """Return an annotation as a class reads it that has methods of the hidden names."""
    return re.sub(rf"\b({'|'.join(hidden)})\b", r"builtins.\1", annotation) if hidden else annotation


def _prose(operation: Operation, arguments: Iterable[str]) -> str:
    """Return a docstring's text: what the vendor says of the operation and its parameters."""
    parts = [clean_prose(operation.summary).strip(), clean_prose(operation.description).strip()]
    parts += ["Deprecated by the vendor."] if operation.deprecated else []
    described = {identifier(one["name"]): one.get("description") for one in operation.parameters}
    lines = [
        f"    {name}: {' '.join(clean_prose(text).split())}"
        for name in arguments
        if isinstance(text := described.get(name), str) and text.strip()
    ]
    parts += ["\n".join(["Args:", *lines])] if lines else []
    text = "\n\n".join(part for part in [*parts, f"Request: `{operation.label}`"] if part)
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
