"""Regeneration: from the vendor's `openapi.json` to the committed package `aikynetix_api`.

Run as ``python -m scripts.regen``. Values flow one way, and `_pipeline` leads them::

    _document ─> _operations ─> _canonical ─> _generate ─> _probe (requests: _wire) ─> _diff
                                    └──────> _facade (what the facade needs)
"""
