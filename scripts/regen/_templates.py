"""Corrections to the generator's templates, each a text that must stand there and what replaces it.

A correction whose text is not found ends the run: with another version of the generator it has to be looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, Environment

from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable


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
