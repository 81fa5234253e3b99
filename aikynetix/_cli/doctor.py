"""``aikynetix doctor``: what is in force, and a verdict on server, clock, header styles, session and storage."""

from __future__ import annotations

import os
import platform
import tempfile
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Event
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from .. import AikynetixError, APIConnectionError, APIStatusError, ConfigurationError
from . import _options, _output
from ._exit_codes import code_and_hint, happened

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .. import Aikynetix

    Setting = tuple[str, str, str]  # name, value, source
    Styles = dict[str, httpx.Auth]  # by how the header looks, the one in force first

# Ids are made by the vendor; nobody's session is called this, so the server has nothing to do for the question.
_NOBODYS_SESSION = "aikynetix-doctor"
# A signed URL is good from its start on; a clock further off than this makes expiry times misleading.
_MOST_SKEW = 60.0
_STATES = {"accepted": "ok", "refused": "no", "cannot tell": "unknown"}


class Check(NamedTuple):
    """A verdict (``ok``, ``no``, ``warning``, ``failed``, ``unknown``), and the exit code that a failure stands for."""

    name: str
    state: str
    detail: str
    code: int = 0


@click.command
@click.argument("session_id", metavar="[SESSION]", required=False)
@_options.json_option
@_options.connection_options
@click.pass_context
def doctor(ctx: click.Context, session_id: str | None, as_json: bool) -> None:
    """Check settings, credential, network and clock.

    Says which settings are in force and where they come from, whether the server responds, which of the documented
    header styles it accepts, and how far this machine's clock is off. With a SESSION whose video is there, the storage
    is tried as well. Never shows a credential; exits like the command that would fail.
    """
    _options.show_log()
    settings, checks = _examined(session_id)
    # Later checks may only have failed because of the first one.
    code = next((check.code for check in checks if check.state == "failed"), 0)
    if as_json:
        listed = [dict(zip(("name", "value", "source"), row, strict=True)) for row in settings]
        told = [{"name": name, "state": state, "detail": detail} for name, state, detail, _ in checks]
        _output.result_json({"versions": _versions(), "settings": listed, "checks": told, "exit_code": code})
    else:
        lines = [("Versions", ""), *_versions().items(), ("", ""), ("Settings", "")]
        lines += [(name, f"{value} ({source})") for name, value, source in settings]
        lines += [("", ""), ("Checks", ""), *((name, f"{state:<7}  {detail}") for name, state, detail, _ in checks)]
        width = max(len(name) for name, _ in lines)
        _output.result("\n".join(f"  {name:<{width}}  {text}" if text else name for name, text in lines))
    ctx.exit(code)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from .. import __version__
    from .._operations import spec_name

    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    transport = f"httpx {version('httpx')}, HTTP/1.1"
    return {"aikynetix": __version__, "Python": python, "transport": transport, "spec": spec_name()}


def _examined(session_id: str | None) -> tuple[list[Setting], list[Check]]:
    """Return the settings in force with their sources, and the verdicts."""
    import httpx

    from .._config import resolve_base_url, variables
    from .._operations import spec_defaults

    checks: list[Check] = []
    styles: Styles = {}
    kind, base_url, proxy = "", "unfit, see the checks", None
    try:
        url = resolve_base_url(_options.given("--base-url"), variables(os.environ), spec_defaults())
        base_url = str(url).rstrip("/")
        with _client(httpx.Auth()) as anonymous:
            proxy = _proxy(anonymous.raw.get_httpx_client())
        kind, secret = _options.credential(may_ask=False)
        styles = _styles(kind, secret)
    except ConfigurationError as error:
        checks.append(_failed("settings", error))
    if proxy is not None:
        checks += _asked(styles, session_id)
    if session_id is not None and all(check.name != "session" for check in checks):
        checks.append(Check("session", "unknown", "not tried: see what failed above"))
    return _settings(base_url, proxy, kind, styles), checks


def _client(auth: httpx.Auth) -> Aikynetix:
    return _options.client(auth, timeout=10.0, max_retries=0)


def _failed(name: str, error: AikynetixError) -> Check:
    """Return the check that failed with ``error``; without the request or the file where that is the doctor's own."""
    said = error.message if isinstance(error, APIConnectionError) else happened(error)
    return Check(name, "failed", said.removeprefix(f"{getattr(error, 'path', '')}: "), code_and_hint(error)[0])


def _settings(base_url: str, proxy: Setting | None, kind: str, styles: Styles) -> list[Setting]:
    """Return name, value and source of the settings that are known."""
    listed = [("base URL", base_url, _setting("", "--base-url", "", _options.BASE_URL)[2])]
    if kind:
        listed.append(("credential", kind.replace("_", " ").replace("api", "API"), _options.VARIABLES[kind]))
        listed += [("header", name, _setting("", "--key-header", "")[2]) for name in list(styles)[:1]]
    return [
        *listed,
        _setting("timeout", "--timeout", "30 s for one attempt"),
        _setting("retries", "--max-retries", "3"),
        _setting("certificates", "--ca-file", "the system's", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *([proxy] if proxy else []),
    ]


def _setting(name: str, option: str, default: str, *variables: str) -> Setting:
    if (value := _options.given(option)) is not None:
        return name, str(value), option
    found = next((variable for variable in variables if os.environ.get(variable, "").strip()), None)
    return (name, os.environ[found].strip(), found) if found else (name, default, "default")


def _proxy(http: httpx.Client) -> Setting:
    """Return the proxy by which ``http`` goes to the base URL, without its user and password."""
    stack: Any = http._transport_for_url(http.base_url)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- nothing public tells
    proxy = stack.proxy_for(http.base_url)
    names = [name for low in (f"{http.base_url.scheme}_proxy", "all_proxy") for name in (low, low.upper())]
    source = _setting("", "--proxy", "", *names)[2]
    return ("proxy", proxy.url.netloc.decode("ascii"), source) if proxy else ("proxy", "none", "default")


def _styles(kind: str, secret: str) -> Styles:
    """Return every documented way to send a credential, the one in force first.

    Source: the two security schemes of the vendor's spec, and the "Security" paragraph of the vendor's page.
    """
    import httpx

    from .. import ApiKey, BearerToken
    from .._operations import spec_defaults

    spec, named, styles = spec_defaults(), _options.given("--key-header"), dict[str, httpx.Auth]()
    if spec.api_key is not None:
        location, name = spec.api_key
        styles[f"{name}: <key>" if location == "header" else f"{location} {name}=<key>"] = ApiKey(secret)
    styles["Authorization: API-KEY <key>"] = ApiKey(secret, header="Authorization")
    if spec.bearer is not None:
        styles[f"{spec.bearer[0]}: {spec.bearer[1]}<token>"] = BearerToken(secret)
    first = list(styles)[-1 if kind == "token" else 0]
    if named is not None:
        first = next((style for style in styles if style.lower().startswith(f"{named}:".lower())), f"{named}: <key>")
    return {first: _options.auth_of(kind, secret)} | styles


def _asked(styles: Styles, session_id: str | None) -> Iterator[Check]:
    """Give what the server's responses tell; without a credential that can be sent only whether it is there."""
    import httpx

    control = _error(httpx.Auth())
    yield (server := _reached(control))
    if not isinstance(control, APIStatusError):
        return
    yield _clock(control.headers.get("date", ""), datetime.now(UTC))
    errors = {name: _error(auth) for name, auth in styles.items()}
    found = {name: 200 if error is None else getattr(error, "status_code", None) for name, error in errors.items()}
    yield from _judged(found, control.status_code)
    first = next(iter(styles), "")
    if session_id is not None and first:
        with _client(styles[first]) as client:
            yield from _session(client, session_id)
    elif first and server.state == "ok" and _verdict(found[first], control.status_code) == "cannot tell":
        told = f"nothing is known about it, the response is {found[first]}"
        yield Check("credential", "warning", f"{told}; check the base URL, or name a SESSION")


def _error(auth: httpx.Auth) -> AikynetixError | None:
    """Ask for the video of a session that nobody has."""
    with _client(auth) as client:
        try:
            client.analyzed_videos.get(_NOBODYS_SESSION)
        except AikynetixError as error:
            return error
    return None


def _reached(error: AikynetixError | None) -> Check:
    """Conclude from the response to a request without a credential whether the server is there."""
    if isinstance(error, APIConnectionError | ConfigurationError):
        return _failed("server", error)
    if not isinstance(error, APIStatusError) or error.status_code < 400:
        return Check("server", "failed", "responds, but not as the API does (a login page?); check the base URL", 1)
    if error.status_code >= 500 or error.status_code == 429:
        return Check("server", "failed", f"responds with {error.status_code}; try again later", 6)
    return Check("server", "ok", "responds")


def _clock(date: str, now: datetime) -> Check:
    """Compare this machine's clock with the response's ``Date`` (RFC 9110, section 6.6.1), which has whole seconds."""
    try:
        skew = (now - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError, IndexError, OverflowError):
        return Check("clock", "unknown", "the server does not say what time it is")
    if abs(skew) <= _MOST_SKEW:
        return Check("clock", "ok", "agrees with the server's" if abs(skew) < 2 else f"{abs(skew):.0f} s off, is fine")
    side = "ahead of" if skew > 0 else "behind"
    return Check("clock", "warning", f"{abs(skew):.0f} s {side} the server's; set it, or expiry times will mislead")


def _verdict(status: int | None, control: int) -> str:
    """Return whether the server takes a credential in one style: accepted, refused or cannot tell.

    A response other than 401 is a proof only if the server responds differently to no credential at all.
    """
    if status == 401:
        return "refused"
    if status is None or 300 <= status < 400 or status == 429 or status >= 500 or status == control:
        return "cannot tell"
    return "accepted"


def _judged(found: dict[str, int | None], control: int) -> Iterator[Check]:
    """Conclude which header styles the server accepts; only the failure of the first, which is in force, is one."""
    verdicts = {name: _verdict(status, control) for name, status in found.items()}
    accepted = next((name for name, verdict in verdicts.items() if verdict == "accepted"), None)
    way_out = "and no other is accepted: check the credential"
    if accepted is not None:
        way_out = f"while {accepted!r} is accepted: choose it by {_options.API_KEY}, {_options.TOKEN} or --key-header"
    for name, verdict in verdicts.items():
        in_force = name == next(iter(found))
        detail = f"{verdict} ({found[name] or 'no usable response'}){'; in force' if in_force else ''}"
        if in_force and verdict == "refused":
            yield Check(name, "failed", f"{detail}, {way_out}", 3)
        else:
            yield Check(name, _STATES[verdict], detail)


def _session(client: Aikynetix, session_id: str) -> Iterator[Check]:
    """Ask where a session's video is, and begin a download, which ends as soon as bytes arrive."""
    name, arrived, expires_at = "session", Event(), None
    try:
        expires_at = client.analyzed_videos.get(session_id).expires_at
        yield Check(name, "ok", "its video is there")
        name = "storage"
        with tempfile.TemporaryDirectory() as folder:
            client.analyzed_videos.download(
                session_id, folder, progress=lambda done, _: arrived.set() if done else None, cancel=arrived
            )
    except AikynetixError as error:
        if not arrived.is_set():
            yield _failed(name, error)
            return
    minutes = expires_at and (expires_at - datetime.now(UTC)).total_seconds() / 60
    yield Check(name, "ok", "the signed URL works" + (f", expires in {minutes:.0f} min" if minutes else ""))
