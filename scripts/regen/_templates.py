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

CORRECTIONS: tuple[Correction, ...] = (
    # One boundary for every upload lets a file's content close its part (RFC 2046, 5.1.1); httpx makes a fresh one.
    Correction(
        "endpoint_module.py.jinja", 'headers["Content-Type"] = "multipart/form-data; boundary=+++"', "", times=2
    ),
    # httpx has deprecated cookies given with a request (its warning would reach the caller); a header says the same.
    Correction(
        "endpoint_module.py.jinja",
        '        {% if endpoint.cookie_parameters %}\n        "cookies": cookies,\n        {% endif %}\n',
        "",
    ),
    Correction("endpoint_module.py.jinja", "    return _kwargs\n", _COOKIE_HEADER),
    Correction("endpoint_macros.py.jinja", "cookies = {}\n", "cookies: dict[str, Any] = {}\n"),
    # The asynchronous client cannot send a file object, and no client can send one again after a failure; bytes it can.
    Correction("endpoint_macros.py.jinja", "= body.payload\n", "= body.payload.read()\n", times=2),
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
