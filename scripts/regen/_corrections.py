"""What the templates of the pinned generator say wrong, and what they should say.

A correction whose text is not found ends the run: with another version of the generator it has to be looked at again.
"""

from __future__ import annotations

from typing import Any

from scripts.regen._document import RefusedError

_ENDPOINT = "endpoint_module.py.jinja"
_IMPORT = "from ... import errors\n"
_MODEL = "model.py.jinja"
_TYPES = "from ..types import UNSET, Unset\n"

_IN_RANGE = "    if {{ code_range[0] }} <= response.status_code <= {{ code_range[1] }}"
_SHAPED = 'return_string != PythonCode("Any")'
_JSON = '"response.json()" in endpoint.responses | map(attribute="source.attribute")'
_PARSE = "{% if endpoint.responses.default %}\n    {% set return_type = return_string | as_unembedded_code %}\n"
_SUCCESS = '''def _success(parsed: Any) -> {{ success_type(endpoint) }}:
    """Return what `_parse_response` made of a success: this says to type checkers which of its models that is."""
    return parsed


'''

_UNION = "property_templates/union_property.py.jinja"
_CAST = "    return cast({{ property.get_type_string()"
_IF_UNFIT = (
    '    if not isinstance(data, {{ plain_types(property) }}):\n        raise TypeError("it fits no alternative")\n'
)
_CONST, _OR_UNSET = "property_templates/const_property.py.jinja", "{% if not property.required %}"
_NS = "    {% set ns = namespace(contains_unmodified_properties = "
_LOSSY = """    {% set kinds = ["model_property.py.jinja", "list_property.py.jinja"] %}
    {% set several = property.inner_properties | map(attribute="template") | select("in", kinds) | list | length > 1 %}
    {% if several %}
    lossy: list[tuple[int, Any]] = []
    {% endif %}
"""
_RETURN = "indent(8) }}\n        return {{ inner_property.python_name }}\n"
_IF_WHOLE = """indent(8) }}
        {% if several %}
        if number := misfits({{ inner_property.python_name }}, data):
            lossy.append((number, {{ inner_property.python_name }}))
            raise TypeError()
        {% endif %}
        return {{ inner_property.python_name }}
"""
_ELSE_LOSSY = """    {% if several %}
    if lossy:
        return min(lossy, key=lambda one: one[0])[1]
    {% endif %}
"""

# A template, what stands there, and what should.
CORRECTIONS = (
    (_ENDPOINT, _IMPORT, f"{_IMPORT}from ...wire import misfits, path_text, request\n"),
    # The generator writes each request out by type, and gets headers, files, forms and most styles wrong.
    # `wire.request` does it by value, in one place, and the module only says what goes where.
    (_ENDPOINT, "    {{ header_params(endpoint) | indent(4) }}\n", '{% include "request.jinja" %}\n{% if false %}\n'),
    (_ENDPOINT, "    return _kwargs\n", "{% endif %}\n"),
    (_ENDPOINT, _PARSE, _SUCCESS + _PARSE),
    # Where the only documented success stands for every other, one without content is not read as it.
    (_ENDPOINT, f"{_IN_RANGE}:\n", f"{_IN_RANGE} and response.content:\n"),
    # A response of no stated shape is a response too.
    (_ENDPOINT, f"and {_SHAPED}", f"and ({_SHAPED} or {_JSON})"),
    # What is of none of the alternatives would be taken for one of those that are not looked at.
    (_UNION, _CAST, _IF_UNFIT + _CAST),
    # The first model that can be read may drop fields and have wrong types, and another alternative fit.
    (_UNION, f"{_NS}false", f"{_LOSSY}{_NS}several"),
    (_UNION, _RETURN, _IF_WHOLE),
    (_UNION, _IF_UNFIT, _ELSE_LOSSY + _IF_UNFIT),
    (_MODEL, _TYPES, f"{_TYPES}from ..wire import misfits\n"),
    # A variable that is called as the module hides a field of that name (`Error.error`), and others of the template.
    (_MODEL, "module_name = model.class_info.module_name", 'module_name = "_made"'),
    (_CONST, f"{_OR_UNSET}and", f"{_OR_UNSET} and"),
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


def plain_types(union: Any) -> str:
    """Return the types of the alternatives that are taken as they stand; to JSON `1.0` is an integer too."""
    types = {str(one.get_type_string(no_optional=True).as_unembedded_code()) for one in union.inner_properties}
    plain = (types | {"int", "float"} if types & {"int", "float"} else types) & {"str", "bool", "int", "float"}
    return f"({''.join(f'{one}, ' for one in sorted(plain))})"
