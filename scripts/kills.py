"""Downloads that are killed again and again: ``python -m scripts.kills [--kills N] [--seed N] [--mib N]``.

Each is killed with SIGKILL at random moments and started anew until it is done. Every file must be right in the end,
and nothing that the journal holds may be asked for again. Exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.download.kills import torment

_KIB = 1024


def main() -> int:
    """Run and tell the figures."""
    parser = argparse.ArgumentParser(description="Kill downloads at random moments.")
    parser.add_argument("--kills", type=int, default=100, help="how many processes are killed")
    parser.add_argument("--seed", type=int, default=1, help="chooses the moments")
    parser.add_argument("--mib", type=int, default=48, help="size of each file in MiB")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = torment(args.seed, args.kills, args.mib * _KIB * _KIB, Path(folder))
    kills = sum(len(file.journaled) for file in files)
    wrong = sum(not file.right for file in files)
    again = sum(file.asked_again for file in files)
    twice = sum(file.sent for file in files) - len(files) * args.mib * _KIB * _KIB
    print(f"kills: {kills}, in {len(files)} files of {args.mib} MiB")
    print(f"files that were not right in the end: {wrong}")
    print(f"bytes asked for again although the journal held them: {again}")
    print(f"sent twice: {twice / _KIB:,.0f} KiB in all, {twice / kills / _KIB:,.0f} KiB per kill")
    return 1 if wrong or again or kills < args.kills else 0


if __name__ == "__main__":
    sys.exit(main())
