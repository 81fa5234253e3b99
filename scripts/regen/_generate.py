"""Running the pinned generator and formatter over a canonical document."""

from __future__ import annotations

import contextlib
import io
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import GeneratorData
from openapi_python_client.schema.untrusted_string import UntrustedString
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

from scripts.regen._problems import RefusedError
from scripts.regen._templates import CompiledTemplates, FixedTemplates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scripts.regen._canonical import Canonical

PACKAGE = "aikynetix_api"
PINNED = {"openapi-python-client": "0.29.1", "ruff": "0.17.6"}
TEMPLATES = Path(__file__).with_name("templates")
_COMPILED = CompiledTemplates()
_RUFF_TIMEOUT = 120.0  # seconds; three hundred operations take about two


def check_tools() -> None:
    """Refuse to run with other versions than those whose bytes are committed.

    Raises:
        RefusedError: Names what is installed and what to install.
    """
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


def generate(canonical: Canonical, target: Path, modules: Callable[[], Mapping[str, str]]) -> None:
    """Write the package into a new folder.

    Args:
        canonical: What to generate.
        target: The package's folder, which must not exist yet.
        modules: Makes file names and sources to add to the package, from what was generated.

    Raises:
        RefusedError: The generator warns, fails or leaves something out.
    """
    config = _config(canonical, target)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            data = GeneratorData.from_dict(canonical.document, config=config)
            if isinstance(data, GeneratorError):
                raise RefusedError(_complaint([data]))
            _restore(data, canonical)
            project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
            if project.env.loader is not None:
                project.env.loader = FixedTemplates(project.env.loader)
                project.env.bytecode_cache = _COMPILED
            helpers: dict[str, Any] = {
                "style_of": _style_of(canonical),
                "untyped": _untyped,
                "success_type": _success_type,
            }
            project.env.globals.update(helpers)
            errors = project.build()
    except RefusedError:
        raise
    except RecursionError as error:
        raise RefusedError("The document's schemas are nested too deeply for the generator.") from error
    except Exception as error:  # the generator raises whatever its own bugs raise
        raise RefusedError(
            f"The generator failed on this document: {type(error).__name__}: {str(error)[:300]}"
        ) from error
    if errors:
        raise RefusedError(_complaint(errors))
    own = ["wire.py", *(["forms.py"] if any(one.body_kind == "form" for one in canonical.endpoints) else [])]
    helping = {name: (TEMPLATES / f"{name}.jinja").read_text("utf-8") for name in own}
    for name, source in {"py.typed": "", **helping, **modules()}.items():
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_text(source, encoding="utf-8")
    _format(target)


def _config(canonical: Canonical, target: Path) -> Config:
    settings = ConfigFile(
        project_name_override=PACKAGE,
        package_name_override=PACKAGE,
        content_type_overrides=canonical.media_types,
        literal_enums=True,  # plain strings on both sides; enumeration members would need valid, distinct names
        post_hooks=[],  # the formatter is run below, with a configuration of its own
    )
    return Config.from_sources(settings, MetaType.NONE, Path("openapi.json"), "utf-8", False, output_path=target)


def _restore(data: GeneratorData, canonical: Canonical) -> None:
    """Put back what the document could not say: paths, methods, and the names on the wire."""
    done: set[int] = set()
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            number, _, path = endpoint.path.get_untrusted_value().removeprefix("/~").partition("/")
            known = canonical.endpoints[int(number)]
            endpoint.path = UntrustedString(f"{known.prefix}/{path}")
            endpoint.method = known.method
            groups = {
                "query": endpoint.query_parameters,
                "header": endpoint.header_parameters,
                "cookie": endpoint.cookie_parameters,
            }
            for place, properties in groups.items():
                _rename(properties, known.wire_names[place], done)
    for model in data.models:
        wires = canonical.book.wire_names.get(str(model.class_info.name), {})
        _rename([*(model.required_properties or []), *(model.optional_properties or [])], wires, done)


def _style_of(canonical: Canonical) -> Callable[[Any, Any], str | None]:
    styles = {(one.tag, one.name): one.query_styles for one in canonical.endpoints}

    def style_of(endpoint: Any, parameter: Any) -> str | None:
        return styles[str(endpoint.tags[0]), str(endpoint.name)].get(str(parameter.python_name))

    return style_of


def _untyped(responses: Any) -> bool:
    return any(one.source["attribute"] == "response.json()" for one in responses)


def _success_type(endpoint: Any) -> str:
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


def _rename(properties: list[Any], wires: dict[str, str], done: set[int]) -> None:
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
        try:
            done = subprocess.run(
                whole, cwd=target.parent, capture_output=True, text=True, timeout=_RUFF_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RefusedError(f"Formatting the generated package took more than {_RUFF_TIMEOUT:.0f} s.") from error
        if done.returncode != 0:
            words = " ".join((done.stderr or done.stdout).split())[:500] or "the generator wrote what is not Python"
            raise RefusedError(f"The generated package cannot be formatted: {words}")
