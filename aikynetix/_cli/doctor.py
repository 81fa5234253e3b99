"""``aikynetix doctor``."""

from __future__ import annotations

import os
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from . import _connect, _show

if TYPE_CHECKING:
    import httpx

    from .. import Aikynetix, AikynetixError
    from ._connect import Connection, Credential
    from ._diagnosis import Check, Probe

# Ids are made by the vendor; nobody's session is called this, so the server has nothing to do for the question.
_NOBODYS_SESSION = "aikynetix-doctor"
_TIMEOUT = 10.0
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@click.command
@click.argument("session_id", metavar="[SESSION]", type=_connect.SessionId(), required=False)
@_connect.json_option
@_connect.connection_options
@click.pass_context
def doctor(ctx: click.Context, session_id: str | None, as_json: bool, connection: Connection) -> None:
    """Check settings, credential, network and clock.

    Says which settings are in force and where they come from, whether the server answers, which of the documented
    header styles it accepts, and how far this machine's clock is off. With a SESSION whose video is there, the storage
    is tried as well. Never shows a credential; exits like the command that would fail.
    """
    from . import _diagnosis, _inventory

    credential = _connect.find_credential(os.environ, may_ask=False)
    with _connect.telling(connection), _client(_no_auth(), connection) as anonymous:
        versions = _inventory.versions(anonymous)
        settings = _inventory.settings(anonymous, connection, credential)
        checks = _checks(anonymous, credential, connection, session_id)
    if as_json:
        _show.result_json(_diagnosis.as_json(versions, settings, checks))
    else:
        _show.result(_diagnosis.report(versions, settings, checks))
    ctx.exit(_diagnosis.worst(checks))


def _no_auth() -> httpx.Auth:
    import httpx

    return httpx.Auth()


def _client(auth: Any, connection: Connection) -> Aikynetix:
    from .. import Aikynetix

    given: dict[str, Any] = _connect.limits(connection) | {"max_retries": connection.max_retries or 0}
    given["timeout"] = _TIMEOUT if connection.timeout is None else connection.timeout
    return Aikynetix(auth=auth, **given)


def _checks(
    anonymous: Aikynetix, credential: Credential | None, connection: Connection, session_id: str | None
) -> list[Check]:
    from . import _diagnosis, _inventory
    from ._exits import Exit

    checks: list[Check] = []
    proxies = [name for name in _PROXIES if os.environ.get(name)]
    if proxies:
        told = f"{' and '.join(proxies)} set but not used: a proxy is given in Python, with transport="
        checks.append(_diagnosis.Check("proxy", _diagnosis.WARNING, told))
    control = _probe(anonymous)
    checks.append(_diagnosis.reached(control))
    if control.status is not None:
        checks.append(_diagnosis.clock(control))
    if credential is None:
        told = f"none: set {_connect.API_KEY_VARIABLE} or {_connect.TOKEN_VARIABLE}"
        return [*checks, _diagnosis.Check("credential", _diagnosis.FAILED, told, Exit.USAGE)]
    if control.status is not None:
        found = {}
        for style, auth in _inventory.styles(credential, connection).items():
            with _client(auth, connection) as client:
                found[style] = _probe(client)
        checks += _diagnosis.styles(found, control, _inventory.style_in_force(credential, connection))
        if session_id is not None:
            with _client(_connect.auth_of(credential, connection.key_header), connection) as client:
                checks.append(_storage(client, session_id))
    return checks


def _probe(client: Aikynetix) -> Probe:
    """Ask for the video of a session that nobody has."""
    from .. import AikynetixError, APIStatusError
    from .._body import JSON_LIMIT
    from .._operations import get_analyzed_video
    from ._diagnosis import Probe
    from ._exits import exit_code

    call = get_analyzed_video(_NOBODYS_SESSION, None, as_attachment=False)
    began = time.monotonic()
    try:
        answer = client._exchange(call.kwargs, JSON_LIMIT)
        status, date = answer.status_code, answer.headers.get("date", "")
    except APIStatusError as error:
        status, date = error.status_code, error.headers.get("date", "")
    except AikynetixError as error:
        return Probe(None, _brief(error), code=exit_code(error))
    return Probe(status, "", date, time.time(), time.monotonic() - began)


def _brief(error: AikynetixError) -> str:
    """Return what happened, without the request where that is the doctor's own."""
    from .. import APIError, APIStatusError
    from ._exits import happened

    return error.message if isinstance(error, APIError) and not isinstance(error, APIStatusError) else happened(error)


def _storage(client: Aikynetix, session_id: str) -> Check:
    """Fetch the first byte of a video."""
    from .. import AikynetixError
    from . import _diagnosis
    from ._exits import Exit, exit_code

    try:
        video = client.analyzed_videos.get(session_id)
        answer = _first_byte(video.url)
    except AikynetixError as error:
        return _diagnosis.storage(None, None, _brief(error), exit_code(error))
    left = None if video.expires_at is None else (video.expires_at - datetime.now(UTC)).total_seconds()
    if answer.status_code not in (200, 206):
        refused = f"answers {answer.status_code}; the signed URL is refused, or the clock is off"
        return _diagnosis.storage(None, left, refused, Exit.FAILURE)
    announced = answer.headers.get("content-range", "").rpartition("/")[2] or answer.headers.get("content-length", "")
    return _diagnosis.storage(int(announced) if announced.isdecimal() else None, left, "", Exit.DONE)


def _first_byte(url: str) -> httpx.Response:
    """Return the storage's answer, its body unread; the request carries nothing but the URL.

    Raises:
        APIConnectionError: There is none.
    """
    import httpx

    from .._config import is_loopback
    from .._errors import APIConnectionError
    from .._transport import default_transport
    from .._trial import normalized

    timeout = httpx.Timeout(_TIMEOUT).as_dict()
    request = httpx.Request("GET", url, headers={"Range": "bytes=0-0"}, extensions={"timeout": timeout})
    if request.url.scheme != "https" and not is_loopback(request.url.host):
        raise APIConnectionError("the video's URL is neither https nor on this machine")
    failure: Exception
    try:
        with closing(default_transport()) as transport:
            answer = transport.handle_request(request)
            answer.close()
            return answer
    except Exception as error:
        failure = normalized(error, request, (request.url.query.decode("ascii", "replace"),))
    raise failure
