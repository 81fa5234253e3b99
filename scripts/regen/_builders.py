"""Writing `aikynetix_api/facade.py`: all that the facade takes from the vendor's document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.regen._address import video_url_places
from scripts.regen._rules import RULES, SESSION_PARAMETER, Rule
from scripts.regen._signatures import Argument, OperationSource, model_fields, names_in, read_operation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scripts.regen._canonical import Canonical, Endpoint
    from scripts.regen._load import Json
    from scripts.regen._security import Credentials

_HEAD = '''"""What the facade takes from the vendor's document; made by `make regen`, never edited by hand."""

from __future__ import annotations

from typing import Any

'''


def facade_module(spec: Json, canonical: Canonical, credentials: Credentials, base: str | None, package: Path) -> str:
    """Return the source of the module. Every value is a literal made by `repr`, so the document cannot add code.

    Args:
        spec: The vendor's document.
        canonical: What was generated.
        credentials: Where the credentials go.
        base: The base URL.
        package: The folder that it was generated into.
    """
    endpoints = {rule.name: found for rule in RULES if (found := canonical.named(rule.name))}
    modules = {name: one.module for name, one in endpoints.items()}
    builders = [_Builder.of(rule, endpoints.get(rule.name), package) for rule in RULES]
    found_places = {name: video_url_places(canonical.book, one.operation) for name, one in endpoints.items()}
    places = {name: found for name, found in found_places.items() if found}
    info = spec["info"]
    values: list[tuple[str, str, object, str]] = [
        ("TITLE", "str", str(info.get("title", "")), "The title of the vendor's document."),
        ("VERSION", "str", str(info.get("version", "")), "The version of the vendor's document."),
        ("BASE_URL", "str | None", base, "The vendor's first usable server, without a slash at its end."),
        ("API_KEY", "tuple[str, str] | None", credentials.api_key, "Where an API key goes: place and name."),
        ("BEARER", "tuple[str, str] | None", credentials.bearer, "Where a token goes: header name and prefix."),
        (
            "UNSUPPORTED",
            "dict[str, str]",
            {one.rule.name: one.unsupported for one in builders if one.unsupported},
            "Facade operation to the reason why it cannot be called.",
        ),
        (
            "VIDEO_URL",
            "dict[str, tuple[tuple[str, ...], ...]]",
            places,
            "Facade operation to the places of the video's address in its answers, each the keys that lead there.",
        ),
        (
            "MODULES",
            "dict[str, str]",
            modules,
            "Facade operation to its generated module.",
        ),
    ]
    stated = [f'{name}: {kind} = {value!a}\n"""{words}"""\n' for name, kind, value, words in values]
    return _HEAD + "\n".join(stated) + "".join(f"\n\n{one.source()}" for one in builders)


@dataclass(frozen=True)
class _Builder:
    """Writes the function that makes the request of one facade operation.

    Flags that are true are sent, false ones only where the document requires them; nothing else is sent unless the
    document requires it and gives its value.

    Attributes:
        rule: The operation's rule.
        module: The generated module, relative to the package; None when the document has no such operation.
        operation: What the module holds.
        sends_form: Whether the body is a form, which is no body at all on the wire where it is empty.
        body: Name, import and fields of the body's model, None without one.
    """

    rule: Rule
    module: str | None = None
    operation: OperationSource | None = None
    sends_form: bool = False
    body: tuple[str, str, tuple[Argument, ...]] | None = None

    @classmethod
    def of(cls, rule: Rule, endpoint: Endpoint | None, package: Path) -> _Builder:
        """Read what there is to say in a request."""
        if endpoint is None:
            return cls(rule)
        operation = read_operation((package / "api" / endpoint.tag / f"{endpoint.name}.py").read_text("utf-8"))
        sends_form = endpoint.body is not None and endpoint.body.kind in ("form", "multipart")
        module = endpoint.module.partition(".")[2]
        return cls(rule, module, operation, sends_form, _body_model(operation, package))

    @property
    def flags(self) -> list[str]:
        """What the facade may say."""
        return [flag.name for flag in self.rule.flags]

    @property
    def unsupported(self) -> str:
        """Why the operation cannot be called, empty when it can."""
        if self.operation is None:
            return "the vendor's spec has no such operation any more"
        positional = [one.name for one in self.operation.arguments if one.is_positional]
        if positional != [SESSION_PARAMETER]:
            return f"its path needs {', '.join(positional) or 'no session'}"
        unsaid = [
            one.name for one in (*self._keywords, *self._fields) if one.default is None and one.name not in self.flags
        ]
        if self.body is None:
            unsaid += [one.name for one in self.operation.arguments if one.name == "body" and not one.is_optional]
        return f"it requires {', '.join(unsaid)}, which the facade cannot say" if unsaid else ""

    @property
    def _keywords(self) -> list[Argument]:
        stated = self.operation.arguments if self.operation else ()
        return [one for one in stated if not one.is_positional and one.name != "body"]

    @property
    def _fields(self) -> tuple[Argument, ...]:
        return self.body[2] if self.body else ()

    def source(self) -> str:
        """Return the function's source."""
        arguments = ", ".join(f"{flag}: bool" for flag in self.flags)
        head = f"def {self.rule.name}({SESSION_PARAMETER}: str, *, {arguments}) -> dict[str, Any]:\n"
        words = f'    """Return what makes the request of `{self.rule.name}`, as httpx takes it."""\n'
        return head + words + "".join(f"    {line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        if self.unsupported:
            yield f"raise ValueError({self.unsupported!a})"
            return
        lines = list(self._statements())
        if any("UNSET" in line for line in lines):
            yield "from .types import UNSET"
        yield f"from .{self.module} import _get_kwargs"
        yield from lines

    def _statements(self) -> Iterator[str]:
        said = {one.name for one in (*self._keywords, *self._fields)}
        for flag in self.flags:
            if flag not in said:
                yield f"if {flag}:"
                yield f"    raise ValueError({f'it no longer takes {flag!r}'!a})"
        keywords = [SESSION_PARAMETER, *self._said(self._keywords, "UNSET")]
        if self.body:
            yield from self._body_lines(*self.body)
            keywords.append("body=body")
        yield f"return _get_kwargs({', '.join(keywords)})"

    def _body_lines(self, name: str, statement: str, fields: Sequence[Argument]) -> Iterator[str]:
        flags = [one.name for one in fields if one.name in self.flags]
        unsaid = "UNSET"
        if self.sends_form and flags and all(one.is_optional for one in fields):
            yield "# A form that says nothing is no body at all on the wire, so it says that it is neither."
            yield f"unsaid = UNSET if {' or '.join(flags)} else False"
            unsaid = "unsaid"
        yield statement
        yield f"body = {name}({', '.join(self._said(fields, unsaid))})"

    def _said(self, stated: Sequence[Argument], unsaid: str) -> Iterator[str]:
        for one in stated:
            if one.name in self.flags:
                yield f"{one.name}={one.name} or {unsaid}" if one.is_optional else f"{one.name}={one.name}"
            elif one.is_optional:
                yield f"{one.name}=UNSET"


def _body_model(operation: OperationSource, package: Path) -> tuple[str, str, tuple[Argument, ...]] | None:
    """Return the model of the body; of several bodies the first model that serializes itself."""
    for one in operation.arguments:
        for name in names_in(one.annotation) if one.name == "body" else ():
            statement = operation.imports.get(name, "")
            if statement.startswith("from ...models."):
                module = statement.split()[1].removeprefix("...models.")
                fields = model_fields((package / "models" / f"{module}.py").read_text("utf-8"), name)
                if fields is not None:
                    return name, statement.replace("from ...", "from .", 1), fields
    return None
