"""The changelog, the package and the steps of a release agree."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import aikynetix
from scripts import release

CHANGELOG = (Path(__file__).resolve().parents[2] / "CHANGELOG.md").read_text("utf-8")
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)$", CHANGELOG, re.MULTILINE)
LOG = "# Log\n\n## [Unreleased]\n{}\n## [{}] - 2026-01-02\n\n### Added\n\n- Much.\n\n## [0.0.1] - 2025-01-01\n"
NOW = aikynetix.__version__


def test_the_changelog_keeps_its_form() -> None:
    """As Keep a Changelog has it: the newest release is the package's version, dates fall, headings are the agreed."""
    assert RELEASES[0][0] == aikynetix.__version__
    versions = [tuple(map(int, version.split("."))) for version, _ in RELEASES]
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert (versions, days) == (sorted(versions, reverse=True), sorted(days, reverse=True))
    sections = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert sections[: len(sections) - len(RELEASES)] in ([], ["[Unreleased]"])
    headings = set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


@pytest.mark.parametrize(
    ("version", "changelog", "said"),
    [
        (NOW, LOG.format("", NOW), ""),
        ("9.9.9", LOG.format("", "9.9.9"), "set __version__"),
        (NOW, LOG.format("", "9.9.9"), f'turn "## \\[Unreleased\\]" in CHANGELOG.md into "## \\[{NOW}\\]'),
        (NOW, LOG.format("\n- Forgotten.\n", NOW), "move the entries"),
        ("1.0", LOG.format("", "1.0"), "1.0 is no version"),
    ],
)
def test_a_release_says_what_is_missing(version: str, changelog: str, said: str) -> None:
    """Version, changelog and tree have to agree before anything is built."""
    problems = [
        problem for problem in release.missing(version, changelog) if not problem.startswith("commit or remove")
    ]
    assert re.search(said, "\n".join(problems)) if said else not problems


def test_the_notes_of_a_release_are_its_section() -> None:
    """The tag's message holds what changed, and nothing of other versions."""
    assert release.notes(NOW, LOG.format("", NOW)) == "### Added\n\n- Much."
    assert release.notes("7.0.0", LOG.format("", NOW)) == ""
