"""Build the guides and the API reference into ``build/docs``: ``python -m scripts.docs [FOLDER]``.

pdoc reads the docstrings; README.md, CHANGELOG.md and the guides beside this file become pages of the same form. Every
warning is an error, and so is a link that leads nowhere.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
import warnings
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urldefrag

from aikynetix_api import operations
from pdoc import extract, render
from pdoc.doc import Module

import aikynetix

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
REFERENCE = ("aikynetix", "aikynetix.sandbox")
VENDOR = "aikynetix_api.operations"  # its words are the vendor's, links that lead nowhere among them
GUIDES = {
    "guide": ROOT / "README.md",
    **{path.stem: path for path in sorted(HERE.glob("*.md"))},
    "changelog": ROOT / "CHANGELOG.md",
}


def main(folder: Path) -> int:
    """Write every page into ``folder``; return the exit code."""
    shutil.rmtree(folder, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _render(folder)
    pages = [page for page in folder.rglob("*.html") if folder / "aikynetix_api" not in page.parents]
    broken = [f"{page.relative_to(folder)}: {link}" for page in pages for link in _broken(page)]
    print("\n".join([*broken, f"{folder / 'index.html'}: {len(list(folder.rglob('*.html')))} pages"]))
    return 1 if broken else 0


def _render(folder: Path) -> None:
    _bring_home()
    footer = f"aikynetix {aikynetix.__version__}"
    render.configure(docformat="google", show_source=False, footer_text=footer, template_directory=HERE)
    pages = {name: _guide(name, path) for name, path in GUIDES.items()}
    pages |= {name: Module.from_name(name) for name in (*REFERENCE, *extract.walk_specs([VENDOR]))}
    for name, page in pages.items():
        target = folder / f"{name.replace('.', '/')}.html"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(render.html_module(page, pages), "utf-8")
    shutil.copyfile(folder / "guide.html", folder / "index.html")
    (folder / "search.js").write_text(render.search_index(pages), "utf-8")


def _bring_home() -> None:
    """Tell where public classes were written, which say ``aikynetix``, and what the names in annotations mean.

    pdoc looks for sources there, and for names that are imported for type checkers alone.
    """
    public = {name: getattr(aikynetix, name) for name in aikynetix.__all__}
    homes = [module for name, module in sys.modules.items() if name.startswith("aikynetix._")]
    for module in homes:
        vars(module).update({**vars(operations), **public, **vars(module)})
    sources = {module.__name__: inspect.getsource(module) for module in homes}
    for name, value in public.items():
        if inspect.isclass(value) and value.__module__ == "aikynetix":
            before = {home: re.split(rf"(?m)^class {name}\b", text) for home, text in sources.items()}
            value.__module__ = next(home for home, parts in before.items() if parts[1:])  # 3.13 drops the line then
            value.__firstlineno__ = before[value.__module__][0].count("\n") + 1  # type: ignore[attr-defined]


def _guide(name: str, path: Path) -> Module:
    links = {str(other.relative_to(ROOT)): f"{stem}.html" for stem, other in GUIDES.items()}
    text = re.sub(
        r"\]\(([\w./-]+)(#[\w-]+)?\)", lambda m: f"]({links.get(m[1], m[1])}{m[2] or ''})", path.read_text("utf-8")
    )
    module = ModuleType(name, text)
    module.__docformat__ = "markdown"  # type: ignore[attr-defined]  # what pdoc looks for
    return Module(module)


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 -- HTMLParser calls it so
        for name, value in attrs:
            if name == "id":
                self.targets.add(value or "")
            elif name == "href":
                self.links.add(value or "")


def _broken(page: Path) -> list[str]:
    return [link for link in sorted(_Links(page.read_text("utf-8")).links) if not _leads_somewhere(page, link)]


def _leads_somewhere(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return True
    path, anchor = urldefrag(link)
    target = page.parent / unquote(path) if path else page
    return target.is_file() and (not anchor or unquote(anchor) in _Links(target.read_text("utf-8")).targets)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "docs"))
