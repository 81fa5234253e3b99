"""The fixture that makes many packages in one process affordable."""

from tests.spec_changes.conftest import templates_compiled_once

__all__ = ["templates_compiled_once"]
