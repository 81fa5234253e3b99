"""Regeneration: from the vendor's `openapi.json` to the committed package `aikynetix_api`.

Run as ``python -m scripts.regen``. Values flow one way::

    _document ─> _operations ─> _canonical ─> _generate ─> _probe (requests: _wire) ─> _command
                                    └──────> _facade (what the facade needs) ─> _report
"""
