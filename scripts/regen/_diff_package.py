"""What changed for callers between two generated packages: which names there are, and what stands behind each.

A document says nothing of names in Python: a new one may take another's, and with it its place on the wire or its type.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scripts.regen._diff import Change
from scripts.regen._diff_schema import ADDITIVE, BREAKING, UNJUDGED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

_METHOD, _MODULE, _MODEL = "methods of `client.api`", "modules of operations", "models"
_CLASSES = re.compile(r"^class (\w+)|^(\w+) = Literal\[", re.MULTILINE)
_LITERALS = re.compile(r"^(\w+) = (Literal\[.*?\])$", re.MULTILINE | re.DOTALL)
_ARGUMENTS = re.compile(r"^def _get_kwargs\((.*?)\) -> ", re.MULTILINE | re.DOTALL)
_ANSWERS = re.compile(r"^def _parse_response\(.*?\) -> (.*?):\n", re.MULTILINE | re.DOTALL)
_TROUBLE = re.compile(r"^NOT_CALLABLE: str = (.*)$", re.MULTILINE)
# Names on the wire and in Python, where a model makes its content.
_WIRES = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')(?:\] =|:) (\w+)""")
_PLACES = {"query": "query", "headers": "header", "cookies": "cookie"}
_PLAIN = {"str", "int", "float", "bool", "None"}

_Kinds = frozenset[Any]  # the members of a type: each its name, or a tuple of what it is and of the members inside


@dataclass(frozen=True)
class _Part:
    """An argument or the result of a method, or a field of a model."""

    wire: str  # what it is in the request or the answer
    type: str
    sent: bool = False
    received: bool = False


@dataclass(frozen=True)
class _Named:
    """What has a public name."""

    category: str
    what: str  # what it is beside its name: its request, or its source
    parts: Mapping[str, _Part] = field(default_factory=dict)
    trouble: str = ""  # why it cannot be called

    @cached_property
    def key(self) -> tuple[str, str]:
        """What is the same under another name; what parameters of a path are called is no part of it."""
        return self.category, re.sub(r"\{\w+\}", "{}", self.what)


def package_changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    """Compare what two packages give to callers; what only moved is told with its new name."""
    trees = [{path: data.decode() for path, data in one.items() if path.endswith(".py")} for one in (old, new)]
    differing = {path for path in {**trees[0], **trees[1]} if trees[0].get(path) != trees[1].get(path)}
    if not differing:
        return []
    try:
        sent, received = (one | other for one, other in zip(*map(_roles, trees), strict=True))
        named = [dict(_named(tree, differing, sent, received)) for tree in trees]
        was, now = (dict(_LITERALS.findall("\n".join(tree.values()))) for tree in trees)
        return list(_compared(named[0], named[1], was, now))
    except Exception as problem:  # the package that is there may be one that another generator made
        return [Change(UNJUDGED, "package", f"the package that is there cannot be compared: {problem!r}")]


def _compared(
    before: Mapping[str, _Named], after: Mapping[str, _Named], was: dict[str, str], now: dict[str, str]
) -> Iterator[Change]:
    moved: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, one in after.items():
        if name not in before or before[name].key != one.key:
            moved[one.key].append(name)
    targets: dict[str, str] = {}
    for name, one in before.items():
        successors = moved[one.key]
        if name in after and (not successors or one.key == after[name].key):
            targets[name] = name
            continue
        text = f"called `{successors[0]}` now" if successors else "gone"
        text = f"another now, and what it was is {text}" if name in after else text
        yield Change(BREAKING, one.category, f"`{name}` is {text}")
        if successors:
            targets[name] = successors.pop(0)
    for name in itertools.chain(*moved.values()):
        if after[name].category == _METHOD and name not in before:
            yield Change(ADDITIVE, _METHOD, f"`{name}` is new: {after[name].what}")
    classes = {
        name: successor for name, successor in targets.items() if before[name].category == _MODEL and name != successor
    }
    was = {name.rpartition(".")[2]: successor.rpartition(".")[2] for name, successor in classes.items()} | was
    for name, target in targets.items():
        for kind, text in _differences(before[name], after[target], was, now):
            yield Change(kind, f"`{target}`", text)


def _differences(old: _Named, new: _Named, was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if new.trouble and not old.trouble:
        yield BREAKING, f"it cannot be called any more: {new.trouble}"
    if old.trouble and not new.trouble:
        yield ADDITIVE, "it can be called now"
    if old.trouble or new.trouble:
        return
    for title, one in old.parts.items():
        other = new.parts.get(title)
        if other is None:
            yield BREAKING, f"{title} is gone"
        elif one.wire != other.wire:
            yield BREAKING, f"{title} is {other.wire}, was {one.wire}"
        else:
            left, right = _kinds(one.type, was), _kinds(other.type, now)
            if (one.sent and not _fits(left, right)) or (one.received and not _fits(right, left)):
                earlier = re.sub(r"\w+", lambda name: was.get(name[0], name[0]), one.type)
                yield BREAKING, f"{title} is `{other.type}`, was `{earlier}`"


def _kinds(annotation: str, names: Mapping[str, str]) -> _Kinds:
    """Return the members of a type; `names` says what else some stand for."""
    node = ast.parse(annotation, mode="eval").body
    left, found = [node], set[Any]()
    while left:
        match left.pop():
            case ast.BinOp(left=one, right=other):
                left += [one, other]
            case ast.Constant(value=str(text)):  # a name that is defined further below
                left.append(ast.parse(text, mode="eval").body)
            case ast.Name(id=name) if name in names:
                found |= _kinds(names[name], {})
            case ast.Subscript(value=ast.Name(id="Literal"), slice=inside):
                values = map(ast.literal_eval, _elements(inside))
                found |= {("Literal", type(one).__name__, repr(one)) for one in values}
            case ast.Subscript(value=outer, slice=inside):
                found.add((ast.unparse(outer), *(_kinds(ast.unparse(one), names) for one in _elements(inside))))
            case one:
                found.add(ast.unparse(one))
    return frozenset(found)


def _elements(inside: ast.expr) -> Sequence[ast.expr]:
    return inside.elts if isinstance(inside, ast.Tuple | ast.List) else [inside]


def _fits(narrow: _Kinds, wide: _Kinds) -> bool:
    """Tell whether every value of one type is one of the other."""
    return all(any(_within(one, other) for other in wide) for one in narrow)


def _within(one: Any, other: Any) -> bool:
    if one == other or (one, other) == ("int", "float") or (other == "Any" and one in _PLAIN):
        return True
    if not isinstance(one, tuple):
        return False
    if one[0] == "Literal":
        return other in (one[1], "Any")
    inside = [frozenset({"Any"})] * (len(one) - 1) if other == "Any" else other[1:] if one[0] == other[0] else ()
    return len(inside) == len(one) - 1 and all(map(_fits, one[1:], inside))


def _roles(tree: Mapping[str, str]) -> tuple[set[str], set[str]]:
    """Return the models that can be sent, and those that can be received."""
    uses = {name: text for path, text in tree.items() if path.startswith("models/") for name in _classes(text)}
    found: list[set[str]] = []
    for part in (_ARGUMENTS, _ANSWERS):
        texts = [said for path, text in tree.items() if path.startswith("api/") for said in part.findall(text)]
        reached = set[str]()
        while texts:
            names = set(re.findall(r"\w+", texts.pop())) & uses.keys() - reached
            reached |= names
            texts += [" ".join(re.findall(r"import (\w+)", uses[name])) for name in names]
        found.append(reached)
    return found[0], found[1]


def _classes(text: str) -> list[str]:
    return ["".join(one) for one in _CLASSES.findall(text)]


def _named(
    tree: Mapping[str, str], differing: Collection[str], sent: Collection[str], received: Collection[str]
) -> Iterator[tuple[str, _Named]]:
    """Yield what has a public name. Models that are the same in both packages are left out."""
    for path, text in sorted(tree.items()):
        folder, _, module = path.removesuffix(".py").replace("/", ".").partition(".")
        stem = module.rpartition(".")[2]
        if stem == "__init__":
            continue
        if folder == "api":
            yield f"aikynetix_api.api.{module}", _Named(_MODULE, _operation(text)[0])
        elif folder == "operations":
            for name, method in _methods(text, tree):
                yield f"client.api.{stem}.{name}", method
        elif folder == "models" and path in differing:
            for name in _classes(text):
                same = re.sub(rf"\b({re.escape(name)}|{re.escape(stem)})\b", "_", text)
                is_sent = name in sent
                fields = _fields(text, sent=is_sent, received=name in received or not is_sent)
                parts = dict(fields) if f"class {name}" in text else {}
                yield f"aikynetix_api.models.{name}", _Named(_MODEL, same, parts=parts)


def _operation(text: str) -> tuple[str, dict[str, str]]:
    """Return what request the module of an operation makes, and the place of each of its arguments in it."""
    function = text.partition("def _get_kwargs")[2].partition("\n\n\n")[0]
    nodes = ast.walk(ast.parse(f"def _get_kwargs{function}"))
    call = next(one for one in nodes if isinstance(one, ast.Call) and ast.unparse(one.func) == "request")
    method, path = (ast.literal_eval(getattr(getattr(one, "func", None), "value", one)) for one in call.args)
    names = re.findall(r"\{(\w+)\}", path)
    wires = {"body": "the body"} | {name: f"parameter {number} of the path" for number, name in enumerate(names, 1)}
    for keyword in call.keywords:
        if place := _PLACES.get(keyword.arg or ""):
            stated = [[ast.unparse(part) for part in _elements(one)[:2]] for one in _elements(keyword.value)]
            wires |= {own: f"the {place} parameter `{ast.literal_eval(wire)}`" for wire, own in stated}
    return f"{method.upper()} {path}", wires


def _methods(text: str, tree: Mapping[str, str]) -> Iterator[tuple[str, _Named]]:
    functions = (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef) and len(one.body) > 1)
    for function in functions:
        source = next(one for one in function.body if isinstance(one, ast.ImportFrom))
        module = tree[f"{str(source.module).replace('.', '/')}/{source.names[0].name}.py"]
        what, wires = _operation(module)
        parts = {
            f"its argument `{one.arg}`": _Part(wires[one.arg], _written(one.annotation), sent=True)
            for one in [*function.args.args[1:], *function.args.kwonlyargs]
        }
        parts["its result"] = _Part("the answer", _written(function.returns), received=True)
        trouble = ast.literal_eval("".join(_TROUBLE.findall(module)) or "''").partition(" cannot be called: ")[2]
        yield function.name, _Named(_METHOD, what, parts, trouble)


def _written(annotation: ast.expr | None) -> str:
    return ast.unparse(annotation).replace("builtins.", "") if annotation else "Any"


def _fields(text: str, *, sent: bool, received: bool) -> Iterator[tuple[str, _Part]]:
    """Yield the fields of a model, each with its name on the wire."""
    stated = ast.parse("class " + text.partition("\nclass ")[2].partition("\n    def ")[0])
    wires = {own: ast.literal_eval(wire) for wire, own in _WIRES.findall(text.partition(" field_dict: ")[2])}
    for one in ast.iter_child_nodes(stated.body[0]):
        if isinstance(one, ast.AnnAssign):
            name = ast.unparse(one.target)
            place = f"the field `{wires[name]}`" if name in wires else "any other"
            yield f"its field `{name}`", _Part(place, _written(one.annotation), sent, received)
