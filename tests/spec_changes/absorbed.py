"""Changes that regenerating absorbs, and the whole of what the owner of a tree runs after each of them.

`python -m tests.spec_changes.absorbed [WORD...]` makes a copy of the tree for every change whose name has one of the
words (all without any), runs `make spec`, `make regen`, `make demo` and `make test` in it, and names what is not green.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.spec_changes._change import (
    Edit,
    Json,
    add_parameter,
    answer_with,
    both,
    changed_document,
    get,
    move_path,
    parameter,
    post,
    success,
)
from tests.spec_changes._service import service

ROOT = Path(__file__).resolve().parents[2]
_TEXT: Json = {"type": "string"}
_ELSEWHERE: list[Json] = [{"url": "https://eu.aikynetix.app/v3"}]


class Absorbed(NamedTuple):
    """A change that leaves nothing to do by hand.

    Attributes:
        name: What the vendor did.
        edit: Changes the vendor's first document.
        decided: Whether the owner has to accept where credentials go now.
    """

    name: str
    edit: Edit
    decided: bool = False

    def document(self) -> bytes:
        """Return the changed document."""
        return changed_document(self.edit)[1]


def _describe(spec: Json) -> None:
    get(spec)["description"] = "Returns the address of the video."


def _limit(spec: Json) -> None:
    for one in both(spec):
        one["responses"]["429"] = one["responses"]["400"]


def _list(spec: Json) -> None:
    page = {"type": "array", "items": {"type": "object", "properties": {"id": _TEXT}}}
    listed = {"operationId": "sessions_list", "tags": ["session-management"], "responses": {}}
    answer_with(listed, page)
    spec["paths"]["/session-management/sessions/"] = {"get": listed}


def _rename_field(spec: Json) -> None:
    for one in both(spec):
        properties = success(one)["properties"]
        properties["video_url"] = properties.pop("analyzed_video_url")


def _add_field(spec: Json) -> None:
    for one in both(spec):
        success(one)["properties"]["frames"] = {"type": "integer"}


def _rename_flags(spec: Json) -> None:
    parameter(spec, "is_jump")["name"] = "isJump"
    fields = post(spec)["requestBody"]["content"]["application/json"]["schema"]["properties"]
    fields["isJump"] = fields.pop("is_jump")


def _send_form(spec: Json) -> None:
    content = post(spec)["requestBody"]["content"]
    content["application/x-www-form-urlencoded"] = content.pop("application/json")


def _key(**place: str) -> Edit:
    return lambda spec: spec["components"]["securitySchemes"]["ApiKeyAuth"].update(place)


def _everything(spec: Json) -> Json:
    for change in (_rename_flags, _rename_field, _limit, _key(name="X-Api-Key")):
        change(spec)
    move_path(spec, "/v3/sessions/{session_id}/analyzed-video")
    whole = service()
    whole["paths"] = {**{path: one for path, one in whole["paths"].items() if "analyzed" not in path}, **spec["paths"]}
    components = {**whole["components"], **spec["components"]}
    return {**spec, "servers": _ELSEWHERE, "paths": whole["paths"], "components": components}


_ADDITIONS = (
    Absorbed("a description", _describe),
    Absorbed("an optional parameter", lambda spec: add_parameter(get(spec), "quality")),
    Absorbed("OpenAPI 3.0.3", lambda spec: spec.update(openapi="3.0.3")),
    Absorbed("a documented 429", _limit),
    Absorbed("a new endpoint", _list),
    Absorbed("a new response field", _add_field),
    Absorbed("sixty operations", lambda spec: service()),
)
MOVES = (
    Absorbed("the response field renamed", _rename_field),
    Absorbed("a flag renamed", _rename_flags),
    Absorbed("the body as a form", _send_form),
    Absorbed("the path changed", lambda spec: move_path(spec, "/v3/sessions/{session_id}/analyzed-video")),
    Absorbed("the credential's header renamed", _key(name="X-Api-Key"), decided=True),
    Absorbed("the credential in the query", _key(**{"in": "query", "name": "api_key"}), decided=True),
    Absorbed("another server", lambda spec: spec.update(servers=_ELSEWHERE), decided=True),
    Absorbed("all of this at once", _everything, decided=True),
)
ABSORBED = (*_ADDITIONS, *MOVES)


def run_all(words: list[str]) -> int:
    """Do what an owner does after each change, and print what is not green; return how many changes are not."""
    chosen = [one for one in ABSORBED if not words or any(word in one.name for word in words)]
    failed = 0
    for one in chosen:
        with tempfile.TemporaryDirectory(prefix="absorbed-") as folder:
            said = _run(one, Path(folder) / "tree")
        failed += bool(said)
        print(f"{one.name}: {'; '.join(said) or 'green'}", flush=True)
    return failed


def _run(change: Absorbed, tree: Path) -> list[str]:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    page = tree.parent / "page.md"
    page.write_text(f"# The vendor's page\n\n```json\n{change.document().decode()}\n```\n")
    steps = {
        "make spec": ["scripts.vendor_spec", str(page)],
        "make regen": ["scripts.regen", *(["--accept"] if change.decided else [])],
        "make demo": ["aikynetix", "demo"],
        "make test": ["pytest", "-n", "2", "--dist", "worksteal", "-q", "-p", "no:cacheprovider", "--no-header"],
    }
    environment = {**os.environ, "PYTHONPATH": f"{tree / 'generated'}{os.pathsep}{tree}"}
    for name, step in steps.items():
        command = [sys.executable, "-m", *step]
        done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            failures = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
            return [f"{name} exits {done.returncode}", *(failures or (done.stdout + done.stderr)[-500:].split("\n"))]
    return []


if __name__ == "__main__":
    sys.exit(run_all(sys.argv[1:]) and 1)
