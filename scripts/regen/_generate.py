"""Running the pinned generator, whose templates are corrected, and the formatter over a canonical document.

A correction whose text is not found ends the run: with another version of the generator it has to be looked at again.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from copy import copy
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import BaseLoader, Environment
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import openapi as parser
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import GeneratorData
from openapi_python_client.schema.untrusted_string import UntrustedString
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

from scripts.regen._methods import method_modules
from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scripts.regen._canonical import Canonical


PACKAGE = "aikynetix_api"
PINNED = {"openapi-python-client": "0.29.1", "ruff": "0.17.6"}
TEMPLATES = Path(__file__).with_name("templates")
# The parser copies an endpoint, with all its models, at each of four steps, which is a tenth of a whole run.
parser.deepcopy = copy  # type: ignore[assignment, attr-defined]  # a shallow copy will do
_RUFF_TIMEOUT = 120.0  # seconds; three hundred operations take about two


def check_tools() -> None:
    """Refuse to run with other versions than those whose bytes are committed."""
    for package, wanted in PINNED.items():
        try:
            found = version(package)
        except PackageNotFoundError:
            found = "not installed"
        if found != wanted:
            raise RefusedError(
                f"{package} is {found}, and the committed package was made with {wanted}: the bytes would differ. "
                f'Install it with `pip install "{package}=={wanted}"` (or the `dev` extra).'
            )


def generate(canonical: Canonical, target: Path, facade: Mapping[str, Any]) -> None:
    """Write the package into a new folder, with modules of our own in it; `facade` is what the facade's module says."""
    config = _config(target)
    with contextlib.redirect_stdout(io.StringIO()):
        data = GeneratorData.from_dict(canonical.document, config=config)
        if isinstance(data, GeneratorError):
            raise RefusedError(_complaint([data]))
        made = _restore(data, canonical)
        project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
        if project.env.loader is not None:
            project.env.loader = FixedTemplates(project.env.loader)
        project.env.globals.update(_helpers(canonical))
        errors = project.build()
    if errors:
        raise RefusedError(_complaint(errors))
    methods = method_modules(canonical, made, project.env, success_type)
    own = {name: project.env.get_template(f"{name}.jinja").render(facade) for name in ("wire.py", "facade.py")}
    for name, source in {"py.typed": "", **own, **methods}.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(source, encoding="utf-8")
    _format(target)


def _config(target: Path) -> Config:
    settings = ConfigFile(
        project_name_override=PACKAGE,
        package_name_override=PACKAGE,
        literal_enums=True,  # plain strings on both sides; enumeration members would need valid, distinct names
        post_hooks=[],  # the formatter is run below, with a configuration of its own
    )
    return Config.from_sources(settings, MetaType.NONE, Path("openapi.json"), "utf-8", False, output_path=target)


def _restore(data: GeneratorData, canonical: Canonical) -> dict[str, Any]:
    """Put back what the document could not say: paths, methods, places, wire names. Return operations by module."""
    done: set[int] = set()
    made: dict[str, Any] = {}
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            known = canonical.of(endpoint)
            made[known.module] = endpoint
            endpoint.path, endpoint.method = UntrustedString(known.prefix + known.path), known.method
            by_name = {one.name.get_untrusted_value(): one for one in endpoint.query_parameters}
            for place in ("path", "query", "header", "cookie"):
                group = [by_name[one.own] for one in known.parameters if one.place == place]
                setattr(endpoint, f"{place}_parameters", group)
            _rename(by_name.values(), {one.own: one.wire for one in known.parameters}, done)
    for model in data.models:
        wires = canonical.book.wire_names.get(str(model.class_info.name), {})
        _rename([*(model.required_properties or []), *(model.optional_properties or [])], wires, done)
    return made


def _helpers(canonical: Canonical) -> dict[str, Any]:
    """Return what the corrected templates ask about an operation."""

    def places(endpoint: Any) -> list[tuple[str, Any]]:
        groups = ("query", "header", "cookie")
        found = [(name, getattr(endpoint, f"{name}_parameters")) for name in groups]
        return [({"query": "query", "header": "headers", "cookie": "cookies"}[name], one) for name, one in found if one]

    def style_of(endpoint: Any, parameter: Any) -> str:
        return next(one.style for one in canonical.of(endpoint).parameters if one.own == str(parameter.python_name))

    def media_of(endpoint: Any) -> str:
        body = canonical.of(endpoint).body
        styles = f", styles={json.dumps(body.styles)}" if body and body.styles else ""
        return f"media={json.dumps(body.media if body else [])}{styles}"

    def untyped(responses: Any) -> bool:
        return any(one.source["attribute"] == "response.json()" for one in responses)

    return {one.__name__: one for one in (places, style_of, media_of, untyped, success_type)}


def success_type(endpoint: Any) -> str:
    """Return the type of what a success is: of several documented ones a union, None for those without content."""
    patterns = endpoint.responses.patterns
    successes = [one for one in patterns if one.status_code.range[0] < 300 and one.status_code.range[1] >= 200]
    if not successes and endpoint.responses.default:
        successes = [endpoint.responses.default]
    if not successes or endpoint.method == "head":
        return "None"
    empty = [one.source["attribute"] == "None" for one in successes]
    types = [
        "None" if is_empty else str(one.prop.get_type_string().as_unembedded_code())
        for one, is_empty in zip(successes, empty, strict=True)
    ]
    return " | ".join(dict.fromkeys(types))


def _rename(properties: Iterable[Any], wires: Mapping[str, str], done: set[int]) -> None:
    for one in properties:
        wire = wires.get(one.name.get_untrusted_value())
        if wire is not None and id(one) not in done:
            done.add(id(one))
            one.name = UntrustedString(wire)


def _complaint(errors: Any) -> str:
    parts = [f"{error.header} {error.detail or ''}".strip() for error in errors]
    text = "; ".join(" ".join(part.split()) for part in parts)
    return f"The generator would leave something out, so nothing was generated: {text[:900]}"


def _format(target: Path) -> None:
    """Sort imports and format with settings given here alone; an enclosing pyproject would change the bytes."""
    settings = ["--isolated", "--no-cache", "--quiet", "--target-version", "py311"]
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


@dataclass(frozen=True)
class Correction:
    """One correction."""

    template: str  # the file in the generator's `templates`
    old: str  # what stands there
    new: str  # what should
    times: int = 1  # how often it stands there
    end: str = ""  # where the replaced text ends, when `old` is only its beginning

    def apply(self, source: str) -> str:
        """Return a template's source, corrected."""
        if source.count(self.old) != self.times or self.end not in source.partition(self.old)[2]:
            raise RefusedError(f"The generator's template {self.template} is not the one that this pipeline corrects.")
        if not self.end:
            return source.replace(self.old, self.new)
        before, _, rest = source.partition(self.old)
        return before + self.new + rest.partition(self.end)[2]


# The generator writes each request out by type, and gets headers, files, forms and most styles wrong. `wire.request`
# does it by value, in one place, and the module only says what goes where.
_REQUEST = """    return request(
        "{{ endpoint.method }}",
        "{{ endpoint.path | in_double_quote_literal }}"
        {%- if endpoint.path_parameters -%}
        .format(
        {%- for one in endpoint.path_parameters -%}
            {{ one.python_name }}=path_text({{ one.python_name }}),
        {%- endfor -%}
        )
        {%- endif -%}
        ,
        {% for place, group in places(endpoint) %}
        {{ place }}=[
        {%- for one in group -%}
            {%- set style = style_of(endpoint, one) -%}
            ("{{ one.name | in_double_quote_literal }}", {{ one.python_name }}{% if style %}, "{{ style }}"{% endif %}),
        {%- endfor -%}
        ],
        {% endfor %}
        {% if endpoint.bodies %}
        body=body,
        {{ media_of(endpoint) }},
        {% endif %}
    )
"""

_ENDPOINT = "endpoint_module.py.jinja"
_IMPORT = "from ... import errors\n"

_PARSE = "{% if endpoint.responses.default %}\n    {% set return_type = return_string | as_unembedded_code %}\n"
_SUCCESS = '''def _success(parsed: Any) -> {{ success_type(endpoint) }}:
    """Return what `_parse_response` made of a success: this says to type checkers which of its models that is."""
    return parsed


'''

CORRECTIONS: tuple[Correction, ...] = (
    Correction(_ENDPOINT, _IMPORT, f"{_IMPORT}from ...wire import path_text, request\n"),
    Correction(_ENDPOINT, "    {{ header_params(endpoint) | indent(4) }}\n", _REQUEST, end="    return _kwargs\n"),
    Correction(_ENDPOINT, _PARSE, _SUCCESS + _PARSE),
    # Where the only documented success stands for every other, one without content is not read as it.
    Correction(
        _ENDPOINT,
        "    if {{ code_range[0] }} <= response.status_code <= {{ code_range[1] }}:\n",
        "    if {{ code_range[0] }} <= response.status_code <= {{ code_range[1] }} and response.content:\n",
    ),
    # A response of no stated shape is a response too.
    Correction(
        _ENDPOINT,
        '(endpoint.responses | length > 0) and return_string != PythonCode("Any")',
        '(endpoint.responses | length > 0) and (return_string != PythonCode("Any") or untyped(endpoint.responses))',
    ),
    # The values are a set, and sorted without regard to case those that differ in nothing else keep its chance order.
    Correction("literal_enum.py.jinja", "enum.values|list|sort", "enum.values|list|sort(case_sensitive=true)", times=2),
)


class FixedTemplates(BaseLoader):
    """Loads templates from another loader and applies the corrections."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return a template's source, corrected."""
        source, path, is_fresh = self._inner.get_source(environment, template)
        for one in CORRECTIONS:
            if one.template == template:
                source = one.apply(source)
        return source, path, is_fresh
