"""One file over one connection, beside curl: plain and over TLS."""

from __future__ import annotations

import tempfile
from pathlib import Path

from . import _machine
from ._downloads import command, facade, installed, video_url
from ._table import interleaved, markdown, middle, spread

SIZE = 512 * 1024**2


def table(rounds: int) -> str:
    """Return the table."""
    if not installed("curl"):
        return "**One download stream**: curl is not installed"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        authority, certificate = _certificates(Path(folder))
        for label, options in (("plain", []), ("TLS", ["--certificate", str(certificate)])):
            with _machine.server("--size", str(SIZE), *options) as url:
                rows += _rows(label, url, Path(folder), str(authority), rounds)
    title = f"One download stream of {SIZE >> 20} MiB over loopback (curl = 1.00; the facade also verifies and syncs)"
    return markdown(title, ["client", "speed", "CPU", "MiB per second", "spread", "peak memory, MiB"], rows)


def _rows(label: str, url: str, folder: Path, authority: str, rounds: int) -> list[list[str]]:
    pin = _machine.pinned(_machine.CLIENT_CORE)
    curl, ours = folder / "curl.mp4", folder / "ours.mp4"
    samples = interleaved(
        rounds,
        {
            f"curl, {label}": command(
                [*pin, "curl", "--silent", "--fail", "--cacert", authority, "--output", str(curl), video_url(url)], curl
            ),
            f"aikynetix, {label}": facade("one-stream", url, ours, SSL_CERT_FILE=authority),
        },
    )
    base = samples[f"curl, {label}"]
    return [
        [
            name,
            f"{middle(base, 'seconds') / middle(taken, 'seconds'):.2f}",
            f"{middle(taken, 'cpu_s') / middle(base, 'cpu_s'):.2f}",
            f"{SIZE / 2**20 / middle(taken, 'seconds'):.0f}",
            spread(taken, "seconds"),
            f"{middle(taken, 'peak_mib'):.0f}" if "peak_mib" in taken[0] else "",
        ]
        for name, taken in samples.items()
    ]


def _certificates(folder: Path) -> tuple[Path, Path]:
    import trustme

    authority, certificate = folder / "authority.pem", folder / "server.pem"
    made = trustme.CA()
    made.cert_pem.write_to_path(str(authority))
    made.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    return authority, certificate
