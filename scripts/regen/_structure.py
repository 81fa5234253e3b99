"""Is every part of a document of the kind that OpenAPI says? Judged by the generator's own model of a document.

openapi-spec-validator judges the committed document in the tests. It is no gate here: it takes 10 s for 600 operations,
and refuses documents that work, for an undeclared parameter or an example that does not fit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from openapi_python_client.schema import OpenAPI
from pydantic import ValidationError

from scripts.regen._document import without_prose
from scripts.regen._problems import RefusedError

if TYPE_CHECKING:
    from scripts.regen._load import Json

# A part of another kind would be read as if it were not there, and `required: "true"` as its opposite. What else the
# model complains of (a field left out, a type it does not know, an address that is none) does no harm.
_OTHER_KINDS = ("list_type", "dict_type", "model_type", "model_attributes_type", "bool_type")


def check_structure(spec: Json) -> None:
    """Refuse a document with a part of another kind than OpenAPI says, and name the part."""
    document = {**without_prose(spec), "openapi": "3.1.0"}  # the model knows no other versions, and reads them alike
    try:
        OpenAPI.model_validate_json(json.dumps(document), strict=True)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if _matters(one["type"], [str(part) for part in one["loc"]], one["input"]):
                where = ".".join(str(part) for part in one["loc"] if part not in ("other", "ref"))
                stated = json.dumps(one["input"])[:80]
                raise RefusedError(
                    f"In the document, `{where}` is `{stated}`: {one['msg']}. Ask the vendor for a document that is "
                    "OpenAPI 3, or correct it."
                ) from None


def _matters(kind: str, place: list[str], value: object) -> bool:
    if kind in ("string_type", "enum"):
        return place[-2] == "required" if kind == "string_type" else place[-1] in ("in", "param_in")
    # A schema may be true or false since OpenAPI 3.1, which the model does not know; at `type` and `bool` it tells of
    # one of several kinds that a part may have.
    return kind in _OTHER_KINDS and not isinstance(value, bool) and not {"type", "bool"} & {*place[-2:]}
