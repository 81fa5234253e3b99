"""The table that ties the vendor's document to the facade: what is looked for, and what it is called here.

A rule that matches nothing ends the run by its name. When the vendor renames something beyond recognition, a line
in this table is the place to say so; no other module names anything of the vendor's.
"""

from __future__ import annotations

from dataclasses import dataclass

FACADE_TAG = "analyzed_videos"
SUCCESS_MODEL = "AnalyzedVideoResponse"
ERROR_MODEL = "ErrorResponse"
FACADE_SOURCE = "aikynetix/_operations.py"

# OpenAPI resolves a relative server (and the default `/`) against the place of the document. The vendor publishes
# documentation pages and no document, so the host its pages name is the only origin there is.
DOCUMENTED_ORIGIN = "https://api.aikynetix.app"

_ID = "session-management_sessions_analyzed-video"
_ANALYSIS = ("is_jump", "is_weight")


@dataclass(frozen=True)
class Rule:
    """How one facade operation is found in the vendor's document."""

    name: str  # the operation's stable name, and its function in `aikynetix/_operations.py`
    methods: tuple[str, ...]  # HTTP methods in order of preference
    operation_ids: tuple[str, ...]  # the vendor's; with them the operation is found when its path was renamed
    flags: tuple[str, ...]  # the yes-or-no choices that the facade says, by their generated Python names
    body_model: str  # the stable name of the request body's model
    # The end of the path, `{}` for a parameter; compared without case, punctuation and plural.
    shape: str = "sessions/{}/analyzed-video"
    # The path as it is known, `{}` for a parameter; it wins over other paths of the same shape.
    home: str = "/session-management/sessions/{}/analyzed-video/"

    @property
    def requests(self) -> tuple[tuple[str, ...], ...]:
        """Every request that the facade makes, as the flags that it says: one analysis or none, and the others."""
        others = tuple(flag for flag in self.flags if flag not in _ANALYSIS)
        ways = [(), *((flag,) for flag in _ANALYSIS if flag in self.flags)]
        return (*ways, *((*way, *others) for way in ways if others))


RULES = (
    Rule(
        name="get_analyzed_video",
        methods=("get",),
        operation_ids=(f"{_ID}_list", f"{_ID}_read"),
        flags=(*_ANALYSIS, "download"),
        body_model="GetAnalyzedVideoBody",
    ),
    Rule(
        name="generate_analyzed_video",
        methods=("post", "put", "patch"),
        operation_ids=(f"{_ID}_create", f"{_ID}_update"),
        flags=_ANALYSIS,
        body_model="GenerateAnalyzedVideoBody",
    ),
)

SESSION_PARAMETER = "session_id"

# What has sessions and is none: its identifier in the path must not be filled with a session's.
NO_SESSIONS = frozenset(
    {"account", "athlete", "camera", "club", "coach", "customer", "device", "group", "gym", "member", "organisation",
     "organization", "patient", "person", "player", "team", "tenant", "user"}
)  # fmt: skip

# What may stand before a token in `Authorization`, as written on the wire.
TOKEN_PREFIXES = ("Bearer", "Token", "JWT")

# Credentials of browsers that web frameworks list among the others: sessions, and tokens against forged requests.
NOT_FOR_PROGRAMS = frozenset(
    {"sessionid", "jsessionid", "phpsessid", "connectsid", "csrftoken", "xcsrftoken", "xsrftoken", "xxsrftoken"}
)

# Where the address of the video may stand in a success response: names without case and punctuation, best first. A
# nested place is compared as its keys put together, so `{"analyzed_video": {"url": ...}}` is the first one too.
VIDEO_URL_NAMES: tuple[str, ...] = (
    "analyzedvideourl", "analysedvideourl", "analyzedvideouri", "analyzedvideolink", "videourl", "signedurl", "url",
)  # fmt: skip
UNMISTAKABLE = frozenset(VIDEO_URL_NAMES[:4])

# Words that may stand before one of the other names, or hold it, without making it the address of something else: an
# `original_video_url` or a `thumbnail.url` is no analyzed video.
NEUTRAL_WORDS = (
    "data", "attributes", "result", "video", "analysis", "response", "payload", "asset", "media", "output", "item",
    "annotated", "processed", "analyzed", "analysed", "overlay", "rendered",
)  # fmt: skip
