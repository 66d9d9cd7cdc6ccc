"""Texts and files of pages: every text that is asked for is there, every one that is there is asked for, and what
browsers load is what the content policy allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from host_tools.web_kit.assets import Assets
from host_tools.web_kit.texts import Texts, flat

HOST = Path(__file__).parents[3] / "host_tools"
ROOMS = [room for room in ("web", "bench_page", "evidence_page") if (HOST / room / "texts").is_dir()]
KIT = HOST / "web_kit"
NAMED = re.compile(r"""\bt(?:Or)?\(\s*["`']([\w.]+)["`'](?:\s*[,)])""")
BUILT = re.compile(r"""\bt(?:Or)?\(\s*(?:["'`]([\w.]+\.)["']\s*~|`([\w.]+)\$\{)""")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style\b|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)


def sources(room: Path) -> list[Path]:
    return sorted([*room.rglob("*.html"), *room.rglob("*.js"), *room.rglob("*.py")])


def texts_of(*rooms: str) -> Texts:
    return Texts([KIT / "texts", *(HOST / room / "texts" for room in rooms)])


@pytest.mark.parametrize("room", ROOMS)
def test_every_text_that_a_room_asks_for_is_there(room: str):
    names = texts_of(room).names()
    missing = [
        f"{path.relative_to(HOST)}: {name}"
        for folder in (HOST / room, KIT)
        for path in sources(folder)
        for name in NAMED.findall(path.read_text(encoding="utf-8"))
        if name not in names and f"{name}.other" not in names
    ]
    assert not missing, "\n".join(missing)


def test_every_text_is_asked_for():
    said = "\n".join(path.read_text(encoding="utf-8") for room in (*ROOMS, "web_kit") for path in sources(HOST / room))
    built = {first or second for first, second in BUILT.findall(said)}
    stale = [
        name
        for name in sorted(texts_of(*ROOMS).names())
        if not re.search(rf'["\'`]{re.escape(re.sub(r"[.](one|other)$", "", name))}["\'`]', said)
        and not any(name.startswith(start) for start in built)
        and not name.endswith(".title")  # of a page's row
    ]
    assert not stale, "\n".join(stale)


def test_texts_take_values_and_count():
    texts = texts_of()
    assert texts.say("table.rows", n=1) == "1 row"
    assert texts.say("table.rows", n=3) == "3 rows"
    assert texts.say("table.rows", "fr", n=3) == "3 rows"  # English where a language has none
    assert texts.say("table.of", shown="{n.__class__}", n=2) == "{n.__class__} of 2"
    with pytest.raises(KeyError):
        texts.say("no.such.text")


def test_tables_in_tables_are_dotted_names():
    assert flat({"a": {"b": {"c": "d"}}, "e": "f"}) == {"a.b.c": "d", "e": "f"}


def test_no_template_needs_more_than_the_content_policy_allows():
    faults = [
        f"{path.relative_to(HOST)}: {found.group()}"
        for path in HOST.rglob("templates/**/*.html")
        for found in INLINE.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not faults, "\n".join(faults)


def test_nothing_is_loaded_from_elsewhere():
    faults = [
        f"{path.relative_to(HOST)}: {found}"
        for suffix in ("html", "js", "css")
        for path in HOST.rglob(f"*.{suffix}")
        for found in re.findall(
            r"https?://[^\s\"'`)]+|@import|\beval\(|new Function|innerHTML", path.read_text(encoding="utf-8")
        )
        if found != "http://www.w3.org/2000/svg"
    ]
    assert not faults, "\n".join(faults)


def test_the_address_changes_with_the_content(tmp_path: Path):
    (tmp_path / "page.js").write_text("1", encoding="utf-8")
    (tmp_path / "page.py").write_text("1", encoding="utf-8")
    first = Assets({"room": tmp_path}, texts_of())
    assert first.version == Assets({"room": tmp_path}, texts_of()).version
    (tmp_path / "page.js").write_text("2", encoding="utf-8")
    second = Assets({"room": tmp_path}, texts_of())
    assert first.address("room/page.js") != second.address("room/page.js")
    assert "room/page.py" not in second.names()
    assert "kit/kit.css" in second.names()
    with pytest.raises(KeyError):
        second.address("room/none.js")
