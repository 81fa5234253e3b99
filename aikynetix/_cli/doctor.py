"""``aikynetix doctor``."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import _connect, _show

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .. import Aikynetix, AikynetixError
    from ._connect import Connection, Credential
    from ._diagnosis import Check, Probe

_T = TypeVar("_T")

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

    checks: list[Check] = []
    with _connect.telling(connection), ExitStack() as stack:
        anonymous = _tried(partial(_client, _no_auth(), connection), checks)
        credential, is_usable = _credential(connection, checks)
        checks += _proxies()
        versions = _inventory.versions(anonymous)
        settings = _inventory.settings(anonymous, connection, credential)
        if anonymous is not None:
            usable = credential if is_usable else None
            checks += _asked(stack.enter_context(anonymous), usable, connection, session_id)
    if session_id is not None and all(check.name != "session" for check in checks):
        checks.append(_diagnosis.Check("session", _diagnosis.UNKNOWN, "not tried: see what failed above"))
    if as_json:
        _show.result_json(_diagnosis.as_json(versions, settings, checks))
    else:
        _show.result(_diagnosis.report(versions, settings, checks))
    ctx.exit(_diagnosis.worst(checks))


def _tried(make: Callable[[], _T], checks: list[Check]) -> _T | None:
    """Return what ``make`` does, or None where a setting is wrong, with a check that says so."""
    from .. import ConfigurationError
    from . import _diagnosis
    from ._exits import exit_code, happened

    try:
        return make()
    except ConfigurationError as error:
        checks.append(_diagnosis.Check("settings", _diagnosis.FAILED, happened(error), exit_code(error)))
        return None


def _credential(connection: Connection, checks: list[Check]) -> tuple[Credential | None, bool]:
    """Return the credential, if there is one, and whether it can be sent as the options say."""
    from . import _diagnosis
    from ._exits import Exit

    faults = len(checks)
    credential = _tried(partial(_connect.find_credential, os.environ, may_ask=False), checks)
    if credential is not None:
        return credential, _tried(partial(_connect.auth_of, credential, connection.key_header), checks) is not None
    if len(checks) == faults:
        told = f"none: set {_connect.API_KEY_VARIABLE} or {_connect.TOKEN_VARIABLE}"
        checks.append(_diagnosis.Check("credential", _diagnosis.FAILED, told, Exit.USAGE))
    return None, False


def _proxies() -> list[Check]:
    from . import _diagnosis

    proxies = [name for name in _PROXIES if os.environ.get(name)]
    told = f"{' and '.join(proxies)} set but not used: a proxy is given in Python, with transport="
    return [_diagnosis.Check("proxy", _diagnosis.WARNING, told)] if proxies else []


def _no_auth() -> httpx.Auth:
    import httpx

    return httpx.Auth()


def _client(auth: Any, connection: Connection) -> Aikynetix:
    from .. import Aikynetix

    own: dict[str, Any] = {"max_retries": connection.max_retries or 0, "timeout": _seconds(connection)}
    return Aikynetix(auth=auth, **_connect.limits(connection) | own)


def _seconds(connection: Connection) -> float:
    """Return what each question may take."""
    return _TIMEOUT if connection.timeout is None else connection.timeout


def _asked(
    anonymous: Aikynetix, credential: Credential | None, connection: Connection, session_id: str | None
) -> list[Check]:
    """Return what the server's answers tell; None is a credential that cannot be sent."""
    from . import _diagnosis, _inventory

    control = _probe(anonymous)
    checks = [_diagnosis.reached(control)]
    if control.status is None:
        return checks
    checks.append(_diagnosis.clock(control))
    if credential is None:
        return checks
    found, ways = {}, _inventory.styles(credential, connection)
    for style, way in ways.items():
        with _client(way.auth, connection) as client:
            found[style] = _probe(client)
    in_force = _inventory.style_in_force(credential, connection)
    advice = {style: way.advice for style, way in ways.items()}
    checks += _diagnosis.styles(found, control, in_force, advice)
    if session_id is not None:
        with _client(_connect.auth_of(credential, connection.key_header), connection) as client:
            checks += _session(client, session_id, _seconds(connection))
    elif checks[0].state == _diagnosis.OK:
        checks += _diagnosis.untold(found[in_force], control)
    return checks


def _probe(client: Aikynetix) -> Probe:
    """Ask for the video of a session that nobody has."""
    from .. import AikynetixError, APIResponseValidationError, APIStatusError
    from .._body import JSON_LIMIT
    from .._classify import parse_json
    from .._operations import get_analyzed_video
    from ._diagnosis import Probe
    from ._exits import exit_code

    call = get_analyzed_video(_NOBODYS_SESSION, None, as_attachment=False)
    began, is_json = time.monotonic(), True
    try:
        answer = client._exchange(call.kwargs, JSON_LIMIT)
        status, date = answer.status_code, answer.headers.get("date", "")
        try:
            parse_json(answer)
        except APIResponseValidationError:
            is_json = False
    except APIStatusError as error:
        status, date = error.status_code, error.headers.get("date", "")
    except AikynetixError as error:
        return Probe(None, _brief(error), code=exit_code(error))
    return Probe(status, "", date, time.time(), time.monotonic() - began, is_json=is_json)


def _brief(error: AikynetixError) -> str:
    """Return what happened, without the request where that is the doctor's own."""
    from .. import APIError, APIStatusError
    from ._exits import happened

    return error.message if isinstance(error, APIError) and not isinstance(error, APIStatusError) else happened(error)


def _session(client: Aikynetix, session_id: str, seconds: float) -> list[Check]:
    """Ask where a session's video is, and fetch its first byte."""
    from .. import AikynetixError
    from . import _diagnosis
    from ._exits import Exit, exit_code

    try:
        video = client.analyzed_videos.get(session_id)
    except AikynetixError as error:
        return [_diagnosis.session(_brief(error), exit_code(error))]
    there = _diagnosis.session("", Exit.DONE)
    try:
        answer = _first_byte(video.url, seconds)
    except AikynetixError as error:
        return [there, _diagnosis.storage(None, None, _brief(error), exit_code(error))]
    left = None if video.expires_at is None else (video.expires_at - datetime.now(UTC)).total_seconds()
    if answer.status_code not in (200, 206):
        refused = f"answers {answer.status_code}; the signed URL is refused, or the clock is off"
        return [there, _diagnosis.storage(None, left, refused, Exit.FAILURE)]
    announced = answer.headers.get("content-range", "").rpartition("/")[2] or answer.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() and len(announced) < 20 else None
    return [there, _diagnosis.storage(size, left, "", Exit.DONE)]


def _first_byte(url: str, seconds: float) -> httpx.Response:
    """Return the storage's answer, its body unread; the request carries nothing but the URL.

    Raises:
        APIConnectionError: There is none.
    """
    import httpx

    from .._config import is_loopback
    from .._errors import APIConnectionError
    from .._transport import default_transport
    from .._trial import DEADLINE, normalized

    limits = {"timeout": httpx.Timeout(seconds).as_dict(), DEADLINE: time.monotonic() + seconds}
    request = httpx.Request("GET", url, headers={"Range": "bytes=0-0"}, extensions=limits)
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
