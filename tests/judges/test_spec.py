"""openapi-spec-validator on ``openapi.json``."""

from __future__ import annotations

import json

import pytest

from .prism import ROOT


def test_the_spec_is_valid() -> None:
    """It conforms to the schema of the version that it says it is."""
    validator = pytest.importorskip("openapi_spec_validator", reason="it comes with the extra `dev`")
    validator.validate(json.loads((ROOT / "openapi.json").read_text("utf-8")))
