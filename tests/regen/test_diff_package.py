"""The names that callers use in the generated package: what is lost or called otherwise is in the report."""

from __future__ import annotations

import pytest

from scripts.regen._diff import package_changes

_MODULE = 'def _get_kwargs():\n    return {{"url": "/{path}/"}}\n\n\ndef sync():\n    return {path!r}\n'
_GROUP = """class SessionsOperations:
    def {name}(self, *, limit: int = 1) -> int:
        \"\"\"Words.

        Request: `GET /{path}/`
        \"\"\"
        return self._call(1)


class AsyncSessionsOperations:
    async def {name}(self, *, limit: int = 1) -> int:
        return await self._call(1)
"""


def _package(model: str, module: str, method: str, path: str = "running", **more: str) -> dict[str, bytes]:
    files = {
        f"models/{model.lower()}.py": f"class {model}:\n    def copy(self) -> {model}:\n        return self\n",
        "models/level.py": 'Level = Literal["a"]\nLEVEL_VALUES = {"a"}\n',
        f"api/sessions/{module}.py": _MODULE.format(path=path),
        "api/sessions/__init__.py": "",
        "operations/sessions.py": _GROUP.format(name=method, path=path),
        "py.typed": "",
        **{f"operations/{name}.py": text for name, text in more.items()},
    }
    return {name: text.encode() for name, text in files.items()}


_OLD = _package("Running", "running", "list")


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (_OLD, set()),
        (
            _package("Jumping", "runs", "search"),
            {
                "breaking: `aikynetix_api.models.Running` is called `aikynetix_api.models.Jumping` now",
                "breaking: `aikynetix_api.api.sessions.running` is called `aikynetix_api.api.sessions.runs` now",
                "breaking: `client.api.sessions.list` is called `client.api.sessions.search` now",
            },
        ),
        (
            _package("Running", "jumps", "find", "jumps"),
            {
                "breaking: `aikynetix_api.api.sessions.running` is gone",
                "breaking: `client.api.sessions.list` is gone",
                "additive: `client.api.sessions.find` is new: GET /jumps/",
            },
        ),
        (
            # Whoever calls it would send another request without a word.
            _package("Running", "running", "list", "jumps", more=_GROUP.format(name="list_v2", path="running")),
            {
                "breaking: `client.api.sessions.list` is another operation now, GET /jumps/",
                "additive: `client.api.more.list_v2` is new: GET /running/",
            },
        ),
        (
            {name: data for name, data in _OLD.items() if "level" not in name},
            {"breaking: `aikynetix_api.models.Level` is gone"},
        ),
    ],
    ids=["nothing", "moved", "gone and new", "another operation", "an enumeration"],
)
def test_names_are_told(new: dict[str, bytes], told: set[str]) -> None:
    """What is the same under another name leads there; what is gone, new, or another request now is said."""
    assert {f"{one.kind}: {one.text}" for one in package_changes(_OLD, new)} == told
