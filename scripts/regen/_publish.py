"""Putting a new package in the place of the committed one, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from scripts.regen._verify import tree_files

_STAGING_PREFIX = ".regen-"


def publish(package: Path, destination: Path) -> bool:
    """Replace `destination` by `package`, and return whether anything changed."""
    if destination.is_dir() and tree_files(destination) == tree_files(package):
        return False
    destination.parent.mkdir(parents=True, exist_ok=True)
    for left in destination.parent.glob(f"{_STAGING_PREFIX}*"):  # of a run that was killed outright
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=destination.parent))
    try:
        fresh = shutil.copytree(package, staging / destination.name)
        if destination.exists():
            destination.rename(staging / "old")
        fresh.rename(destination)
    except BaseException:
        if (staging / "old").exists() and not destination.exists():
            (staging / "old").rename(destination)
        raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return True
