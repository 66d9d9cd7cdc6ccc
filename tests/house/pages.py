"""Checks on our pages: links, anchors and pictures lead somewhere, and what is to be typed exists: verbs and options of
``bwc``, targets of ``make``, modules of ours.

Law: a page's text and its place in the tree are all that is looked at, and ``bwc`` is asked what it has, never run.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from typer.main import get_command

from host_tools.cli.main import app
from tests.house import tree

PICTURES: Final = "docs/manual"
LINK: Final = re.compile(r"(?:\]\(|<img src=\")([^()\s\"]+)")
HEADING: Final = re.compile(r"#{1,6} +(.+?)(?: +#+)? *$", re.MULTILINE)
FENCED: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
SPAN: Final = re.compile(r"`[^`\n]+`")
# In a block of commands: what is typed ends where a remark, a second command or a file for the output begins.
TYPED: Final = re.compile(r"\bbwc (\S.*?)(?= {2,}| #| &| ;|;| > | < | \| |\)$|$)")
WORD: Final = re.compile(r'"[^"]*"|\S+')
BLOCK_LINE: Final = re.compile(r" {4}(?:\$ |[A-Z_]+=\S+ )*bwc ")
TARGETS: Final = re.compile(r"\bmake((?: +[a-z][a-z-]*)+)")
MODULE: Final = re.compile(
    r"\bpython3? -m ((?:benchmarks|boards|firmware|hil_tests|host_tools|scripts|tests)(?:\.\w+)*)"
)
LITERAL: Final = re.compile(r"[a-z][a-z-]+$")  # else a stand-in: SERIAL, 4f2a…, a path, a number


def broken_links(text: str, page: Path) -> list[str]:
    """``line: what`` of links to files that are not there, and to headings that their page has not."""
    found: list[str] = []
    for line, words in enumerate(without_code(text).splitlines(), 1):
        for target in LINK.findall(words):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            aim = tree.ROOT / page.parent / name
            if name and not aim.exists():
                found.append(f"{line}: {target}: there is no such file")
            elif anchor and aim.suffix in {"", ".md"} and anchor not in anchors(tree.read(aim) if name else text):
                found.append(f"{line}: {target}: that page has no such heading")
    return found


def anchors(text: str) -> set[str]:
    """What links may name of a page: its headings as forges write them, the second of a name with ``-1``."""
    seen: dict[str, int] = {}
    for heading in HEADING.findall(FENCED.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        name = re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")
        seen[name] = seen.get(name, -1) + 1
    return {f"{name}-{number}" if number else name for name, count in seen.items() for number in range(count + 1)}


def unseen_pictures(texts: list[str], pictures: list[str]) -> list[str]:
    """Pictures that no page shows or links to."""
    linked = {Path(target).name for text in texts for target in LINK.findall(text)}
    return [f"{PICTURES}/{name}: no page shows it" for name in pictures if name not in linked]


def without_code(text: str) -> str:
    """A page as a reader follows it: no link is meant where something is quoted."""
    return SPAN.sub("", FENCED.sub(lambda block: "\n" * block[0].count("\n"), text))


def unknown_commands(text: str) -> list[str]:
    """``line: what`` of ``bwc`` lines whose verb, option or number of arguments the command has not."""
    return [f"{line}: bwc {typed}: {fault}" for line, typed in typed_commands(text) if (fault := fault_of(typed))]


def typed_commands(text: str) -> Iterator[tuple[int, str]]:
    """What stands after ``bwc``, with its line: in blocks of code and between backquotes."""
    for line, piece in code_of(text):
        for typed in TYPED.findall(piece):
            yield line, typed.replace("\\|", "|")


def code_of(text: str) -> Iterator[tuple[int, str]]:
    """Lines of blocks of code, and what stands between backquotes, each with its line."""
    fenced = False
    for line, words in enumerate(text.splitlines(), 1):
        if words.lstrip().startswith("```"):
            fenced = not fenced
        whole = fenced or BLOCK_LINE.match(words)
        yield from (
            (line, piece) for piece in ([words] if whole else [span.strip("`") for span in SPAN.findall(words)])
        )


def unknown_programs(text: str) -> list[str]:
    """``line: what`` of targets that the Makefile has not, and of modules that are not ours any more."""
    found: list[str] = []
    for line, piece in code_of(text):
        typed = piece.partition("#")[0]
        wanted = {name for names in TARGETS.findall(typed) for name in names.split()}
        found += [f"{line}: make {name}: there is no such target" for name in sorted(wanted - targets())]
        found += [f"{line}: {name}: there is no such module" for name in MODULE.findall(typed) if not is_module(name)]
    return found


@cache
def targets() -> frozenset[str]:
    """What ``make`` can be asked for."""
    return frozenset(re.findall(r"^([a-z][a-z-]*):", tree.read(Path("Makefile")), re.MULTILINE))


def is_module(name: str) -> bool:
    """Whether a module can be run: a file, or a package with a main part."""
    path = tree.ROOT / name.replace(".", "/")
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def fault_of(typed: str) -> str:
    """Why nobody could type that; "" if one can. ``a|b`` are two verbs, ``[--option X]`` is an option."""
    here, words = [bwc()], WORD.findall(typed)
    while words and (names := verbs(here[0])):
        if words[0].startswith("-"):
            break
        chosen = words.pop(0).strip(".,:").split("|")
        if not all(map(LITERAL.match, chosen)):
            return ""
        if missing := [name for name in chosen if name not in names]:
            return f"there is no {missing[0]}"
        here = [here[0].get_command(None, name) for name in chosen]
    return next((fault for verb in here if (fault := fault_in_arguments(verb, words))), "")


def fault_in_arguments(verb: Any, words: list[str]) -> str:
    """Whether a verb has those options, and room for the arguments between them."""
    options = {name: each for each in verb.params for name in (*each.opts, *each.secondary_opts) if name[0] == "-"}
    places = [each for each in verb.params if each.opts[0][0] != "-"]
    given, waiting = 0, iter(words)
    for word in waiting:
        plain = word.strip("[],.:;)…")
        if plain.startswith("-"):
            names = plain.partition("=")[0].split("|")
            if missing := [name for name in names if name != "--help" and name not in options]:
                return f"there is no {missing[0]}"
            if "=" not in plain and names[0] in options and not options[names[0]].is_flag and not word.endswith("]"):
                next(waiting, "")
        elif plain:
            given += 1
    room = sum(1 if each.nargs > 0 else len(words) for each in places)
    return f"{given} arguments, at most {room}" if given > room and not verbs(verb) else ""


def verbs(command: Any) -> list[str]:
    """Names in a group; none of a verb, which has no others."""
    return list(command.commands) if hasattr(command, "commands") else []


@cache
def bwc() -> Any:
    """The command with everything in it, as Typer builds it."""
    return get_command(app)
