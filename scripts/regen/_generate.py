"""Running the pinned generator and the formatter over a canonical document.

Every operation becomes a method of `client.api` too, in `aikynetix_api/operations/`, which is loaded when used. Names
are made of tag, path and method, whatever the operationId is; the rules are the tables below. `GET
/session-management/sessions/` is `sessions.list`, `GET …/sessions/{id}/` is `sessions.get`, `POST
…/sessions/{id}/analyzed-video/` is `sessions.create_analyzed_video`, `POST /keys/{id}/rotate/` is `keys.rotate`. Each
depends on its own operation alone, unless two want the same. What an operation takes and returns is asked of the
generator.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import itertools
import json
import keyword
import re
import subprocess
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import FunctionLoader
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import openapi as parser
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import GeneratorData
from openapi_python_client.schema.untrusted_string import UntrustedString
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

from scripts.regen._corrections import corrected, plain_types
from scripts.regen._document import RefusedError
from scripts.regen._names import identifier, normalize_name
from scripts.regen._operations import PARAMETER_IN_PATH
from scripts.regen._schemas import clean_prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jinja2 import Environment

    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._operations import Operation

PACKAGE = "aikynetix_api"
TEMPLATES = Path(__file__).with_name("templates")
# The parser copies an endpoint, with all its models, at each of four steps, which is a tenth of a whole run.
parser.deepcopy = copy  # type: ignore[assignment, attr-defined]  # a shallow copy will do
_RUFF_TIMEOUT = 120.0  # seconds; three hundred operations take about two


def generate(canonical: Canonical, target: Path, facade: Mapping[str, Any]) -> None:
    """Write the package into a new folder, with modules of our own in it; `facade` is what the facade's module says."""
    settings = ConfigFile(
        project_name_override=PACKAGE,
        package_name_override=PACKAGE,
        literal_enums=True,  # plain strings on both sides; enumeration members would need valid, distinct names
        post_hooks=[],  # the formatter is run below, with a configuration of its own
    )
    config = Config.from_sources(settings, MetaType.NONE, Path("openapi.json"), "utf-8", False, output_path=target)
    with contextlib.redirect_stdout(io.StringIO()):
        data = GeneratorData.from_dict(canonical.document, config=config)
        if isinstance(data, GeneratorError):
            raise RefusedError(_complaint([data]))
        made = _restore(data, canonical)
        project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
        templates = project.env.loader
        assert templates is not None
        project.env.loader = FunctionLoader(lambda name: corrected(name, templates.get_source(project.env, name)[0]))
        helpers: dict[str, Any] = {
            "known_of": canonical.of,
            "dumps": json.dumps,
            "success_type": success_type,
            "plain_types": plain_types,
        }
        project.env.globals.update(helpers)
        errors = project.build()
    if errors:
        raise RefusedError(_complaint(errors))
    methods = method_modules(canonical, made, project.env)
    own = {name: project.env.get_template(f"{name}.jinja").render(facade) for name in ("wire.py", "facade.py")}
    for name, source in {"py.typed": "", **own, **methods}.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(source, encoding="utf-8")
    _format(target)


def _restore(data: GeneratorData, canonical: Canonical) -> dict[str, Any]:
    """Put back what the document could not say: paths, methods, places, wire names. Return operations by module."""
    made: dict[str, Any] = {}
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            known = canonical.of(endpoint)
            made[known.module] = endpoint
            endpoint.path, endpoint.method = UntrustedString(known.prefix + known.path), known.operation.method
            by_name = {one.name.get_untrusted_value(): one for one in endpoint.query_parameters}
            for location in ("path", "query", "header", "cookie"):
                group = [by_name[one.own] for one in known.parameters if one.location == location]
                setattr(endpoint, f"{location}_parameters", group)
    for model in data.models:
        wires = canonical.registry.wire_names.get(str(model.class_info.name), {})
        for one in [*(model.required_properties or []), *(model.optional_properties or [])]:
            own = one.name.get_untrusted_value()
            one.name = UntrustedString(wires.get(own, own))
    return made


def _complaint(errors: Any) -> str:
    parts = [f"{error.header} {error.detail or ''}".strip() for error in errors]
    text = "; ".join(" ".join(part.split()) for part in parts)
    return f"The generator would leave something out, so nothing was generated: {text[:900]}"


def _format(target: Path) -> None:
    """Sort imports and format with settings given here alone; an enclosing pyproject would change the bytes."""
    settings = ["--isolated", "--no-cache", "--no-respect-gitignore", "--quiet", "--target-version", "py311"]
    check = ["check", target.name, *settings, "--fix-only", "--select", "E4,E7,E9,F,I", "--config", "line-length=120"]
    layout = ["format", target.name, *settings, "--line-length", "120"]
    for command in (check, layout):
        whole = [find_ruff_bin(), *command]
        done = subprocess.run(
            whole, cwd=target.parent, capture_output=True, text=True, timeout=_RUFF_TIMEOUT, check=False
        )
        if done.returncode != 0:
            words = " ".join((done.stderr or done.stdout).split())[:500] or "the generator wrote what is not Python"
            raise RefusedError(f"The generated package cannot be formatted: {words}")


# Segments before the resource that name nothing: `/api/v2/sessions/`.
_NOISE = re.compile(r"api|rest|v\d+([._]\d+)*")

# Method to verb, where the path ends in a whole collection, and in one thing.
_OF_COLLECTION = {"get": "list", "post": "create", "put": "replace_all", "patch": "update_all", "delete": "delete_all"}
_OF_ITEM = {"get": "get", "post": "create", "put": "replace", "patch": "update", "delete": "delete"}

# A last segment that begins with one of these says itself what is done: `POST /keys/{id}/rotate/`.
_ACTIONS = """
accept activate add analyze approve archive assign attach authenticate batch block calculate cancel change check clone
close compare complete compute confirm connect copy create deactivate delete detach disable disconnect download
duplicate enable estimate exchange execute export fetch finish generate get import invite join leave link list lock
login logout mark merge move pause process publish purge query recalculate refresh register reject remove rename renew
request resend reset restart restore resume retry revoke rotate run save search send set share sign signin signout
signup start stop submit subscribe sync transfer trigger unarchive unassign unblock unlink unlock unpublish unregister
unshare unsubscribe update upload validate verify
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
    parts = [part for part in re.split(r"[/#]|:(?![^{]*\})", operation.path) if part]  # `/users/{id}:activate` too
    noise = list(itertools.takewhile(lambda part: _NOISE.fullmatch(part.lower()), parts[:-1]))
    group, own, rest = _grouped(operation, noise, parts[len(noise) :])
    base = _named(operation.method.lower(), own, rest)
    parameters = PARAMETER_IN_PATH.findall(operation.path)
    before = [one for one in parts[len(noise) : len(parts) - len(rest)] if one != own and not _is_parameter(one)]
    others = [f"{base}_{noise[-1]}"] if noise else []
    others += [f"{base}_by_{parameters[-1]}"] if parameters else []
    others += ["_".join([base, *before])] if before else []
    others += [] if base.startswith(operation.method.lower()) else [f"{operation.method}_{base}"]
    numbered = (f"{base[:60]}_{number}" for number in itertools.count(2))  # what is longer may be cut off
    return _attribute(group), itertools.chain([base], others, numbered)


def _grouped(operation: Operation, noise: Sequence[str], parts: Sequence[str]) -> tuple[str, str, Sequence[str]]:
    """Return the group, the segment that stands for it (the group itself where none does), and the segments after it.

    The tag is the group, unless it only repeats how the path begins: then the first collection on the path is.
    """
    tag = normalize_name(operation.tag)
    fixed = list(itertools.takewhile(lambda part: not _is_parameter(part), parts))
    if operation.tag != "default" and tag not in map(normalize_name, [*noise, *fixed]):
        same = [number for number, part in enumerate(parts) if _singular(normalize_name(part)) == _singular(tag)]
        if same:
            return operation.tag, parts[same[-1]], parts[same[-1] + 1 :]
        return operation.tag, operation.tag, parts[len(fixed) + 1 :] or parts
    number = next((number for number, part in enumerate(fixed) if _is_plural(part)), None)
    if number is None:
        number = next((number for number, part in enumerate(fixed) if normalize_name(part) == tag), 0)
    return (fixed[number], fixed[number], parts[number + 1 :]) if fixed else (operation.tag, operation.tag, parts)


def _named(method: str, own: str, rest: Sequence[str]) -> str:
    fixed = [part for part in rest if not _is_parameter(part)]
    is_whole = _is_plural((rest or [own])[-1])
    # `GET …/upload-sessions/` and `…/upload-sessions/{id}/` are about things, and `POST …/send-invites/` is done.
    is_thing = bool(fixed) and _is_plural(fixed[-1]) and (method == "get" or not is_whole)
    if fixed and not is_thing and re.split(r"[\W_]|(?<=[a-z])(?=[A-Z])", fixed[-1])[0].lower() in _VERBS:
        return "_".join([fixed[-1], *map(_singular, fixed[:-1])])
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
    groups: dict[str, dict[str, Endpoint]] = {}
    names = method_names([(one.operation, one.suffix) for one in canonical.endpoints])
    for (group, name), endpoint in zip(names, canonical.endpoints, strict=True):
        groups.setdefault(group, {})[name] = endpoint
    modules: dict[str, str] = {}
    listed: list[tuple[str, str, list[str]]] = []
    for group, own in sorted(groups.items()):
        class_name = "".join(part.capitalize() for part in group.split("_")) + "Operations"
        while canonical.registry.components.keys() & {class_name, f"Async{class_name}"}:
            class_name += "_"
        # A method called `list` hides the built-in type from the annotations of its class.
        hidden = [name for name in own if hasattr(builtins, name)]
        methods = [_method(name, one, made[one.module], hidden) for name, one in sorted(own.items())]
        # The formatter drops those that no annotation needs.
        lines = {"import builtins"}.union(*(made[one.module].relative_imports for one in own.values()))
        imports = sorted(line.replace("from ...", "from ..").replace("UNSET, ", "") for line in lines)
        modules[f"operations/{group}.py"] = templates.get_template("operations_group.py.jinja").render(
            group=group, class_name=class_name, methods=methods, imports=imports
        )
        listed.append((group, class_name, sorted(own)))
    modules["operations/__init__.py"] = templates.get_template("operations.py.jinja").render(groups=listed)
    return modules


def _method(name: str, endpoint: Endpoint, made: Any, hidden: Sequence[str]) -> dict[str, Any]:
    """Return what the template says of an operation, in a class with methods of the hidden names."""

    def seen(annotation: str) -> str:
        return re.sub(rf"\b({'|'.join(hidden)})\b", r"builtins.\1", annotation) if hidden else annotation

    def stated(argument: Any) -> str:
        own, _, rest = str(argument.to_string().as_unembedded_code()).partition(":")
        annotation, equals, default = rest.partition(" = ")
        return f"{own}:{seen(annotation)}{equals}{default}"

    in_path, others = made.path_parameters, [*(body.prop for body in made.bodies), *made.query_parameters]
    others += [*made.header_parameters, *made.cookie_parameters]
    return {
        "name": name,
        "stated": ["self", *map(stated, in_path), *(["*", *map(stated, others)] if others else [])],
        "passed": [one.python_name for one in in_path] + [f"{one.python_name}={one.python_name}" for one in others],
        "returns": seen(success_type(made)),
        "prose": _prose(endpoint, [one.python_name for one in (*in_path, *others)]),
        "endpoint": endpoint,
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
    return " | ".join(sorted(dict.fromkeys(types), key="None".__eq__))  # `None | None`, of `X | None`, is an error


def _prose(endpoint: Endpoint, arguments: Iterable[str]) -> str:
    """Return a docstring's text: what the vendor says of the operation and its parameters."""
    operation = endpoint.operation
    parts = [clean_prose(operation.summary).strip(), clean_prose(operation.description).strip()]
    parts += ["Deprecated by the vendor."] if operation.deprecated else []
    described = {one.own: one.stated.get("description") or one.view.get("description") for one in endpoint.parameters}
    lines = [
        f"    {name}: {' '.join(clean_prose(text).split())}"
        for name in arguments
        if isinstance(text := described.get(name), str) and text.strip()
    ]
    parts += ["\n".join(["Args:", *lines])] if lines else []
    text = "\n\n".join(part for part in [*parts, f"Request: `{operation.label}`"] if part)
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
