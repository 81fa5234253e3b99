"""The canaries, and how they are looked for."""

from __future__ import annotations

from urllib.parse import quote

KEY = "canary-key/5f3a9c+1e7b&0d42"
TOKEN = "canary.token-8b1f~6e2d"
SIGNATURE = "cafe5f3a9c1e7b0d42"
PASSWORD = "canary@proxy:pass"
_FORMS = {form for secret in (KEY, TOKEN, PASSWORD) for form in (secret, quote(secret), quote(secret, safe=""))}


def finds(text: str) -> list[str]:
    """Every canary as it is sent or percent-encoded, and every signature of a URL, that ``text`` holds."""
    low = text.lower()
    found = [form for form in (*_FORMS, SIGNATURE) if form.lower() in low]
    return found + [mark for mark in ("x-goog-signature=",) if mark in low and f"{mark}***" not in low]
