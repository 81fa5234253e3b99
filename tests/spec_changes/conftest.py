"""What makes hundreds of packages in one process affordable."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import jinja2
import openapi_python_client
import pytest

from tests.spec_changes._change import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jinja2.bccache import Bucket


class _Kept(jinja2.BytecodeCache):
    """Compiled templates, by their names and sources."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key + bucket.checksum in self.code:
            bucket.bytecode_from_string(self.code[bucket.key + bucket.checksum])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.code[bucket.key + bucket.checksum] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once() -> Iterator[None]:
    """The generator compiles its templates anew for each document, which would be half of the time of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        kept = partial(jinja2.Environment, bytecode_cache=_Kept())
        patch.setattr(openapi_python_client, "Environment", kept)
        yield


class User:
    """A process that uses one generated package after another."""

    def __init__(self) -> None:
        program = [sys.executable, "-W", "error", "-m", "tests.spec_changes._use"]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def use(self, folder: Path, spec: Any, answer: Any = None, kind: str = "") -> dict[str, Any]:
        """Do the facade's job with the package in `folder`; with a kind of client, call everything that it has."""
        assert self.process.stdin
        assert self.process.stdout
        job = {"folder": str(folder), "spec": spec, "answer": answer, "kind": kind}
        print(json.dumps(job), file=self.process.stdin, flush=True)
        result: dict[str, Any] = json.loads(self.process.stdout.readline())
        assert "crash" not in result, result
        return result


@pytest.fixture(scope="session")
def user() -> Iterator[User]:
    user = User()
    yield user
    user.process.communicate(timeout=20)
