"""`python -m scripts.regen`."""

from __future__ import annotations

import sys

from scripts.regen._command import main

if __name__ == "__main__":
    sys.exit(main())
