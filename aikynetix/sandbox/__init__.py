"""A local stand-in for the vendor's API and its storage host (extra ``aikynetix[sandbox]``).

::

    from aikynetix.sandbox import Sandbox

    with Sandbox() as sandbox:
        print(sandbox.base_url, sandbox.api_key, sandbox.sessions)

It responds as the vendor documents, over real HTTP on the loopback address; ``aikynetix.sandbox.pytest_plugin`` gives
it to tests as a fixture.

Raises:
    ImportError: On import, when the extra is not installed.
"""

from __future__ import annotations

from importlib.util import find_spec

_missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
if _missing:
    raise ImportError(f"the sandbox needs {' and '.join(_missing)}: pip install 'aikynetix[sandbox]'", name=_missing[0])

from ._sandbox import Sandbox  # noqa: E402  # the check comes first, for its clear message
from ._sessions import SESSIONS, Outcome, SandboxSession  # noqa: E402  # as above
from ._state import RecordedRequest  # noqa: E402  # as above

__all__ = ["SESSIONS", "Outcome", "RecordedRequest", "Sandbox", "SandboxSession"]
