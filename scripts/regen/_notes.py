"""What a caller of `client.call` has to know and no generated code says, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.regen._http_fields import why_unsendable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scripts.regen._canonical import Endpoint
    from scripts.regen._load import Json
    from scripts.regen._operations import Operation
    from scripts.regen._security import Credentials

NO_SERVER = "no-server:"
"""Stands for the address of an operation none of whose servers can be used; the client refuses to send it."""

_MOST_NAMED = 10


def is_credential(credentials: Credentials, parameter: Json) -> bool:
    """Tell whether a parameter is where the facade's authentication puts the credential."""
    return (parameter["in"], parameter["name"].lower()) in credentials.names


def parameter_notes(operation: Operation, credentials: Credentials) -> Iterator[str]:
    """Say which parameters are taken for the credential, and which ones no request can carry.

    A request that authenticates otherwise does not have the credential's parameter.
    """
    for one in operation.parameters:
        place, name = one["in"], one["name"]
        if is_credential(credentials, one):
            if one.get("required") is True and place != "path":
                yield (
                    f"{operation.label} requires the {place} parameter `{name}`, which is the API key: a "
                    "request with a token goes without it"
                )
        elif why := why_unsendable(place, name):
            yield f"{operation.label} has the {place} parameter `{name}`, which cannot be sent: {why}"


def server_notes(endpoints: Sequence[Endpoint], base: str | None) -> Iterator[str]:
    """Say which operations are not on the server that the client calls, and what becomes of them."""
    elsewhere: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        if endpoint.prefix:
            elsewhere.setdefault(endpoint.prefix, []).append(endpoint)
    for prefix, found in elsewhere.items():
        labels = list(dict.fromkeys(one.operation.label for one in found))
        named = ", ".join(labels[:_MOST_NAMED]) + (
            f" and {len(labels) - _MOST_NAMED} more" if len(labels) > _MOST_NAMED else ""
        )
        if prefix == NO_SERVER:
            stated = [str(server.get("url"))[:200] for server in found[0].operation.servers]
            yield f"no server that can be used is named for {named} ({', '.join(stated)}): `client.call` refuses them"
        else:
            yield (
                f"not on the base URL {base}, but on {prefix}: {named}. `client.call` sends them there, with the "
                f'credential only if both are one origin; a client made with base_url="{prefix}" sends it'
            )
