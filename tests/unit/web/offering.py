"""What the pages' scripts ask for, read out of them: which command each ``send`` is, in which module, on which pages.

Addresses may begin with ``${path}``: a constant of that name, of the module or of one that imports it."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from host_tools.web.app import HERE, KIT
from host_tools.web.pages import PAGES, PageRow
from host_tools.web.rows import ROWS

SENT = re.compile(r"""\bsend\(\s*"(POST|PUT|PATCH|DELETE)",\s*(?:(["`])(.*?)\2|(\w+)(\()?)""")
IMPORTED = re.compile(r"""^import\s[^;]*?"\./(\w+)\.js";""", re.MULTILINE)
GUARDED = re.compile(r"""\bmay\("(\w+)"\)""")
OTHER = re.compile(r"^/commands/(\w+)$")
BEGINNING = re.compile(r"^\$\{(\w+)(\()?\}")
HOLE = re.compile(r"\$\{[^}]*\}")
SCRIPTS = HERE / "static"
OF_THE_FRAME = {"DELETE /session", "POST /session"}  # of the session itself, which is no command


class Sent(NamedTuple):
    """One ``send`` of one module. ``path``: with ``{}`` for whatever is put into it."""

    module: str
    method: str
    path: str

    @property
    def command(self) -> str:
        """Which it is; empty if no row fits."""
        if found := OTHER.match(self.path):
            return found[1]
        for row in ROWS:
            pattern = re.sub(r"\{\w+(:path)?\}", "[^/]+", row.path)
            if row.method == self.method and re.fullmatch(pattern, self.path):
                return row.command
        return ""


def everything_sent() -> list[Sent]:
    """Of all modules of the manager, and of the kit's frame."""
    found: list[Sent] = []
    for path in [*sorted(SCRIPTS.glob("*.js")), KIT / "static" / "js" / "around.js"]:
        for method, _, address, name, called in SENT.findall(path.read_text(encoding="utf-8")):
            found.append(Sent(path.stem, method, _whole(address or f"${{{name}{called}}}", path.stem)))
    return [each for each in found if f"{each.method} {each.path}" not in OF_THE_FRAME]


def _whole(address: str, module: str) -> str:
    """An address with what its beginning stands for, and ``{}`` for all that a page puts into it."""
    if begun := BEGINNING.match(address):
        address = _behind(begun[1], bool(begun[2]), module) + address[begun.end() :]
    return HOLE.sub("{}", address)


def _behind(name: str, is_function: bool, module: str) -> str:
    begun = rf"function {name}\([^)]*\) \{{\s*return " if is_function else rf"\bconst {name} = "
    for each in (module, *sorted(importers_of(module))):
        text = (SCRIPTS / f"{each}.js").read_text(encoding="utf-8")
        if found := re.search(begun + r"""(?:"(.*?)"|`(.*?)`)""", text):
            return found[1] or found[2]
    raise AssertionError(f"{module}.js: what does {name} stand for in send(…, {name})?")


@functools.cache
def importers_of(module: str) -> set[str]:
    """Modules that import it, however deep."""
    return {path.stem for path in SCRIPTS.glob("*.js") if module in modules_of(path.stem)} - {module}


def pages_of(module: str) -> list[PageRow]:
    """Pages whose script is this module, or imports it, however deep."""
    return [page for page in PAGES if module in modules_of(page.name)]


@functools.cache
def modules_of(name: str) -> set[str]:
    """A module with all that it imports."""
    found: set[str] = set()
    todo = [name]
    while todo:
        module = todo.pop()
        path = SCRIPTS / f"{module}.js"
        if module not in found and path.exists():
            found.add(module)
            todo += IMPORTED.findall(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def guards_of(module: str) -> set[str]:
    """Commands for which a module, or one that imports it, looks whether whoever is logged in may."""
    texts = [(SCRIPTS / f"{each}.js").read_text(encoding="utf-8") for each in (module, *importers_of(module))]
    return {name for text in texts for name in GUARDED.findall(text)}
