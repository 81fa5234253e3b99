# ruff: noqa: E501 -- tables, one page to a line however long
"""The vendor's pages become one document, or are refused by name."""

from __future__ import annotations

import hashlib
import html
import itertools
import json
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openapi_spec_validator
import pytest

from scripts.regen._document import to_bytes
from scripts.vendor_spec import main, make_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_httpx import HTTPXMock

    Run = Callable[..., tuple[int, Any, str]]

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path(__file__).with_name("data") / "analyzed-video.md"
_ADDRESS = "http://user:secret@docs.test/page.md?token=secret"
PATH = "/session-management/sessions/{session_id}/analyzed-video/"


def _fragment(path: str = "/a/", method: str = "get", **more: Any) -> dict[str, Any]:
    operation = {"operationId": f"{method}{path}", "description": "words", "responses": {"200": {"description": "ok"}}}
    return {"openapi": "3.1.1", "info": {"title": "T", "version": "1"}, "paths": {path: {method: operation}}, **more}


def _page(*fragments: object, fence: str = "```", language: str = "json") -> str:
    blocks = [one if isinstance(one, str) else json.dumps(one) for one in fragments]
    return "# Page\n\n" + "\n\n".join(f"{fence}{language}\n{block}\n{fence}" for block in blocks) + "\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*pages: str, check: bool = False) -> tuple[int, Any, str]:
        """Return the exit code, the document, None when there is none, and what was said."""
        names = [one if one.startswith("http://") else str(tmp_path / f"page{n}.md") for n, one in enumerate(pages)]
        for name, page in zip(names, pages, strict=True):
            if name != page:
                Path(name).write_text(page, encoding="utf-8")
        output = tmp_path / "openapi.json"
        code = main([*names, "-o", str(output), *(["--check"] if check else [])])
        said = capsys.readouterr()
        return code, json.loads(output.read_text("utf-8")) if output.exists() else None, said.out + said.err

    return run


def test_the_committed_document_is_what_the_page_makes() -> None:
    """`openapi.json` is, byte for byte, what `make spec` made of the pages that it read last."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["aikynetix"]
    digest = hashlib.sha256((ROOT / "openapi.json").read_bytes()).hexdigest()
    assert known["document"] == f"sha256:{digest}", "openapi.json was changed by hand; `make spec` makes it"
    assert known["pages"]


def test_a_page_of_the_vendor_makes_a_document(run: Run) -> None:
    """Two fragments on one page, with escaped copies of JSON in the prose around them, are one document."""
    spec = run(PAGE.read_text("utf-8"))[1]
    assert {path: list(item) for path, item in spec["paths"].items()} == {PATH: ["get", "post"]}
    assert spec["security"] == [{"Bearer": []}, {"ApiKeyAuth": []}]
    assert all("security" not in operation for operation in spec["paths"][PATH].values())
    openapi_spec_validator.validate(spec)


def test_the_pages_of_the_last_time_are_read_again(tmp_path: Path, run: Run, httpx_mock: HTTPXMock) -> None:
    """Without pages the remembered ones are read; other tables keep their place, and nothing that may be secret is."""
    project = tmp_path / "pyproject.toml"
    code, _, said = run(check=True)
    assert code == 2
    assert "make spec PAGES=" in said
    project.write_text('[project]\nname = "x"  # words\n')
    os.utime(project, (1e9, 1e9))
    run(_page(_fragment()))
    assert project.stat().st_mtime == 1e9, "make would install everything again"
    project.write_text(project.read_text() + '\n[tool.other]\nkey = "[1]"\n')
    (tmp_path / "page0.md").write_text(_page(_fragment(), _fragment("/b/")))
    assert run(check=True)[0] == 1
    code, _, said = run()
    assert code == 0
    assert "GET /b/: new operation" in said
    known = tomllib.loads(project.read_text())
    digest = hashlib.sha256((tmp_path / "openapi.json").read_bytes()).hexdigest()
    assert known["tool"]["aikynetix"] == {"pages": ["page0.md"], "document": f"sha256:{digest}"}
    assert (known["project"], known["tool"]["other"]) == ({"name": "x"}, {"key": "[1]"})
    assert "# words" in project.read_text()
    httpx_mock.add_response(text=_page(_fragment()), is_reusable=True)
    assert run("http://docs.test/page.md")[0] == 0
    assert run(check=True)[0] == 0
    assert run(_ADDRESS)[0] == 0
    assert tomllib.loads(project.read_text())["tool"]["aikynetix"]["pages"] == ["http://docs.test/page.md?..."]
    code, _, said = run(check=True)
    assert (code, "http://docs.test/page.md was read with a query" in said) == (2, True)


_INDENTED = json.dumps(_fragment(), indent=2)
_YAML = """info: {title: T, version: 2024-01-01}
# the version stands last
paths:
  /a/:
    get: {operationId: get/a/, description: words, responses: {200: {description: ok}}}
openapi: 3.1.1"""


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(_page(_fragment(), fence="~~~"), id="tildes"),
        pytest.param(_page(_fragment(), fence="``````"), id="a long fence"),
        pytest.param("1. step\n\n" + _page(_INDENTED).replace("\n", "\n   "), id="in a list"),
        pytest.param("> " + _page(_INDENTED).replace("\n", "\n> "), id="quoted"),
        pytest.param("\ufeff" + _page(_INDENTED).replace("\n", "\r\n"), id="with the line ends of Windows"),
        pytest.param(_page("{ // words\n openapi: '3.1.1', " + json.dumps(_fragment())[21:-1] + ",}", language="json5"), id="JSON5"),
        pytest.param(_page(_fragment(), language='json title="spec"'), id="with words behind the language"),
        pytest.param(_page(_YAML.replace("2024-01-01", '"1"'), language="yaml"), id="YAML"),
        pytest.param(_page('{"analyzed_video_url": "https://x"}', _fragment()) + "\n```python\nopenapi = 3\n```\n", id="beside examples"),
        pytest.param(_page(_fragment()) + '{% openapi src="x.json" path="/a/" method="GET" %}{% openapi-schemas spec="x" schemas="A" %}', id="beside blocks that point at it"),
        pytest.param(_page(_fragment(), language="javascript"), id="called JavaScript"),
        pytest.param(_page(html.escape(_INDENTED)), id="with HTML's escapes"),
        pytest.param(_page(_fragment(), fence="\u200b```"), id="with a space that is not seen"),
        pytest.param(_INDENTED, id="a whole file"),
    ],
)  # fmt: skip
def test_a_fragment_is_found_however_the_site_shows_code(run: Run, page: str) -> None:
    """Indented, quoted, with comments, beside other code, as a file: it is the same document."""
    assert run(page)[:2] == (0, _fragment())


def test_a_whole_file_of_yaml_is_read(run: Run) -> None:
    """Its words stay words: what looks like a date is the vendor's version."""
    assert run(_YAML)[:2] == (0, _fragment(info={"title": "T", "version": "2024-01-01"}))


def test_pages_of_models_add_to_the_pages_of_operations(run: Run) -> None:
    """A fragment may hold models alone, before or after the operations, and says nothing of credentials then."""
    models = {**_fragment(), "components": {"schemas": {"Athlete": {"type": "object"}}}}
    del models["paths"]
    secured = _fragment(security=[{"K": []}], components={"securitySchemes": {"K": {"type": "http"}}})
    for pages in ((models, secured), (secured, models)):
        code, made, _ = run(*map(_page, pages))
        assert (code, made["security"]) == (0, [{"K": []}])
        assert made["components"].keys() == {"schemas", "securitySchemes"}
    code, _, said = run(_page(models))
    assert code == 2
    assert "no operation, only models" in said


def test_pages_and_fragments_merge(run: Run) -> None:
    """Operations stand in one document, what they share once and with its first words, in whatever order its keys."""
    error = {"type": "object", "properties": {"error": {"type": "string"}}}
    fragments = [
        _fragment("/a/", method, servers=[{"url": f"https://{end}"}], components={"schemas": {"Error": stated}})
        for method, end, stated in (("get", "a.test/", error), ("post", "a.test", dict(reversed(error.items()))))
    ]
    other = json.loads(json.dumps(fragments[0]).replace('"words"', '"other words"'))
    other["openapi"] = "3.1.0"  # patches of one version say the same
    code, made, _ = run(_page(*fragments), _page(_fragment("/b/"), other))
    assert code == 0
    assert {path: list(item) for path, item in made["paths"].items()} == {"/a/": ["get", "post"], "/b/": ["get"]}
    assert made["components"]["schemas"] == {"Error": error}
    assert made["paths"]["/a/"]["get"]["description"] == "words"


def _with(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    fragment = _fragment(servers=[{"url": "https://a.test"}], components={"schemas": {"E": {"type": "string"}}})
    change(fragment)
    return fragment


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda one: one["paths"]["/a/"]["get"].update(deprecated=True), "GET /a/"),
        (lambda one: one["info"].update(title="Other"), "`info`"),
        (lambda one: one.update(servers=[{"url": "https://b.test"}]), "`servers`"),
        (lambda one: one.update(security=[{"K": []}]), "first difference at `/security`"),
        (lambda one: one["components"]["schemas"].update(E={"type": "integer"}), "`components.schemas.E`"),
        (lambda one: one.update(openapi="3.0.3"), "`openapi`"),
    ],
)
def test_contradictions_are_refused_by_name(run: Run, change: Callable[[dict[str, Any]], Any], named: str) -> None:
    """Two fragments that say different things are refused, what they differ in is named, and nothing is written."""
    code, made, said = run(_page(_with(lambda _: None)), _page(_with(change)))
    assert (code, made) == (2, None)
    assert named in said
    assert "page1.md" in said


_SCHEMES: dict[str, Any] = {"components": {"securitySchemes": {"K": {"type": "http"}, "B": {"type": "http"}}}}
_ALTERNATIVES: tuple[tuple[str, Any], ...] = (
    ("/both/", [{"K": []}, {"B": []}]),
    ("/turned/", [{"B": []}, {"K": []}]),
    ("/one/", [{"B": []}]),
    ("/none/", None),
    ("/nothing/", []),
)


def test_what_a_fragment_says_of_credentials_is_about_its_operations() -> None:
    """Pages that ask for both credentials, for one, for none merge in any order, and every operation keeps its own."""
    stated = {path: {} if security is None else {"security": security} for path, security in _ALTERNATIVES}
    pages = [_page(_fragment(path, **_SCHEMES, **stated[path])) for path, _ in _ALTERNATIVES]
    for order in itertools.permutations(pages):
        made = json.loads(to_bytes(make_spec([("a page", page) for page in (*order, *order)])))
        for path, security in _ALTERNATIVES:
            found = made["paths"][path]["get"].get("security", made.get("security", []))
            assert sorted(map(str, found)) == sorted(map(str, security or []))


def test_parameters_of_a_path_stay_with_the_operations_of_their_page(run: Run) -> None:
    """What one page says for a whole path is not said of another page's operation, and is no operation itself."""
    with_team = _fragment("/a/", "get")
    with_team["paths"]["/a/"]["parameters"] = [{"name": "team", "in": "query"}, {"name": "q", "in": "query"}]
    with_team["paths"]["/a/"]["get"]["parameters"] = [{"name": "q", "in": "query", "required": True}]
    _, made, said = run(_page(with_team))
    assert made == with_team
    assert "1 operation(s)" in said
    item = run(_page(with_team), _page(_fragment("/a/", "post")))[1]["paths"]["/a/"]
    assert list(item) == ["get", "post"]
    assert [one["name"] for one in item["get"]["parameters"]] == ["team", "q"]
    assert item["get"]["parameters"][1]["required"] is True
    assert "parameters" not in item["post"]


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("# Nothing here\n", "no OpenAPI fragment"),
        ("<html><body>Sign in</body></html>", "no OpenAPI fragment"),
        (_page(json.dumps(_fragment())[:-40]), "not complete JSON"),
        (_page("openapi: 3.1.1\n{a: 1}: {[b]: 2}", language="yaml"), "neither JSON nor YAML"),
        (_page("HTTP/1.1 200 OK\n\n" + json.dumps(_fragment()), language="http"), "page1.md, line 3 (`http`) is neither JSON"),
        ("> * `openapi: 3.1.1`\n\n<pre>\nopenapi: 3.1.1\n</pre>", "page1.md as a whole is neither JSON nor YAML"),
        (_page({**_fragment(), "openapi": "2.0"}), "openapi: 2.0"),
        (_page({**_fragment(), "security": "K"}), 'page1.md, line 3, `security` is `"K"`: it should be a list'),
        ("", "empty"),
        ('{% openapi src="../api.yaml" path="/a/" method="get" %}\n[x](../api.yaml)\n', "points at a file (`../api.yaml`)"),
        ('# A\n\n{% openapi-operation spec="api" path="/a/" method="get" %}\n', "points at a file (`api`)"),
        (_page(_fragment("/b/")) + '{% openapi src="api.json" path="/lost/" method="get" %}\n', "points at GET /lost/ in a file (`api.json`)"),
    ],
)  # fmt: skip
def test_a_page_that_cannot_be_used_is_an_error(run: Run, page: str, says: str) -> None:
    """A page without a whole fragment ends the run, named, with nothing written."""
    code, made, said = run(_page(_fragment()), page)
    assert (code, made) == (2, None)
    assert says in said


def test_check_tells_whether_the_pages_still_match(run: Run) -> None:
    """`--check` writes nothing; it exits 1 with a report, which names lines of the facade, when pages say other things."""
    page = PAGE.read_text("utf-8")
    before = run(page)[1]
    assert run(page, check=True)[0] == 0
    code, made, said = run(page.replace('"name":"is_jump"', '"name":"jumping"'), check=True)
    assert (code, made) == (1, before)
    assert re.search(r"touches get_analyzed_video \(`aikynetix/_operations.py:\d+`\)", said)


def test_a_site_that_fails_is_an_error_without_secrets(run: Run, httpx_mock: HTTPXMock) -> None:
    """An error status or a closed port ends the run; the address is named without its query."""
    httpx_mock.add_response(status_code=503)
    httpx_mock.add_exception(httpx.ConnectError(f"no way to {_ADDRESS}"))
    for code, made, said in (run(_ADDRESS), run(_ADDRESS)):
        assert (code, made, said.count("/page.md")) == (2, None, 1)
        assert "secret" not in said
