"""The changelog and the package tell of the same version."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import aikynetix

CHANGELOG = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text("utf-8")
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)


def test_the_newest_release_is_the_packages_version() -> None:
    """Who releases writes both."""
    assert RELEASES[0][0] == aikynetix.__version__


def test_releases_are_dated_and_newest_first() -> None:
    """As Keep a Changelog wants it."""
    versions = [tuple(map(int, version.split("."))) for version, _ in RELEASES]
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert versions == sorted(versions, reverse=True)
    assert days == sorted(days, reverse=True)


def test_every_section_has_one_of_the_agreed_headings() -> None:
    """Readers look for these words."""
    headings = set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    second = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert len(second) in (len(RELEASES), len(RELEASES) + 1)
    assert second[: len(second) - len(RELEASES)] in ([], ["[Unreleased]"])
