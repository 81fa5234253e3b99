"""Downloads that are killed again and again: ``python -m scripts.kills [--kills N] [--seed N] [--mib N]``.

Each is killed with SIGKILL at random moments and started anew until it is done. Every file must be right in the end,
nothing that the journal holds may be asked for again, and a kill may cost no more than one range of each connection,
beside what was in flight. Exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.download.kills import RANGE, torment

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
    kills = [kill for file in files for kill in file.kills]
    wrong = sum(not file.right for file in files)
    again = sum(file.asked_again for file in files)
    greedy = [kill for kill in kills if kill.held > kill.connections * RANGE]
    refetched = sum(file.sent - file.size for file in files)
    print(f"kills: {len(kills)}, in {len(files)} files of {args.mib} MiB")
    print(f"files that were not right in the end: {wrong}")
    print(f"bytes asked for again although the journal held them: {again}")
    print(f"sent twice: {refetched / _KIB:,.0f} KiB in all, {refetched / len(kills) / _KIB:,.0f} KiB per kill")
    print(f"lost to one kill, at most: {max(k.lost for k in kills) / _KIB:,.0f} KiB")
    print(f"  of it received and not yet noted: {max(k.held for k in kills) / _KIB:,.0f} KiB")
    print(f"  at most {max(k.connections for k in kills)} connections, one range of each being {RANGE // _KIB} KiB")
    print(f"kills that cost more than one range of each connection beside what was in flight: {len(greedy)}")
    return 1 if wrong or again or greedy or len(kills) < args.kills else 0


if __name__ == "__main__":
    sys.exit(main())
