"""Regeneration: from the vendor's `openapi.json` to the committed package `aikynetix_api`.

Run as ``python -m scripts.regen``. Values flow one way, and `_pipeline` leads them::

    _document ─> _operations ─> _canonical ─> _generate ─> _wire (requests) ─> _diff
                                    └──────> _facade (what the facade needs)
"""
