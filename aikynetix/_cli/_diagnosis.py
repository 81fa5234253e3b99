"""What `aikynetix doctor` concludes from what it saw. Pure."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from attrs import asdict, frozen

from ._exits import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OK, NO, WARNING, FAILED, UNKNOWN = "ok", "no", "warning", "failed", "unknown"
# A signed URL is good from its start on; a clock further off than this makes expiry times misleading.
_MOST_SKEW = 60.0

_STATES = {"accepted": OK, "refused": NO, "cannot tell": UNKNOWN}


@frozen
class Probe:
    """One request's fate.

    Attributes:
        status: The status, or None when there was no usable answer.
        trouble: What happened instead of an answer.
        date: The answer's ``Date`` header.
        at: Seconds since 1970 when the answer came, by this machine's clock.
        seconds: How long it took.
        code: The exit code that the failure stands for.
        is_json: Whether an answer of 2xx was JSON, as the API's are.
    """

    status: int | None
    trouble: str = ""
    date: str = ""
    at: float = 0.0
    seconds: float = 0.0
    code: Exit = Exit.DONE
    is_json: bool = True


@frozen
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at.
        state: ``"ok"``, ``"warning"``, ``"failed"``, ``"unknown"``; ``"no"``: not open, not needed.
        detail: What was found, and what to do about it.
        code: The exit code that a failure stands for.
    """

    name: str
    state: str
    detail: str
    code: Exit = Exit.DONE


@frozen
class Setting:
    """A setting in force; a secret one is told without its value."""

    name: str
    value: str
    source: str


def verdict(status: int | None, control: int | None) -> str:
    """Return whether the server takes a credential in one style: accepted, refused or cannot tell.

    An answer other than 401 is a proof only if the server answers differently to no credential at all.

    Args:
        status: What the server answered to the credential in that style; None for no answer.
        control: What it answered to the same request without a credential.
    """
    if status == 401:
        return "refused"
    if status is None or 300 <= status < 400 or status == 429 or status >= 500 or status == control:
        return "cannot tell"
    return "accepted"


def reached(control: Probe) -> Check:
    """Conclude whether the server is there."""
    if control.status is None:
        return Check("server", FAILED, control.trouble, control.code)
    took = f"{control.seconds * 1000:.0f} ms"
    if control.status >= 500 or control.status == 429:
        return Check("server", FAILED, f"answers {control.status} after {took}; try again later", Exit.LATER)
    if 300 <= control.status < 400 or not control.is_json:
        what = f"answers {control.status}{'' if control.is_json else ' without JSON'} after {took}"
        told = f"{what}; a proxy or login page may have answered, check the base URL"
        return Check("server", FAILED, told, Exit.FAILURE)
    return Check("server", OK, f"answers in {took}")


def clock(control: Probe) -> Check:
    """Compare this machine's clock with the answer's ``Date`` (RFC 9110, section 6.6.1), which has whole seconds."""
    try:
        moment = parsedate_to_datetime(control.date)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        skew = control.at - moment.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return Check("clock", UNKNOWN, "the server does not say what time it is")
    if abs(skew) <= _MOST_SKEW:
        return Check(
            "clock", OK, "agrees with the server's" if abs(skew) < 2 else f"{abs(skew):.0f} s off, which is fine"
        )
    side = "ahead of" if skew > 0 else "behind"
    return Check("clock", WARNING, f"{abs(skew):.0f} s {side} the server's; set it, or expiry times will mislead")


def styles(found: Mapping[str, Probe], control: Probe, in_force: str, ways: Mapping[str, str]) -> list[Check]:
    """Conclude which header styles the server accepts.

    Args:
        found: What the server answered, by style.
        control: What it answered without a credential.
        in_force: The style that the settings choose; only its failure is a failure of the whole.
        ways: By style, how to have the credential sent in it.
    """
    verdicts = {style: _verdict_of(probe, control) for style, probe in found.items()}
    accepted = [style for style, said in verdicts.items() if said == "accepted"]
    checks: list[Check] = []
    for style, probe in found.items():
        said = verdicts[style]
        state, detail = _STATES[said], f"{said} ({probe.status or probe.trouble})"
        if style == in_force:
            detail += "; in force"
            if said == "refused":
                state, detail = FAILED, detail + _advice(accepted, ways)
        checks.append(Check(style, state, detail, Exit.CREDENTIAL if state == FAILED else Exit.DONE))
    return checks


def _verdict_of(probe: Probe, control: Probe) -> str:
    return verdict(probe.status if probe.is_json else None, control.status)


def _advice(accepted: Sequence[str], ways: Mapping[str, str]) -> str:
    if not accepted:
        return ", and no other is accepted: check the credential"
    return f", while {accepted[0]!r} is accepted: {ways[accepted[0]]}"


def untold(in_force: Probe, control: Probe) -> list[Check]:
    """Warn where a server that is there did not say whether it accepts the credential."""
    if _verdict_of(in_force, control) != "cannot tell":
        return []
    answer = f"{in_force.status or in_force.trouble}"
    with_and_without = " with it and without" if in_force.status == control.status else ""
    told = f"nothing is known about it, the answer is {answer}{with_and_without}; check the base URL, or name a SESSION"
    return [Check("credential", WARNING, told)]


def session(trouble: str, code: Exit) -> Check:
    """Conclude whether the API tells where a session's video is.

    Args:
        trouble: What the API said instead; empty for none.
        code: The exit code that the trouble stands for.
    """
    return Check("session", FAILED, trouble, code) if trouble else Check("session", OK, "its video is there")


def storage(size: int | None, seconds_left: float | None, trouble: str, code: Exit) -> Check:
    """Conclude whether a video's bytes can be had.

    Args:
        size: Bytes of the video, or None where the storage does not say.
        seconds_left: Until the signed URL expires, or None where it does not say.
        trouble: What happened instead of an answer; empty for none.
        code: The exit code that the trouble stands for.
    """
    if trouble:
        return Check("storage", FAILED, trouble, code)
    parts = ["the signed URL works"]
    if size is not None:
        parts.append(f"{size} bytes")
    if seconds_left is not None:
        parts.append(f"expires in {seconds_left / 60:.0f} min")
    return Check("storage", OK, ", ".join(parts))


def worst(checks: Sequence[Check]) -> Exit:
    """Return the exit code of the first check that failed; later ones may only have failed because of it."""
    return next((check.code for check in checks if check.state == FAILED), Exit.DONE)


def report(versions: Mapping[str, str], settings: Sequence[Setting], checks: Sequence[Check]) -> str:
    """Lay everything out for a person."""
    names = [*versions, *(setting.name for setting in settings), *(check.name for check in checks)]
    width = max(map(len, names))
    lines = ["Versions", *(f"  {name:<{width}}  {value}" for name, value in versions.items())]
    lines += ["", "Settings"]
    lines += [f"  {setting.name:<{width}}  {setting.value} ({setting.source})" for setting in settings]
    lines += ["", "Checks", *(f"  {check.name:<{width}}  {check.state:<7}  {check.detail}" for check in checks)]
    return "\n".join(lines)


def as_json(versions: Mapping[str, str], settings: Sequence[Setting], checks: Sequence[Check]) -> dict[str, object]:
    """Lay everything out for a program."""
    return {
        "versions": dict(versions),
        "settings": [asdict(setting) for setting in settings],
        "checks": [asdict(check, filter=lambda attribute, _: attribute.name != "code") for check in checks],
        "exit_code": int(worst(checks)),
    }
