"""`python -m scripts.regen`."""

from __future__ import annotations

import gc
import sys

for _name in ("httpx._main", "trio"):  # what httpx imports where it is installed, and takes most of its time
    sys.modules[_name] = None  # type: ignore[assignment]  # what keeps an import from happening

from scripts.regen._pipeline import main  # noqa: E402 -- after what it must not import

gc.set_threshold(200_000)  # nearly all that is made is kept to the end

if __name__ == "__main__":
    sys.exit(main())
