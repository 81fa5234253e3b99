"""A server that follows an OpenAPI document and nothing else; written without the pipeline's code, as a judge of it."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from email.message import Message

Json = dict[str, Any]
KEY, TOKEN = "key-for-tests", "token-for-tests"
SESSION, MISSING = "squad 7/athlete é", "missing"
VIDEO_URL = "https://storage.googleapis.com/bucket/analyzed_video.mp4?X-Goog-Signature=abc"
OTHER_URL = "https://example.test/not-the-video.png"
_BEFORE = {"matrix": ";{}=", "label": r"\."}
_METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace", "query")


@dataclass
class Seen:
    """One request that fitted the document: its operation and everything that was said in it."""

    method: str
    path: str
    said: dict[str, Any] = field(default_factory=dict)


class UnfitError(Exception):
    """The request does not fit the document."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class SpecServer:
    """Answers requests as a document says; `answer` replaces the made-up body of a success."""

    def __init__(self, spec: Json, answer: Callable[[str], Any] | None = None) -> None:
        self.spec = spec
        self.answer = answer
        self.seen: list[Seen] = []
        self.unfit: list[str] = []
        servers = [one for one in spec.get("servers") or [{"url": "/"}] if "//localhost" not in one["url"]]
        self.root = urlsplit(re.sub(r"\{\w+\}", "x", servers[0]["url"])).path.rstrip("/")

    def respond(self, method: str, target: str, headers: Message, body: bytes) -> tuple[int, str, bytes]:
        """Return status, content type and body for a request."""
        parts = urlsplit(target)
        try:
            operation, session, path = self._route(method.lower(), parts.path)
            self._authorize(operation, headers, dict(parse_qsl(parts.query, keep_blank_values=True)))
            said = self._read(operation, headers, parts.query, body)
        except UnfitError as problem:
            self.unfit.append(f"{method} {parts.path}: {problem}")
            return problem.status, "application/json", json.dumps({"error": str(problem)}).encode()
        self.seen.append(Seen(method.lower(), path, said))
        if session == MISSING:
            return self._documented(operation, "404")
        if session != SESSION:
            self.unfit.append(f"the session arrived as {session!r}")
            return 400, "application/json", b'{"error": "wrong session"}'
        return self._documented(operation, "2")

    def _route(self, method: str, path: str) -> tuple[Json, str | None, str]:
        for template, raw in self.spec["paths"].items():
            names = re.findall(r"\{([^{}]*)\}", template)
            item = {**self._resolve(raw), **{key: value for key, value in raw.items() if key != "$ref"}}
            if method not in item:
                continue
            shared = [*item.get("parameters", []), *item[method].get("parameters", [])]
            styles = {one["name"]: one.get("style") for one in map(self._resolve, shared) if one["in"] == "path"}
            pattern = "".join(
                _BEFORE.get(str(styles.get(piece[1:-1])), "").format(piece[1:-1]) + "([^/]+)"
                if piece.startswith("{")
                else re.escape(piece)
                for piece in re.split(r"(\{[^{}]*\})", template)
            )
            match = re.fullmatch(re.escape(self.root) + pattern, path)
            if match:
                values = dict(zip(names, map(unquote, match.groups()), strict=True))
                operation = {**item[method], "shared": item.get("parameters", [])}
                return operation, values.get(_session_name(names)), template
        raise UnfitError(404, "no such path")

    def _authorize(self, operation: Json, headers: Message, query: dict[str, str]) -> None:
        wanted = operation.get("security", self.spec.get("security"))
        if not wanted or {} in wanted:
            return
        schemes = self.spec.get("components", {}).get("securitySchemes", {})
        if not any(all(self._has(schemes[name], headers, query) for name in one) for one in wanted):
            raise UnfitError(401, "no credential that the document knows")

    def _has(self, scheme: Json, headers: Message, query: dict[str, str]) -> bool:
        authorization = headers.get("authorization", "")
        if scheme["type"] != "apiKey":
            return scheme.get("scheme", "bearer").lower() == "bearer" and authorization == f"Bearer {TOKEN}"
        name = scheme["name"]
        prefix = "Token" if '"Token"' in scheme.get("description", "") else "Bearer"
        if scheme["in"] == "query":
            return query.pop(name, None) == KEY
        if scheme["in"] == "cookie":
            return f"{name}={KEY}" in headers.get("cookie", "")
        return headers.get(name) == KEY or (name.lower() == "authorization" and authorization == f"{prefix} {TOKEN}")

    def _read(self, operation: Json, headers: Message, query: str, body: bytes) -> dict[str, Any]:
        known = {
            one["name"]: one for one in map(self._resolve, [*operation["shared"], *operation.get("parameters", [])])
        }
        given: dict[str, Any] = {
            "query": dict(parse_qsl(query, keep_blank_values=True)),
            "header": headers,
            "cookie": dict(re.findall(r"(?:^|; )([^=;]+)=([^;]*)", headers.get("cookie", ""))),
            "path": {},
        }
        credentials = {one["name"] for one in self._schemes() if one.get("in") == "query"}
        if unknown := given["query"].keys() - credentials - {n for n, one in known.items() if one["in"] == "query"}:
            raise UnfitError(400, f"unknown query parameters {unknown}")
        said: dict[str, Any] = {}
        for name, one in known.items():
            if name in given[one["in"]]:
                said[name] = self._typed(one.get("schema", {}), given[one["in"]][name])
            elif one.get("required") and one["in"] != "path" and name.lower() not in ("authorization", "api-key"):
                raise UnfitError(400, f"{one['in']} parameter {name} is required")
        said.update(self._read_body(operation, headers, body))
        return said

    def _read_body(self, operation: Json, headers: Message, body: bytes) -> dict[str, Any]:
        described = self._resolve(operation.get("requestBody"))
        if body and not described:
            raise UnfitError(400, "a body where none is documented")
        if not body and described and described.get("required"):
            raise UnfitError(400, "a body is required")
        if not body:
            return {}
        kind = headers.get("content-type", "").split(";")[0]
        content = {stated.partition(";")[0]: media for stated, media in described["content"].items()}
        media = self._resolve(content.get(kind) or content.get("*/*") or content.get(kind.replace("/", "/*+")))
        if media is None:
            raise UnfitError(400, f"the body is {kind!r}, documented are {list(content)}")
        values = self._decode(kind, headers, body)
        self._check(media.get("schema", {}), values, "the body", text=kind != "application/json")
        return values if isinstance(values, dict) else {}

    def _decode(self, kind: str, headers: Message, body: bytes) -> Any:
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(body.decode(), keep_blank_values=True))
        if kind == "multipart/form-data":
            raw = b"Content-Type: " + headers["content-type"].encode() + b"\r\n\r\n" + body
            message = BytesParser().parsebytes(raw)
            return {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()  # type: ignore[union-attr]  # a part of a multipart message is a message
                for part in message.get_payload()
            }
        try:
            return json.loads(body)
        except ValueError as error:
            raise UnfitError(400, "the body is not JSON") from error

    def _check(self, schema: Any, value: Any, where: str, *, text: bool = False) -> None:
        schema = self._merged(schema)
        if value is None and (schema.get("nullable") or "null" in (schema.get("type") or [])):
            return
        kind = schema.get("type")
        if kind == "object" and not isinstance(value, dict):
            raise UnfitError(400, f"{where} should be an object")
        if isinstance(value, dict):
            for name in schema.get("required", []):
                is_answered = self._merged(schema.get("properties", {}).get(name)).get("readOnly") is True
                if name not in value and not is_answered:
                    raise UnfitError(400, f"{where} needs {name}")
            for name, item in value.items():
                if name in schema.get("properties", {}):
                    self._check(schema["properties"][name], item, name, text=text)
                elif schema.get("additionalProperties") is False:
                    raise UnfitError(400, f"{where} does not know {name}")
        if kind == "boolean" and not (isinstance(value, bool) or (text and value in ("true", "false"))):
            raise UnfitError(400, f"{where} should be a boolean, is {value!r}")

    def _typed(self, schema: Any, value: str) -> Any:
        schema = self._merged(schema)
        if schema.get("type") == "boolean":
            if value not in ("true", "false"):
                raise UnfitError(400, f"{value!r} is not a boolean")
            return value == "true"
        return value

    def _documented(self, operation: Json, status: str) -> tuple[int, str, bytes]:
        responses = operation.get("responses", {})
        exact = [code for code in responses if str(code).startswith(status)]
        code = next(iter(exact), None) or ("4XX" if "4XX" in responses else "default")
        response = self._resolve(responses.get(code, {}))
        number = int(status) if len(status) == 3 else int(str(code).replace("XX", "00"))
        content = response.get("content") or {}
        kind = next((one for one in content if "json" in one), next(iter(content), "application/json"))
        if "json" not in kind and content:
            return number, kind, b"\x00\x00\x00\x18ftypmp42"
        if number == 204 or (status == "2" and not content):
            return number, "application/json", b""
        body = self._example((content.get(kind) or {}).get("schema", {}), "")
        if status == "2" and self.answer is not None:
            body = self.answer(VIDEO_URL)
        return number, kind, json.dumps(body).encode()

    def _example(self, schema: Any, name: str, depth: int = 0) -> Any:
        schema = self._merged(schema)
        if depth > 6:
            return None
        for key in ("oneOf", "anyOf"):
            if schema.get(key):
                return self._example(schema[key][0], name, depth + 1)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object" or "properties" in schema:
            return {
                key: self._example(one, f"{name}.{key}", depth + 1) for key, one in schema.get("properties", {}).items()
            }
        if kind == "array":
            return [self._example(schema.get("items", {}), name, depth + 1)]
        if kind in ("integer", "number"):
            return 7
        if kind == "boolean":
            return True
        return _text_for(name, schema)

    def _schemes(self) -> list[Json]:
        return list(self.spec.get("components", {}).get("securitySchemes", {}).values())

    def _merged(self, schema: Any, depth: int = 0) -> Json:
        schema = self._resolve(schema)
        if not isinstance(schema, dict) or depth > 5:
            return {}
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema.get("allOf", []):
            inner = self._merged(part, depth + 1)
            merged = {**inner, **merged, "properties": {**inner.get("properties", {}), **merged.get("properties", {})}}
        return merged

    def _resolve(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            target: Any = self.spec
            for part in node["$ref"][2:].split("/"):
                target = target[unquote(part).replace("~1", "/").replace("~0", "~")]
            node = target
        return node


def _session_name(names: list[str]) -> str:
    return next(
        (name for name in names if "session" in name.lower() or name in ("id", "pk", "uuid", "uid")),
        names[-1] if names else "",
    )


def _text_for(name: str, schema: Json) -> str:
    last = name.rsplit(".", 1)[-1]
    if schema.get("format") == "date-time":
        return "2030-01-02T03:04:05Z"
    if re.search(r"(?i)(analy[sz]ed.?video|video.?url|signed.?url|^url$)", last) or re.search(r"(?i)video\.url$", name):
        return VIDEO_URL
    return OTHER_URL if schema.get("format") in ("uri", "url") or "url" in last.lower() else "no such session"


@contextmanager
def running(server: SpecServer) -> Generator[str]:
    """Serve on a free loopback port; yields the origin."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, kind, answer = server.respond(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{http.server_port}"
        finally:
            http.shutdown()
            thread.join()
