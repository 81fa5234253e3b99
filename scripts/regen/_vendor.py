"""Writing `aikynetix_api/vendor.py`: what the facade takes from the vendor's document besides the operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.regen._address import video_url_places
from scripts.regen._rules import RULES

if TYPE_CHECKING:
    from scripts.regen._canonical import Canonical
    from scripts.regen._load import Json
    from scripts.regen._security import Credentials

_HEAD = '''"""What the facade takes from the vendor's document; made by `make regen`, never edited by hand."""

from __future__ import annotations

'''


def vendor_module(spec: Json, canonical: Canonical, credentials: Credentials, base: str | None) -> str:
    """Return the source of the module. Every value is a literal made by `repr`, so the document cannot add code."""
    operations = {rule.name: (found.module if (found := canonical.named(rule.name)) else None) for rule in RULES}
    places = {
        rule.name: found_places
        for rule in RULES
        if (found := canonical.named(rule.name)) and (found_places := video_url_places(canonical.book, found.operation))
    }
    info = spec["info"]
    values: list[tuple[str, str, object, str]] = [
        ("TITLE", "str", str(info.get("title", "")), "The title of the vendor's document."),
        ("VERSION", "str", str(info.get("version", "")), "The version of the vendor's document."),
        ("BASE_URL", "str | None", base, "The vendor's first usable server, without a slash at its end."),
        ("API_KEY", "tuple[str, str] | None", credentials.api_key, "Where an API key goes: place and name."),
        ("BEARER", "tuple[str, str] | None", credentials.bearer, "Where a token goes: header name and prefix."),
        ("OPERATIONS", "dict[str, str | None]", operations, "Facade operation to its generated module."),
        (
            "VIDEO_URL",
            "dict[str, tuple[tuple[str, ...], ...]]",
            places,
            "Facade operation to the places of the video's address in its answers, each the keys that lead there.",
        ),
        (
            "ALL_OPERATIONS",
            "tuple[str, ...]",
            tuple(sorted(one.module for one in canonical.endpoints)),
            "Every generated operation.",
        ),
    ]
    return _HEAD + "\n".join(f'{name}: {kind} = {value!a}\n"""{words}"""\n' for name, kind, value, words in values)
