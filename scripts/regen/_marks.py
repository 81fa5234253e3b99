"""What a caller has to know of an operation before calling it, written into its module and into the report."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from scripts.regen._canonical import NO_SERVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scripts.regen._canonical import Endpoint
    from scripts.regen._operations import Operation
    from scripts.regen._security import Credentials

_HEAD = ") -> dict[str, Any]:\n"
_WORDS: dict[tuple[str, ...], str] = {
    (): "take neither an API key nor a bearer token alone",
    ("api_key",): "take an API key alone, no bearer token",
    ("token",): "take a bearer token alone, no API key",
}


def accepted(credentials: Credentials, operation: Operation) -> tuple[str, ...] | None:
    """Return which of the client's credentials, ``api_key`` and ``token``, are enough; None when any is, or none."""
    stated = operation.security or []
    if not stated or {} in stated:
        return None
    known = {"api_key": credentials.key_schemes, "token": credentials.bearer_schemes}
    alone = {name for one in stated if len(one) == 1 for name in one}
    kinds = tuple(kind for kind, schemes in known.items() if alone & schemes)
    return None if len(kinds) == len(known) else kinds


def mark(package: Path, endpoint: Endpoint, why_not: str, kinds: tuple[str, ...] | None) -> None:
    """Write into an operation's module why it cannot be called, or with which credentials alone it can be."""
    if not why_not and kinds is None:
        return
    path = package / "api" / endpoint.tag / f"{endpoint.name}.py"
    source = path.read_text("utf-8")
    if why_not:
        source = source.replace(_HEAD, f"{_HEAD}    raise ValueError(NOT_CALLABLE)\n", 1)
        said = f"{endpoint.operation.label} cannot be called: {why_not}"
        source += f"\n\nNOT_CALLABLE: str = {_literal(said)}\n"
    if kinds is not None:
        stated = "".join(f'"{kind}",' for kind in kinds)
        source += f"\n\nCREDENTIALS: tuple[str, ...] = ({stated})\n"
    path.write_text(source, "utf-8")


def notes(endpoints: Sequence[Endpoint], credentials: Credentials, base: str | None) -> Iterator[str]:
    """Say which operations take one credential alone, or are on another server than the others."""
    groups: dict[str, list[str]] = defaultdict(list)
    for endpoint in endpoints:
        label, kinds = endpoint.operation.label, accepted(credentials, endpoint.operation)
        if kinds is not None:
            groups[f"these {_WORDS[kinds]}: {{}}"].append(label)
        if endpoint.prefix == NO_SERVER:
            stated = ", ".join(str(server.get("url"))[:200] for server in endpoint.operation.servers)
            text = f"no server that can be used is named for {{}} ({stated}): `client.call` refuses them"
            groups[text].append(label)
        elif endpoint.prefix:
            groups[
                f"not on the base URL {base}, but on {endpoint.prefix}: {{}}. `client.call` sends them there, with the "
                f'credential only if both are one origin; a client made with base_url="{endpoint.prefix}" sends it'
            ].append(label)
    for text, labels in groups.items():
        yield text.replace("{}", ", ".join(dict.fromkeys(labels)))


def _literal(text: str) -> str:
    return '"' + text.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
