"""One file over links that a single connection does not fill, beside aria2c with 16 connections."""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import _machine
from ._downloads import command, facade, installed, video_url
from ._table import interleaved, markdown, middle, spread

MIB = 1024**2
SIZE = 128 * MIB
# What the server does to each connection: a limit in bytes per second, a round trip with a window of 1 MiB.
LINKS = {
    "8 MiB/s per connection": ("--rate", str(8 * MIB)),
    "50 ms round trip, 1 MiB window": ("--latency", "0.05"),
    "8 MiB/s per connection, 50 ms round trip": ("--rate", str(8 * MIB), "--latency", "0.05"),
    "no limit": (),
}


def table(rounds: int) -> str:
    """Return the table."""
    if not installed("aria2c"):
        return "**Limited links**: aria2c is not installed"
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, options in LINKS.items():
            with _machine.server("--size", str(SIZE), *options) as url:
                aria, ours = folder / "aria.mp4", folder / "ours.mp4"
                words = ["aria2c", "-q", "-x16", "-s16", "-k1M", "--allow-overwrite=true", "--file-allocation=none"]
                samples = interleaved(
                    min(rounds, 3),
                    {
                        "aria2c -x16 -s16 -k1M": command([*words, "-d", name, "-o", aria.name, video_url(url)], aria),
                        "aikynetix, nothing set": facade("download", url, ours),
                    },
                )
                base = samples["aria2c -x16 -s16 -k1M"]
                rows += [
                    [
                        label,
                        client,
                        f"{middle(taken, 'seconds') / middle(base, 'seconds'):.2f}",
                        f"{middle(taken, 'seconds'):.2f}",
                        f"{middle(taken, 'cpu_s'):.2f}",
                        spread(taken, "seconds"),
                    ]
                    for client, taken in samples.items()
                ]
    title = f"One download of {SIZE // MIB} MiB (time, aria2c = 1.00)"
    return markdown(title, ["link", "client", "time, ratio", "time, s", "CPU, s", "spread"], rows)
