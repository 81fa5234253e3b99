"""Writing `aikynetix_api/facade.py`: all that the facade takes from the vendor's document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.regen._address import video_url_places
from scripts.regen._names import module_name
from scripts.regen._rules import RULES, SESSION_PARAMETER, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from scripts.regen._canonical import Canonical, Endpoint, Parameter
    from scripts.regen._load import Json
    from scripts.regen._security import Credentials

_HEAD = '''"""What the facade takes from the vendor's document; made by `make regen`, never edited by hand."""

from __future__ import annotations

from typing import Any

'''


def facade_module(spec: Json, canonical: Canonical, credentials: Credentials, base: str | None) -> str:
    """Return the source of the module. Every value is a literal made by `repr`, so the document cannot add code.

    Args:
        spec: The vendor's document.
        canonical: What was generated.
        credentials: Where the credentials go.
        base: The base URL.
    """
    endpoints = {rule.name: found for rule in RULES if (found := canonical.named(rule.name))}
    modules = {name: one.module for name, one in endpoints.items()}
    builders = [_Builder(canonical, rule, endpoints.get(rule.name)) for rule in RULES]
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
    document requires it and gives its value, which the generated function then has as its default.

    Attributes:
        canonical: What was generated.
        rule: The operation's rule.
        endpoint: The operation, None when the document has no such one.
    """

    canonical: Canonical
    rule: Rule
    endpoint: Endpoint | None

    @property
    def unsupported(self) -> str:
        """Why the operation cannot be called, empty when it can."""
        if self.endpoint is None:
            return "the vendor's spec has no such operation any more"
        in_path = [one.own for one in self.endpoint.parameters if one.place == "path"]
        if in_path != [SESSION_PARAMETER]:
            return f"its path needs {', '.join(in_path) or 'no session'}"
        body = self.endpoint.body
        unsaid = [one.own for one in self._parameters if one.required and "default" not in one.view]
        unsaid += [name for name in self._model.get("required", ()) if "default" not in self._model["properties"][name]]
        unsaid = [name for name in unsaid if name not in self._flags]
        unsaid += ["a body of another kind"] if body and body.required and not self._model else []
        return f"it requires {', '.join(unsaid)}, which the facade cannot say" if unsaid else ""

    @property
    def _flags(self) -> list[str]:
        return [flag.name for flag in self.rule.flags]

    @property
    def _parameters(self) -> list[Parameter]:
        stated = self.endpoint.parameters if self.endpoint else ()
        return [one for one in stated if one.place != "path"]

    @property
    def _model(self) -> Json:
        """The schema of the body's model, empty without one."""
        body = self.endpoint.body if self.endpoint else None
        found: Json = self.canonical.book.components.get(body.model, {}) if body else {}
        return found if "properties" in found else {}

    def source(self) -> str:
        """Return the function's source."""
        arguments = ", ".join(f"{flag}: bool" for flag in self._flags)
        head = f"def {self.rule.name}({SESSION_PARAMETER}: str, *, {arguments}) -> dict[str, Any]:\n"
        words = f'    """Return what makes the request of `{self.rule.name}`, as httpx takes it."""\n'
        return head + words + "".join(f"    {line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        if self.endpoint is None or self.unsupported:
            yield f"raise ValueError({self.unsupported!a})"
            return
        lines = list(self._statements())
        if any("UNSET" in line for line in lines):
            yield "from .types import UNSET"
        yield f"from .api.{self.endpoint.tag}.{self.endpoint.name} import _get_kwargs"
        yield from lines

    def _statements(self) -> Iterator[str]:
        parameters = {one.own: one.required for one in self._parameters if one.own in self._flags}
        required, fields = self._model.get("required", ()), self._model.get("properties", {})
        in_body = {name: name in required for name in fields if name in self._flags and name not in parameters}
        for flag in self._flags:
            if flag not in parameters and flag not in in_body:
                yield f"if {flag}:"
                yield f"    raise ValueError({f'it no longer takes {flag!r}'!a})"
        keywords = [SESSION_PARAMETER, *_said(parameters, "UNSET")]
        body = self.endpoint.body if self.endpoint else None
        if body and self._model:
            unsaid = "UNSET"
            if body.kind in ("form", "multipart") and in_body and not required:
                yield "# A form that says nothing is no body at all on the wire, so it says that it is neither."
                yield f"unsaid = UNSET if {' or '.join(in_body)} else False"
                unsaid = "unsaid"
            yield f"from .models.{module_name(body.model)} import {body.model}"
            yield f"body = {body.model}({', '.join(_said(in_body, unsaid))})"
            keywords.append("body=body")
        yield f"return _get_kwargs({', '.join(keywords)})"


def _said(flags: Mapping[str, bool], unsaid: str) -> list[str]:
    """Return flags as arguments; one that is not required is left unsaid where it is false."""
    return [f"{name}={name}" if is_required else f"{name}={name} or {unsaid}" for name, is_required in flags.items()]
