"""`python -m scripts.regen`."""

from __future__ import annotations

import sys

sys.modules["httpx._main"] = None  # type: ignore[assignment]  # httpx's own command line: half of its import

from scripts.regen._command import main  # noqa: E402 -- needs the line above

if __name__ == "__main__":
    sys.exit(main())
