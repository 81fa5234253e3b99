"""Bulk export: the videos of many sessions into one folder, with a manifest and a page to look at them."""

from ._async import export_async
from ._folder import PAGE
from ._record import ExportRecord, ExportStatus
from ._sync import export, plan

__all__ = ["PAGE", "ExportRecord", "ExportStatus", "export", "export_async", "plan"]
