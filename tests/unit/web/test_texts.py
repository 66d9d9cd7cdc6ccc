"""Every text that a page asks for is in the catalogue, and every text there is asked for by some page."""

from __future__ import annotations

import re

from host_tools.web.app import HERE, KIT
from host_tools.web_kit.texts import Texts

NAMED = re.compile(r"""\bt\((?:\s*)["'`]([a-z_0-9]+(?:\.[a-z_0-9]+)+)["'`]""")
BUILT = re.compile(r"""\b(?:t|tOr)\(`([a-z_0-9.]+)\$\{""")  # t(`state.${word}`): the beginning of a name
QUOTED = re.compile(r"""["'`]([a-z_0-9]+(?:\.[a-z_0-9]+)+)["'`]""")
TEMPLATE_BUILT = re.compile(r"""\bt\(["']([a-z_0-9.]+)["'] ~""")


def _sources() -> list[str]:
    files = [*HERE.glob("static/*.js"), *HERE.glob("templates/*.html"), *HERE.glob("*.py")]
    return [path.read_text(encoding="utf-8") for path in files]


def test_what_pages_ask_for_is_there_and_what_is_there_is_asked_for():
    names = Texts([KIT / "texts", HERE / "texts"]).names()
    known = {name.removesuffix(".one").removesuffix(".other") for name in names}
    sources = _sources()
    asked = {name for source in sources for name in NAMED.findall(source)}
    assert len(asked) > 100, "the pages were not found"
    assert not asked - known, sorted(asked - known)
    begun = tuple({name for source in sources for name in (*BUILT.findall(source), *TEMPLATE_BUILT.findall(source))})
    quoted = {name for source in sources for name in QUOTED.findall(source)}
    own = {name.removesuffix(".one").removesuffix(".other") for name in Texts([HERE / "texts"]).names()}
    titles = {name for name in own if name.endswith(".title")}
    unused = {name for name in own - quoted - titles if not name.startswith(begun)}
    assert not unused, sorted(unused)
