"""What people's tracing sees: each request once, and no credential or signature in it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.contract.callers import CLIENTS, KINDS, do
from tests.faults.scenario import FOUND, response
from tests.faults.server import FaultServer, Keep, Script
from tests.faults.storage import VIDEO, head, lookup_of
from tests.secrets.hunt import KEY, finds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BUSY = (response(status=503, headers="Retry-After: 0\r\n"), Keep())
_AWAY = (response(status=307, headers="Location: /elsewhere/sessions/s/\r\n"), Keep())
WHOLE = {"s": lookup_of("s"), "s-video": Script((head(), VIDEO, Keep()))}


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider, instrumentor = InMemorySpanExporter(), TracerProvider(), HTTPXClientInstrumentor()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()


@pytest.mark.parametrize(
    ("job", "scripts", "statuses"),
    [
        ("get", {"s": Script(_BUSY, (FOUND, Keep()))}, [503, 200]),
        ("get", {"s": Script(_AWAY, (FOUND, Keep()))}, [307, 200]),
        ("download", WHOLE, [200, 200]),
        ("export", WHOLE, [200, 200]),
    ],
    ids=["retry", "redirect", "download", "export"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_opentelemetry_has_a_span_for_each_request(
    kind: str, job: str, scripts: dict[str, Script], statuses: list[int], spans: InMemorySpanExporter, tmp_path: Path
) -> None:
    """Retries, redirects and what the storage is asked included, with the signature redacted."""
    with FaultServer(scripts) as server:
        do(kind, job, tmp_path, api_key=KEY, base_url=server.url)
        seen = [seen.target.partition("?")[0] for seen in server.seen]
    attributes = [dict(span.attributes or {}) for span in spans.get_finished_spans()]
    codes = [each.get("http.status_code", each.get("http.response.status_code")) for each in attributes]
    urls = [str(each.get("http.url", each.get("url.full"))) for each in attributes]
    assert codes == statuses
    assert [url.partition("?")[0].removeprefix(server.url).removeprefix(server.other_url) for url in urls] == seen
    assert finds("\n".join(span.to_json() for span in spans.get_finished_spans()).replace("=REDACTED", "=***")) == []


# It cannot be taken out again, and so has a process of its own.
_SENTRY = """
import json, sys
import sentry_sdk
from sentry_sdk.integrations.httpx import HttpxIntegration
from tests.contract.callers import ask

url, key, *kinds = sys.argv[1:]
crumbs = []
sentry_sdk.init(
    dsn="https://0@127.0.0.1:9/1", default_integrations=False, integrations=[HttpxIntegration()],
    before_breadcrumb=lambda crumb, hint: crumbs.append(crumb),
)
for kind in kinds:
    ask(kind, "get", kind, api_key=key, base_url=url)
print(json.dumps([[crumb["data"]["url"], crumb["data"]["http.response.status_code"]] for crumb in crumbs]))
print(repr(crumbs), file=sys.stderr)
"""


def test_sentry_has_a_breadcrumb_for_each_lookup() -> None:
    """URL and status, a retry by itself, no credential; of both clients."""
    with FaultServer({kind: Script(_BUSY, (FOUND, Keep())) for kind in CLIENTS}) as server:
        command = [sys.executable, "-c", _SENTRY, server.url, KEY, *CLIENTS]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        asked = [[server.url + seen.target, status] for seen, status in zip(server.seen, [503, 200] * 2, strict=True)]
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == asked
    assert finds(done.stdout + done.stderr) == []
