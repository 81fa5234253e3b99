"""Corrections to the generator's templates, each a text that must stand there and what replaces it.

A correction whose text is not found ends the run: with another version of the generator it has to be looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, BytecodeCache, Environment

from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from jinja2.bccache import Bucket


@dataclass(frozen=True)
class Correction:
    """One correction.

    Attributes:
        template: The file in the generator's `templates`.
        old: What stands there.
        new: What should.
        times: How often it stands there.
    """

    template: str
    old: str
    new: str
    times: int = 1


_COOKIE_HEADER = """{% if endpoint.cookie_parameters %}
    if cookies:
        _kwargs.setdefault("headers", {})["Cookie"] = "; ".join(
            name + "=" + quote(str(value).lower() if isinstance(value, bool) else str(value), safe="!#$&()*+-./:=?@[]^")
            for name, value in cookies.items()
        )
{% endif %}
    return _kwargs
"""

_CONTENT_TYPE = """    {%- if body.content_type == "multipart/form-data" %}
    headers["Content-Type"] = "multipart/form-data; boundary=+++"
    {% else %}
    headers["Content-Type"] = "{{ body.content_type | in_double_quote_literal }}"
    {% endif %}
"""

_CONTENT_TYPE_OF_A_BODY = """    {%- if body.content_type != "multipart/form-data" %}
    {% if not body.prop.required %}
    if not isinstance(body, Unset):
        headers["Content-Type"] = "{{ body.content_type | in_double_quote_literal }}"
    {% else %}
    headers["Content-Type"] = "{{ body.content_type | in_double_quote_literal }}"
    {% endif %}
    {% endif %}
"""

_QUERY = """    {%- if not property.json_is_dict %}
params["{{ property.name | in_double_quote_literal }}"] = {{ destination }}
"""

_QUERY_IN_STYLE = """    {%- set style = style_of(endpoint, property) %}
    {%- if style %}
params.update(query_values("{{ property.name | in_double_quote_literal }}", {{ destination }}, "{{ style }}"))
    {% elif not property.json_is_dict %}
params["{{ property.name | in_double_quote_literal }}"] = {{ destination }}
"""

_IMPORT = "from ... import errors\n"
_IMPORTS = f"{_IMPORT}from ...forms import form_values\nfrom ...wire import header_values, path_text, query_values\n"

_PARSE = "{% if endpoint.responses.default %}\n    {% set return_type = return_string | as_unembedded_code %}\n"
_SUCCESS = '''def _success(parsed: Any) -> {{ success_type(endpoint) }}:
    """Return what `_parse_response` made of a success: this says to type checkers which of its models that is."""
    return parsed


'''

_ENDPOINT, _MACROS = "endpoint_module.py.jinja", "endpoint_macros.py.jinja"

CORRECTIONS: tuple[Correction, ...] = (
    Correction(_ENDPOINT, _IMPORT, _IMPORTS),
    # One boundary for every upload lets a file's content close its part (RFC 2046, 5.1.1); httpx makes a fresh one.
    # Without a body there is no type to announce either.
    Correction(_ENDPOINT, _CONTENT_TYPE, _CONTENT_TYPE_OF_A_BODY),
    # httpx has deprecated cookies given with a request (its warning would reach the caller); a header says the same.
    Correction(
        _ENDPOINT, '        {% if endpoint.cookie_parameters %}\n        "cookies": cookies,\n        {% endif %}\n', ""
    ),
    Correction(_ENDPOINT, "    return _kwargs\n", _COOKIE_HEADER),
    Correction(_MACROS, "cookies = {}\n", "cookies: dict[str, Any] = {}\n"),
    # A segment `..` would take the request, a deletion perhaps, to another address.
    Correction(_ENDPOINT, 'quote(str({{parameter.python_name}}), safe="")', "path_text({{parameter.python_name}})"),
    Correction(_ENDPOINT, '_kwargs["headers"] = headers\n', '_kwargs["headers"] = header_values(headers)\n'),
    Correction(_ENDPOINT, _PARSE, _SUCCESS + _PARSE),
    # The generator knows one way to put lists and objects into a query, OpenAPI several.
    Correction(_MACROS, _QUERY, _QUERY_IN_STYLE),
    # An answer of no stated shape is an answer too.
    Correction(
        _ENDPOINT,
        '(endpoint.responses | length > 0) and return_string != PythonCode("Any")',
        '(endpoint.responses | length > 0) and (return_string != PythonCode("Any") or untyped(endpoint.responses))',
    ),
    # The values are a set, and sorted without regard to case those that differ in nothing else keep its chance order.
    Correction("literal_enum.py.jinja", "enum.values|list|sort", "enum.values|list|sort(case_sensitive=true)", times=2),
    # A part of a multipart body has no null: the text `None` would be taken for what it says.
    Correction(
        "model.py.jinja",
        "if not isinstance({{source}}, Unset):\n    {{ prop_template.multipart(",
        "if not isinstance({{source}}, Unset) and {{source}} is not None:\n    {{ prop_template.multipart(",
    ),
    Correction(
        "model.py.jinja",
        "{% else %}\n{{ prop_template.multipart(property, source, destination) }}\n",
        "{% else %}\nif {{source}} is not None:\n"
        "    {{ prop_template.multipart(property, source, destination) | indent(4) }}\n",
    ),
    Correction("model.py.jinja", '"prop", "prop_name") | indent(4) }}', '"prop", "prop_name") | indent(12) }}'),
    # A part without a file name is a text field to servers (RFC 7578, section 4.2).
    Correction(
        "types.py.jinja", "return self.file_name, self.payload", 'return self.file_name or "file", self.payload'
    ),
    # The asynchronous client cannot send a file object, and no client can send one again after a failure; bytes it can.
    Correction(_MACROS, "= body.payload\n", "= body.payload.read()\n", times=2),
    # The fields of a form are texts: what is an object goes in as JSON (OpenAPI 3.1.1, section 4.8.15.1).
    Correction(_MACROS, '_kwargs["data"] = body.to_dict()', '_kwargs["data"] = form_values(body.to_dict())', times=2),
    # JSON, query strings and forms spell a boolean in lower case; so should a part of a multipart body.
    Correction(
        "property_templates/boolean_property.py.jinja",
        "str({{source}}).encode()",
        '(b"true" if {{source}} else b"false")',
    ),
)


class FixedTemplates(BaseLoader):
    """Loads templates from another loader and applies the corrections."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return a template's source, corrected.

        Raises:
            RefusedError: A correction does not fit the template.
        """
        source, path, is_fresh = self._inner.get_source(environment, template)
        for one in CORRECTIONS:
            if one.template == template:
                if source.count(one.old) != one.times:
                    raise RefusedError(
                        f"The generator's template {template} is not the one that this pipeline corrects."
                    )
                source = source.replace(one.old, one.new)
        return source, path, is_fresh


class CompiledTemplates(BytecodeCache):
    """Keeps what templates compile to: half of a small document's run, and every run of a process needs the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket, if its template in these words is known."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Remember what the bucket holds."""
        self._known[bucket.key, bucket.checksum] = bucket.code
