"""Running the pinned generator, whose templates are corrected, and the formatter over a canonical document.

A correction whose text is not found ends the run: with another version of the generator it has to be looked at again.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from copy import copy
from importlib.metadata import version
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

from scripts.regen._methods import method_modules, success_type
from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        if (found := version(package)) != wanted:
            raise RefusedError(
                f"{package} is {found}, and the committed package was made with {wanted}: the bytes would differ. "
                f'Install it with `pip install "{package}=={wanted}"` (or the `dev` extra).'
            )


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
        helpers: dict[str, Any] = {"known_of": canonical.of, "dumps": json.dumps, "success_type": success_type}
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
            for place in ("path", "query", "header", "cookie"):
                group = [by_name[one.own] for one in known.parameters if one.place == place]
                setattr(endpoint, f"{place}_parameters", group)
    for model in data.models:
        wires = canonical.book.wire_names.get(str(model.class_info.name), {})
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


_ENDPOINT = "endpoint_module.py.jinja"
_IMPORT = "from ... import errors\n"

_PARSE = "{% if endpoint.responses.default %}\n    {% set return_type = return_string | as_unembedded_code %}\n"
_SUCCESS = '''def _success(parsed: Any) -> {{ success_type(endpoint) }}:
    """Return what `_parse_response` made of a success: this says to type checkers which of its models that is."""
    return parsed


'''

# A template, what stands there, and what should.
CORRECTIONS = (
    (_ENDPOINT, _IMPORT, f"{_IMPORT}from ...wire import path_text, request\n"),
    # The generator writes each request out by type, and gets headers, files, forms and most styles wrong.
    # `wire.request` does it by value, in one place, and the module only says what goes where.
    (_ENDPOINT, "    {{ header_params(endpoint) | indent(4) }}\n", '{% include "request.jinja" %}\n{% if false %}\n'),
    (_ENDPOINT, "    return _kwargs\n", "{% endif %}\n"),
    (_ENDPOINT, _PARSE, _SUCCESS + _PARSE),
    # Where the only documented success stands for every other, one without content is not read as it.
    (
        _ENDPOINT,
        "    if {{ code_range[0] }} <= response.status_code <= {{ code_range[1] }}:\n",
        "    if {{ code_range[0] }} <= response.status_code <= {{ code_range[1] }} and response.content:\n",
    ),
    # A response of no stated shape is a response too.
    (
        _ENDPOINT,
        'and return_string != PythonCode("Any")',
        (
            'and (return_string != PythonCode("Any")'
            ' or "response.json()" in endpoint.responses | map(attribute="source.attribute"))'
        ),
    ),
    # The values are a set, and sorted without regard to case those that differ in nothing else keep its chance order.
    ("literal_enum.py.jinja", "enum.values|list|sort", "enum.values|list|sort(case_sensitive=true)"),
)


def corrected(template: str, source: str) -> str:
    """Return a template's source, corrected."""
    for name, old, new in CORRECTIONS:
        if name == template:
            if old not in source:
                raise RefusedError(f"The generator's template {name} is not the one that this pipeline corrects.")
            source = source.replace(old, new)
    return source
