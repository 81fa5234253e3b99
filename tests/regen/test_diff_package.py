"""The names that callers use in the generated package: what is lost or called otherwise is in the report."""

from __future__ import annotations

from scripts.regen._diff import package_changes

_MODEL = "T = 1\n\n\nclass {name}:\n    speed: float\n\n    def copy(self) -> {name}:\n        return self\n"
_MODULE = (
    'def _get_kwargs():\n    return {{"method": "get", "url": "/{path}/"}}\n\n\ndef sync():\n    return {path!r}\n'
)
_GROUP = """class {group}Operations:
    def {name}(self, *, limit: int = 1) -> int:
        \"\"\"Words.

        Request: `GET /{path}/`
        \"\"\"
        return self._call(1)


class Async{group}Operations:
    async def {name}(self, *, limit: int = 1) -> int:
        return await self._call(1)
"""


def _package(model: str, module: str, method: str, path: str = "running") -> dict[str, bytes]:
    files = {
        f"models/{model.lower()}.py": _MODEL.format(name=model),
        "models/level.py": 'Level = Literal["a"]\nLEVEL_VALUES = {"a"}\n',
        f"api/sessions/{module}.py": _MODULE.format(path=path),
        "api/sessions/__init__.py": "",
        "operations/sessions.py": _GROUP.format(group="Sessions", name=method, path=path),
        "client.py": "class Client:\n    pass\n",
        "py.typed": "",
    }
    return {name: text.encode() for name, text in files.items()}


def _told(old: dict[str, bytes], new: dict[str, bytes]) -> set[tuple[str, str]]:
    return {(one.kind, one.text) for one in package_changes(old, new)}


def test_names_that_moved_are_told_with_what_they_are_called_now() -> None:
    """A model, a module and a method that are the same under another name are breaking, and lead to their new name."""
    old, new = _package("Running", "running", "list"), _package("Jumping", "runs", "search")
    assert _told(old, new) == {
        ("breaking", "`aikynetix_api.models.Running` is called `aikynetix_api.models.Jumping` now"),
        ("breaking", "`aikynetix_api.api.sessions.running` is called `aikynetix_api.api.sessions.runs` now"),
        ("breaking", "`client.api.sessions.list` is called `client.api.sessions.search` now"),
    }
    assert _told(old, old) == set()


def test_names_that_are_gone_and_new_methods_are_told() -> None:
    """What is another request is another operation; a new method is named with its request."""
    old, new = _package("Running", "running", "list"), _package("Running", "jumps", "find", "jumps")
    assert _told(old, new) == {
        ("breaking", "`aikynetix_api.api.sessions.running` is gone"),
        ("breaking", "`client.api.sessions.list` is gone"),
        ("additive", "`client.api.sessions.find` is new: GET /jumps/"),
    }
    assert ("breaking", "`aikynetix_api.models.Level` is gone") in _told(old, {})


def test_a_name_that_another_operation_has_now_is_told() -> None:
    """Whoever calls it would send another request without a word."""
    old, new = _package("Running", "running", "list"), _package("Running", "running", "list", "jumps")
    new["operations/sessions.py"] += _GROUP.format(group="More", name="list_v2", path="running").encode()
    assert ("breaking", "`client.api.sessions.list` is another operation now, GET /jumps/") in _told(old, new)
