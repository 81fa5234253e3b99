"""`client.api`: what the vendor's operations are called there, and `aikynetix_api/operations/`, loaded when used.

Names are made of tag, path and method, whatever the operationId is; the rules are the tables below. `GET
/session-management/sessions/` is `sessions.list`, `GET …/sessions/{id}/` is `sessions.get`, `POST
…/sessions/{id}/analyzed-video/` is `sessions.create_analyzed_video`, `POST /keys/{id}/rotate/` is `keys.rotate`. Each
depends on its own operation alone, unless two want the same. What an operation takes and returns is asked of the
generator.
"""

from __future__ import annotations

import builtins
import itertools
import keyword
import re
from typing import TYPE_CHECKING, Any

from scripts.regen._names import folded, identifier
from scripts.regen._operations import PARAMETER_IN_PATH
from scripts.regen._schemas import clean_prose

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from jinja2 import Environment

    from scripts.regen._canonical import Canonical
    from scripts.regen._operations import Operation

# Segments before the resource that name nothing: `/api/v2/sessions/`.
_NOISE = re.compile(r"api|rest|v\d+([._]\d+)*")

# Method to verb, where the path ends in a whole collection, and in one thing.
_OF_COLLECTION = {"get": "list", "post": "create", "put": "replace_all", "patch": "update_all", "delete": "delete_all"}
_OF_ITEM = {"get": "get", "post": "create", "put": "replace", "patch": "update", "delete": "delete"}

# A last segment that begins with one of these says itself what is done: `POST /keys/{id}/rotate/`.
_ACTIONS = """
accept activate add analyze approve archive assign attach authenticate block calculate cancel change check clone close
compare complete compute confirm connect copy deactivate detach disable disconnect download duplicate enable estimate
exchange execute export finish generate import invite join leave link lock login logout mark merge move pause process
publish purge query recalculate refresh register reject remove rename renew request resend reset restart restore resume
retry revoke rotate run save search send share sign signin signout signup start stop submit subscribe sync transfer
trigger unarchive unassign unblock unlink unlock unpublish unregister unshare unsubscribe upload validate verify
"""
_VERBS = frozenset(_ACTIONS.split())

# Endings of plurals and what they are without; the first that fits. An ending that stays is of a singular.
_PLURALS = (
    ("ies", "y"), ("sses", "ss"), ("shes", "sh"), ("ches", "ch"), ("xes", "x"), ("ss", "ss"), ("us", "us"),
    ("ysis", "ysis"), ("asis", "asis"), ("news", "news"), ("s", ""),
)  # fmt: skip

# Modules that annotations of generated code name: a method of that name would hide them in its class.
_IMPORTED = ("builtins", "datetime")

_METHODS = ("get", "post", "put", "patch", "delete")


def method_names(operations: Sequence[tuple[Operation, str]]) -> list[tuple[str, str]]:
    """Return (group, name) of each operation, in their order: unique, and attributes as Python writes them.

    Each is given with the kind of body that tells it from others of the same operation, empty for the first. Where two
    want one name, the first by path and method keeps it, in whatever order they are given.
    """
    result: dict[int, tuple[str, str]] = {}
    taken = set[tuple[str, str]]()
    for number in sorted(range(len(operations)), key=lambda one: _order(*operations[one])):
        operation, kind = operations[number]
        group, candidates = _wanted(operation)
        names = (_attribute(f"{one}_{kind}" if kind else one) for one in candidates)
        name = next(one for one in names if (group, one) not in taken)
        taken.add((group, name))
        result[number] = (group, name)
    return [result[number] for number in range(len(operations))]


def _order(operation: Operation, kind: str) -> tuple[object, ...]:
    method = _METHODS.index(operation.method) if operation.method in _METHODS else len(_METHODS)
    return (operation.path, method, operation.method, kind)


def _wanted(operation: Operation) -> tuple[str, Iterator[str]]:
    """Return the group, and names for the operation, the best first."""
    parts = [part for part in operation.path.split("/") if part]
    noise = list(itertools.takewhile(lambda part: _NOISE.fullmatch(part.lower()), parts[:-1]))
    group, own, rest = _grouped(operation, parts[len(noise) :])
    base = _named(operation.method.lower(), own, rest)
    parameters = PARAMETER_IN_PATH.findall(operation.path)
    others = [f"{base}_{noise[-1]}"] if noise else []
    others += [f"{base}_by_{parameters[-1]}"] if parameters else []
    others += [] if base.startswith(operation.method.lower()) else [f"{operation.method}_{base}"]
    numbered = (f"{base}_{number}" for number in itertools.count(2))
    return _attribute(group), itertools.chain([base], others, numbered)


def _grouped(operation: Operation, parts: Sequence[str]) -> tuple[str, str, Sequence[str]]:
    """Return the group, the segment that stands for it (the group itself where none does), and the segments after it.

    The tag is the group, unless it only repeats how the path begins: then the first collection on the path is.
    """
    tag = folded(operation.tag)
    fixed = list(itertools.takewhile(lambda part: not _is_parameter(part), parts))
    if operation.tag != "default" and tag not in map(folded, fixed):
        same = [number for number, part in enumerate(parts) if _singular(folded(part)) == _singular(tag)]
        if same:
            return operation.tag, parts[same[-1]], parts[same[-1] + 1 :]
        return operation.tag, operation.tag, parts[len(fixed) + 1 :] or parts
    number = next((number for number, part in enumerate(fixed) if _is_plural(part)), None)
    if number is None:
        number = next((number for number, part in enumerate(fixed) if folded(part) == tag), 0)
    return (fixed[number], fixed[number], parts[number + 1 :]) if fixed else (operation.tag, operation.tag, parts)


def _named(method: str, own: str, rest: Sequence[str]) -> str:
    fixed = [part for part in rest if not _is_parameter(part)]
    if fixed and re.split(r"[\W_]", fixed[-1])[0].lower() in _VERBS:
        return "_".join([fixed[-1], *map(_singular, fixed[:-1])])
    is_whole = _is_plural((rest or [own])[-1])
    if not fixed:
        return (_OF_COLLECTION if is_whole else _OF_ITEM).get(method, method)
    verb = "list" if is_whole and method == "get" else _OF_ITEM.get(method, method)
    last = _singular(fixed[-1]) if method == "post" or not is_whole else fixed[-1]
    return "_".join([verb, *map(_singular, fixed[:-1]), last])


def _attribute(name: str) -> str:
    made = identifier(name).rstrip("_") or "operation"
    return f"{made}_" if keyword.iskeyword(made) or made in _IMPORTED else made


def _is_parameter(part: str) -> bool:
    return PARAMETER_IN_PATH.search(part) is not None


def _is_plural(part: str) -> bool:
    return not _is_parameter(part) and _singular(part) != part


def _singular(part: str) -> str:
    for ending, instead in _PLURALS:
        if part.lower().endswith(ending):
            return part[: len(part) - len(ending)] + instead
    return part


def method_modules(canonical: Canonical, made: Mapping[str, Any], templates: Environment) -> dict[str, str]:
    """Return path and source of each module; `made` is what the generator has of each operation, by its module."""
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
            _method(name, operation, module, made[module], hidden)
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


def _method(name: str, operation: Operation, module: str, made: Any, hidden: Collection[str]) -> dict[str, Any]:
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
        "returns": _seen(success_type(made), hidden),
        "prose": _prose(operation, [*in_path, *(one.python_name for one in others)]),
        "package": package,
        "module": file,
    }


def success_type(endpoint: Any) -> str:
    """Return the type of what a success is: of several documented ones a union, None for those without content."""
    patterns = endpoint.responses.patterns
    successes = [one for one in patterns if one.status_code.range[0] < 300 and one.status_code.range[1] >= 200]
    if not successes and endpoint.responses.default:
        successes = [endpoint.responses.default]
    if not successes or endpoint.method == "head":
        return "None"
    types = [
        "None" if one.source["attribute"] == "None" else str(one.prop.get_type_string().as_unembedded_code())
        for one in successes
    ]
    return " | ".join(dict.fromkeys(types))


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
