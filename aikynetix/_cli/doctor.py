"""``aikynetix doctor``: what is in force, and a verdict on server, clock, header styles, session and storage."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from . import _options, _output

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from .. import Aikynetix, AikynetixError

    Style = tuple[str, httpx.Auth, str]

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


class Probe(NamedTuple):
    """What became of a question: status and date of the API's response, the error, and when and how fast it came."""

    status: int | None
    date: str
    error: AikynetixError | None
    at: float
    seconds: float


@click.command
@click.argument("session_id", metavar="[SESSION]", required=False)
@_options.json_option
@_options.connection_options
@click.pass_context
def doctor(ctx: click.Context, session_id: str | None, as_json: bool) -> None:
    """Check settings, credential, network and clock.

    Says which settings are in force and where they come from, whether the server answers, which of the documented
    header styles it accepts, and how far this machine's clock is off. With a SESSION whose video is there, the storage
    is tried as well. Never shows a credential; exits like the command that would fail.
    """
    with _options.told():
        settings, checks = _examined(session_id)
    if session_id is not None and all(check.name != "session" for check in checks):
        checks.append(Check("session", "unknown", "not tried: see what failed above"))
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


def _examined(session_id: str | None) -> tuple[list[tuple[str, str, str]], list[Check]]:
    """Return the settings in force with their sources, and the verdicts."""
    import httpx

    from .. import ConfigurationError

    checks: list[Check] = []
    styles: list[Style] = []
    kind, anonymous = "", None
    try:
        anonymous = _client(httpx.Auth())
        kind, secret = _options.credential(may_ask=False)
        _options.auth_of(kind, secret)
        styles = _styles(kind, secret)
    except ConfigurationError as error:
        checks.append(_failed("settings", error))
    settings = _settings(anonymous, kind, styles)
    if anonymous is not None:
        with anonymous:
            checks += _asked(anonymous, styles, session_id)
    return settings, checks


def _client(auth: httpx.Auth) -> Aikynetix:
    return _options.client(auth, timeout=10.0, max_retries=0)


def _failed(name: str, error: AikynetixError) -> Check:
    """Return the check that failed with ``error``; without the request where that is the doctor's own."""
    from .. import APIConnectionError
    from ._exit_codes import exit_code, happened

    said = error.message if isinstance(error, APIConnectionError) else happened(error)
    return Check(name, "failed", said, exit_code(error))


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    from .. import __version__
    from .._operations import spec_name

    python = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    transport = f"httpx {version('httpx')}, HTTP/1.1"
    return {"aikynetix": __version__, "Python": python, "transport": transport, "spec": spec_name()}


def _settings(client: Aikynetix | None, kind: str, styles: list[Style]) -> list[tuple[str, str, str]]:
    """Return name, value and source of the settings; without a client the base URL may be unfit to be shown."""
    from importlib.util import find_spec

    def setting(name: str, option: str, default: object, *variables: str) -> tuple[str, str, str]:
        value = _options.given(option.removeprefix("--").replace("-", "_"))
        if value is not None:
            return name, str(value), option
        set_ = [variable for variable in variables if os.environ.get(variable, "").strip()]
        return (name, os.environ[set_[0]].strip(), set_[0]) if set_ else (name, str(default), "default")

    base_url = "none" if client is None else str(client.raw.get_httpx_client().base_url).rstrip("/")
    listed = [("base URL", base_url, setting("", "--base-url", "", _options.BASE_URL)[2])]
    if kind:
        listed.append(("credential", kind.replace("_", " ").replace("api", "API"), _options.VARIABLES[kind]))
        listed += [("header", name, setting("", "--key-header", "")[2]) for name, _, _ in styles[:1]]
    trusted = "certifi's" if find_spec("truststore") is None else "the system's"
    return [
        *listed,
        setting("timeout", "--timeout", "30 s for one attempt"),
        setting("retries", "--max-retries", 3),
        setting("certificates", "--ca-file", trusted, "SSL_CERT_FILE", "SSL_CERT_DIR"),
        _proxy(base_url),
    ]


def _proxy(base_url: str) -> tuple[str, str, str]:
    """Return the proxy for the base URL, as httpx finds it, without its user and password."""
    from urllib.request import getproxies, proxy_bypass

    import httpx

    from .._config import is_loopback

    target = httpx.URL(base_url)
    if is_loopback(target.host):
        return "proxy", "none, for the server is on this machine", "default"
    found = {} if _options.given("proxy") else getproxies()
    names = [name for name in (target.scheme, "all") if found.get(name) and not proxy_bypass(target.host)]
    proxy, source = (found[names[0]], f"{names[0].upper()}_PROXY") if names else (_options.given("proxy"), "--proxy")
    return ("proxy", proxy.rpartition("@")[2].rpartition("//")[2], source) if proxy else ("proxy", "none", "default")


def _styles(kind: str, secret: str) -> list[Style]:
    """Return every documented way to send a credential with what to do for it, the one in force first.

    Source: the two security schemes of the vendor's spec, and the "Security" paragraph of the vendor's page.
    """
    from .. import ApiKey, BearerToken
    from .._operations import spec_defaults

    spec, named = spec_defaults(), _options.given("key_header")
    move = "" if kind == "api_key" else f"put it into {_options.API_KEY} instead, and "
    place, name = spec.api_key or ("header", "API-KEY")
    shown = f"{name}: <key>" if place == "header" else f"{place} {name}=<key>"
    styles: list[Style] = [(shown, ApiKey(secret), f"{move}leave --key-header out")] if spec.api_key else []
    prose = ApiKey(secret, header="Authorization")
    styles.append(("Authorization: API-KEY <key>", prose, f"{move}use --key-header Authorization"))
    if spec.bearer is not None:
        advice = f"put it into {_options.TOKEN} instead, and leave --key-header out"
        styles.append((f"{spec.bearer[0]}: {spec.bearer[1]}<token>", BearerToken(secret), advice))
    if kind == "token":
        return [styles[-1], *styles[:-1]]
    if named is None:
        return styles
    own = next((style for style in styles[:2] if style[0].lower().startswith(f"{named}:".lower())), None)
    own = own or (f"{named}: <key>", ApiKey(secret, header=named), "")
    return [own, *(style for style in styles if style is not own)]


def _asked(anonymous: Aikynetix, styles: list[Style], session_id: str | None) -> Iterator[Check]:
    """Give what the server's responses tell; without a credential that can be sent only whether it is there."""
    control = _probe(anonymous)
    yield (server := _reached(control))
    if server.state == "failed" and control.status is None:
        return
    yield _clock(control)
    found = {}
    for name, auth, _ in styles:
        with _client(auth) as client:
            found[name] = _probe(client)
    yield from _judged(found, control, {name: advice for name, _, advice in styles})
    in_force = next(iter(found.values()), control)
    if session_id is not None and styles:
        with _client(styles[0][1]) as client:
            yield from _session(client, session_id)
    elif styles and server.state == "ok" and _verdict(in_force, control) == "cannot tell":
        alike = " with it and without" if in_force.status == control.status else ""
        told = f"nothing is known about it, the response is {in_force.status}{alike}"
        yield Check("credential", "warning", f"{told}; check the base URL, or name a SESSION")


def _probe(client: Aikynetix) -> Probe:
    """Ask for the video of a session that nobody has."""
    from .. import AikynetixError, APIStatusError

    began, failure = time.monotonic(), None
    try:
        client.analyzed_videos.get(_NOBODYS_SESSION)
    except AikynetixError as error:
        failure = error
    seconds = time.monotonic() - began
    if isinstance(failure, APIStatusError):
        return Probe(failure.status_code, failure.headers.get("date", ""), failure, time.time(), seconds)
    return Probe(None if failure else 200, "", failure, time.time(), seconds)


def _reached(control: Probe) -> Check:
    """Conclude whether the server is there."""
    from .. import APIResponseValidationError

    took, status = f"after {control.seconds * 1000:.0f} ms", control.status
    is_foreign = isinstance(control.error, APIResponseValidationError)
    if is_foreign or (status is not None and 300 <= status < 400):
        what = f"answers {took}, but not as the API does" if is_foreign else f"answers {status} {took}"
        return Check("server", "failed", f"{what}; a proxy or login page may have answered, check the base URL", 1)
    if status is None and control.error is not None:
        return _failed("server", control.error)
    if status is not None and (status >= 500 or status == 429):
        return Check("server", "failed", f"answers {status} {took}; try again later", 6)
    return Check("server", "ok", f"answers {took}")


def _clock(control: Probe) -> Check:
    """Compare this machine's clock with the response's ``Date`` (RFC 9110, section 6.6.1), which has whole seconds."""
    try:
        moment = parsedate_to_datetime(control.date)
        skew = control.at - (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return Check("clock", "unknown", "the server does not say what time it is")
    if abs(skew) <= _MOST_SKEW:
        return Check("clock", "ok", "agrees with the server's" if abs(skew) < 2 else f"{abs(skew):.0f} s off, is fine")
    side = "ahead of" if skew > 0 else "behind"
    return Check("clock", "warning", f"{abs(skew):.0f} s {side} the server's; set it, or expiry times will mislead")


def _verdict(probe: Probe, control: Probe) -> str:
    """Return whether the server takes a credential in one style: accepted, refused or cannot tell.

    A response other than 401 is a proof only if the server answers differently to no credential at all.
    """
    status = probe.status
    if status == 401:
        return "refused"
    if status is None or 300 <= status < 400 or status == 429 or status >= 500 or status == control.status:
        return "cannot tell"
    return "accepted"


def _judged(found: dict[str, Probe], control: Probe, advice: dict[str, str]) -> Iterator[Check]:
    """Conclude which header styles the server accepts; only the failure of the first, which is in force, is one."""
    verdicts = {name: _verdict(probe, control) for name, probe in found.items()}
    accepted = next((name for name, verdict in verdicts.items() if verdict == "accepted"), None)
    for position, (name, verdict) in enumerate(verdicts.items()):
        detail = f"{verdict} ({found[name].status or 'no usable response'}){'' if position else '; in force'}"
        if position or verdict != "refused":
            yield Check(name, _STATES[verdict], detail)
        elif accepted is None:
            yield Check(name, "failed", f"{detail}, and no other is accepted: check the credential", 3)
        else:
            yield Check(name, "failed", f"{detail}, while {accepted!r} is accepted: {advice[accepted]}", 3)


def _session(client: Aikynetix, session_id: str) -> Iterator[Check]:
    """Ask where a session's video is, and have its first bytes sent."""
    from .. import AikynetixError

    name = "session"
    try:
        video = client.analyzed_videos.get(session_id)
        yield Check(name, "ok", "its video is there")
        name = "storage"
        size = _first_bytes(client, session_id)
    except AikynetixError as error:
        yield _failed(name, error)
        return
    parts = ["the signed URL works"] + ([] if size is None else [_output.human_size(size)])
    if video.expires_at is not None:
        parts.append(f"expires in {(video.expires_at - datetime.now(UTC)).total_seconds() / 60:.0f} min")
    yield Check(name, "ok", ", ".join(parts))


def _first_bytes(client: Aikynetix, session_id: str) -> int | None:
    """Begin a download, and end it as soon as bytes arrive; return the size that was announced."""
    from threading import Event

    from .. import DownloadInterruptedError

    sizes, arrived = list[int | None](), Event()

    def progress(done: int, total: int | None) -> None:
        if done:
            sizes.append(total)
            arrived.set()

    with tempfile.TemporaryDirectory() as folder:
        try:
            client.analyzed_videos.download(session_id, f"{folder}{os.sep}", progress=progress, cancel=arrived)
        except DownloadInterruptedError:
            if not sizes:
                raise
    return sizes[-1] if sizes else None
