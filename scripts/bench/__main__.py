"""Print the tables that are asked for, or all of them, as Markdown."""

from __future__ import annotations

import argparse
import sys
import time

from . import _machine, concurrent, download, export, links, lookups, memory, start

TABLES = {
    "lookups": lookups.table,
    "concurrent": concurrent.table,
    "start": start.table,
    "memory": memory.table,
    "download": download.table,
    "links": links.table,
    "export": export.table,
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"of {', '.join(TABLES)}; default: all")
    parser.add_argument("--rounds", type=int, default=5, help="how often each client is measured")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.tables) - set(TABLES))
    if unknown:
        parser.error(f"no such table: {', '.join(unknown)}; there are {', '.join(TABLES)}")
    print(_machine.line(), flush=True)
    for name in arguments.tables or TABLES:
        began = time.monotonic()
        print(f"\n{TABLES[name](arguments.rounds)}", flush=True)
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
