"""What `client.api` calls operations: by tag, path and method, the same whatever else the document says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from scripts.regen._generate import method_names
from scripts.regen._operations import Operation, operations_of

# Request, tag, and what it is called.
_NAMES = [
    ("get /session-management/sessions/", "session-management", "sessions.list"),
    ("post /session-management/sessions/", "session-management", "sessions.create"),
    ("get /session-management/sessions/{id}/", "session-management", "sessions.get"),
    ("put /session-management/sessions/{id}/", "session-management", "sessions.replace"),
    ("patch /session-management/sessions/{id}/", "session-management", "sessions.update"),
    ("delete /session-management/sessions/{id}/", "session-management", "sessions.delete"),
    ("delete /session-management/sessions/", "session-management", "sessions.delete_all"),
    ("get /session-management/sessions/{id}/analyzed-video/", "session-management", "sessions.get_analyzed_video"),
    ("post /session-management/sessions/{id}/analyzed-video/", "session-management", "sessions.create_analyzed_video"),
    ("get /session-management/sessions/{id}/videos/", "session-management", "sessions.list_videos"),
    ("post /session-management/sessions/{id}/videos/", "session-management", "sessions.create_video"),
    ("get /session-management/sessions/{id}/videos/{v}/", "session-management", "sessions.get_video"),
    ("post /session-management/upload/", "session-management", "session_management.upload"),
    ("get /api/v2/athletes/", "Athletes", "athletes.list"),
    ("patch /api/athletes/{id}/", "api", "athletes.update"),
    ("get /sessions/{id}/video", "videos", "videos.get"),
    ("get /sessions/{id}/thumbnail", "videos", "videos.get_thumbnail"),
    ("post /keys/{id}/rotate/", "keys", "keys.rotate"),
    ("get /users/me/", "users", "users.get_me"),
    ("get /users/search/{text}", "users", "users.search"),
    ("post /auth/login", "", "auth.login"),
    ("get /videos/{id}/upload-sessions/", "", "videos.list_upload_sessions"),
    ("get /videos/{id}/upload-sessions/{s}", "", "videos.get_upload_session"),
    ("post /videos/{id}/send-invites/", "", "videos.send_invites"),
    ("get /videos/{id}/getFrame", "", "videos.get_frame"),
    ("post /videos/create/", "", "videos.create"),
    ("get /class/import", "", "class_.import_"),
    ("get /jumps/{id}/jumpHeight", "Jump Metrics", "jump_metrics.get_jump_height"),
    ("get /analysis/datetime", "", "analysis.get_datetime"),
    ("query /sessions/", "", "sessions.query"),
    ("get /", "", "default.get"),
    ("post /teams:batchGet", "", "teams.batch_get"),
    ("post /teams/{id}:activate", "", "teams.activate"),
    ("put /files/{id}#add_shared_link", "", "files.add_shared_link"),
    # Two that want one name: the first by path keeps it, the other says in what it differs.
    ("get /v1/things/", "", "things.list"),
    ("get /v2/things/", "", "things.list_v2"),
    ("get /web/things/", "", "things.list_web"),
    ("get /plans/{id}", "", "plans.get"),
    ("get /plans/{id}/{kind}", "", "plans.get_by_kind"),
    ("get /plans/search", "", "plans.search"),
    ("post /plans/search", "", "plans.post_search"),
    # Names have an end.
    (f"get /deep/{{id}}/{'x' * 90}a", "", f"deep.get_{'x' * 76}"),
    (f"get /deep/{{id}}/{'x' * 90}b", "", f"deep.get_{'x' * 56}_2"),
    (f"get /deep/{{id}}/{'x' * 90}c", "", f"deep.get_{'x' * 56}_3"),
]


def _operations(identifier: str) -> list[Operation]:
    paths: dict[str, Any] = {}
    for number, (request, tag, _) in enumerate(_NAMES):
        method, path = request.split()
        one = {"operationId": f"{identifier}{number}", "responses": {}, **({"tags": [tag]} if tag else {})}
        paths.setdefault(path, {})[method] = one
    return operations_of({"openapi": "3.2.0", "paths": paths})


def _named(operations: list[Operation]) -> dict[str, str]:
    names = method_names([(one, "") for one in operations])
    return {f"{one.method} {one.path}": ".".join(name) for one, name in zip(operations, names, strict=True)}


@pytest.mark.parametrize(("request_line", "name"), [(request, name) for request, _, name in _NAMES])
def test_an_operation_is_called_by_its_tag_and_path(request_line: str, name: str) -> None:
    """Groups are collections, methods are verbs as other clients have them, and all are attributes of Python."""
    assert _named(_operations("a"))[request_line] == name


def test_names_depend_on_neither_operation_ids_nor_order() -> None:
    """A vendor who only renames or reorders operations moves no name of a caller."""
    operations = _operations("b")
    random.Random(7).shuffle(operations)
    assert _named(operations) == _named(_operations("a"))


def test_several_kinds_of_body_are_told_apart() -> None:
    """An operation that takes JSON and forms is a method for each."""
    operation = next(one for one in _operations("a") if (one.method, one.path) == ("post", "/auth/login"))
    assert method_names([(operation, ""), (operation, "form")]) == [("auth", "login"), ("auth", "login_form")]
