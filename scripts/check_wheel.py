"""Build the wheel, look into it, and use it in an empty environment: ``python -m scripts.check_wheel``."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("aikynetix", "aikynetix_api")
NEEDED = (
    "aikynetix/py.typed",
    "aikynetix/_export/gallery.html",
    "aikynetix_api/py.typed",
    "aikynetix_api/facade.py",
    "aikynetix/sandbox/__init__.py",
)

# What a user does first, in an environment that has the wheel and its required dependencies and nothing else.
FIRST_USE = """
import httpx
from aikynetix import Aikynetix

answer = {"analyzed_video_url": "https://storage.googleapis.com/bucket/video.mp4?X-Goog-Signature=secret"}
transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
with Aikynetix(api_key="key-for-the-check", transport=transport) as client:
    video = client.analyzed_videos.get("session", analysis="jump")
assert video.url == answer["analyzed_video_url"], video
assert video.raw.analyzed_video_url == video.url
assert "secret" not in repr(video)
"""


def strangers(names: list[str]) -> list[str]:
    """Return the files of a wheel that belong to neither package nor to its metadata, or should not be shipped."""
    allowed = tuple(f"{package}/" for package in PACKAGES)
    return [
        name
        for name in names
        if not (name.startswith(allowed) or ".dist-info/" in name)
        or name.endswith((".pyc", ".part"))
        or "/tests/" in name
    ]


def main() -> int:
    """Build, inspect and use the wheel; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, str(ROOT)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wheel = next(Path(folder).glob("*.whl"))
        names = zipfile.ZipFile(wheel).namelist()
        problems = [f"should not be in it: {name}" for name in strangers(names)]
        problems += [f"is missing: {name}" for name in NEEDED if name not in names]
        if not any(name.startswith("aikynetix/sandbox/") and name.endswith(".mp4") for name in names):
            problems.append("is missing: the sandbox's video")
        for problem in problems:
            print(f"wheel: {problem}")
        if problems:
            return 1
        environment = Path(folder) / "env"
        venv.create(environment, with_pip=True)
        python = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", str(wheel)], check=True)
        subprocess.run([str(python), "-I", "-c", FIRST_USE], check=True, cwd=folder)
        subprocess.run([str(python), "-I", "-m", "aikynetix", "--version"], check=True, cwd=folder)
    print(f"wheel: {len(names)} files, installs and runs in an empty environment")
    return 0


if __name__ == "__main__":
    sys.exit(main())
