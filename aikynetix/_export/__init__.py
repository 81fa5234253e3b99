"""Bulk export: the videos of many sessions into one folder, with a manifest and a page to look at them."""

from ._export import export_async, new_run, plan
from ._folder import PAGE
from ._record import ExportRecord, ExportStatus

__all__ = ["PAGE", "ExportRecord", "ExportStatus", "export_async", "new_run", "plan"]
