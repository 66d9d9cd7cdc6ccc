"""Checks on any Python file: lengths, docstrings, excepts, left-over marks, and on any text: places of one machine."""

import ast
import re
import statistics
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

FILE_LINES_MAX: Final = 500
FUNCTION_LINES_MAX: Final = 60
FUNCTION_LINES_MEDIAN_MAX: Final = 10

# Written so that this file does not break its own rules.
LEFT_OVER: Final = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b|NotImplemented[E]rror|pragma: no[ ]cover")
EVASION: Final = re.compile(
    r"mark\.(?:ski[p]|xfai[l])|pytest\.ski[p]\(|importorski[p]|unittest import moc[k]|unittest\.moc[k]"
)
SLEEP: Final = re.compile(r"\btime\.slee[p]\(")
MACHINE_PATH: Final = re.compile(r"(?<![\w.}~-])/(?:work|root|home/(?!pi\b|\W)\w+|Users/\w+|mnt/\w+)(?=/|\b)")
PACKAGE_HOST: Final = re.compile(
    r"pythonhosted[.]org|pypi[.]org|registry[.]npmjs|deb[.]debian[.]org|--index[-]url|--find[-]links"
)

# In these, time and randomness are arguments.
IMPURE: Final = re.compile(
    r"\btime\.(?:time|time_ns|monotonic|monotonic_ns|perf_counter|sleep|ticks_ms)\b|\bdatetime\.(?:now|utcnow|today)\b"
    r"|\brandom\.|\bos\.urandom\b|\bsecrets\.|\buuid4\b|\btime\.sleep_ms\b"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Measured(NamedTuple):
    """A function: where it is and how many lines it has, decorators apart."""

    name: str
    line: int
    lines: int


class Outline(NamedTuple):
    """``broad_excepts``: lines of those that do not raise again what they caught."""

    docstring: str
    functions: tuple[Measured, ...]
    broad_excepts: tuple[int, ...]


def file_length(text: str) -> list[str]:
    """A file fits into a head."""
    lines = text.count("\n")
    return [f"{lines}: {lines} lines, at most {FILE_LINES_MAX}: split it"] if lines > FILE_LINES_MAX else []


def function_lengths(text: str) -> list[str]:
    """A function fits onto a screen."""
    return [
        f"{each.line}: {each.name} has {each.lines} lines, at most {FUNCTION_LINES_MAX}: split it"
        for each in outline(text).functions
        if each.lines > FUNCTION_LINES_MAX
    ]


def median_function_length(texts: list[str]) -> float:
    """Median lines of a function over many files, docstring and signature included."""
    return statistics.median(each.lines for text in texts for each in outline(text).functions)


@cache
def outline(text: str) -> Outline:
    """What the checks below ask of a file's tree, which is as large as the file is and is made once."""
    tree = ast.parse(text)
    nodes = list(statements(tree))
    functions = [node for node in nodes if isinstance(node, Function)]
    handlers = [node for node in nodes if isinstance(node, ast.ExceptHandler)]
    return Outline(
        ast.get_docstring(tree) or "",
        tuple(
            Measured(each.name, each.lineno, (each.end_lineno or each.lineno) - each.lineno + 1) for each in functions
        ),
        tuple(each.lineno for each in handlers if is_broad(each) and not is_passed_on(each)),
    )


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement and handler of a tree, where all functions and classes are; most of a tree is expressions."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for field in ("cases", "finalbody", "orelse", "handlers", "body"):
            waiting += reversed(getattr(node, field, ()))


def module_docstring(text: str) -> list[str]:
    """A file opens with its law."""
    return [] if outline(text).docstring else ["1: no docstring: say what lives here and what it must not know"]


def broad_excepts(text: str) -> list[str]:
    """Catch what you name. A catch-all at a task's edge says beside itself why it may be one."""
    lines = text.splitlines()
    return [
        f"{line}: broad except without a reason: name the exception, or say why in a comment on this line"
        for line in outline(text).broad_excepts
        if not reason_in(lines[line - 1])
    ]


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches everything."""
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"}) for kind in caught
    )


def is_passed_on(handler: ast.ExceptHandler) -> bool:
    """Whether a handler only tidies up and raises again what it caught."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def reason_in(line: str) -> bool:
    """Whether a line's comment has at least three words of its own beside ``noqa`` and its rule."""
    comment = re.sub(r"\bnoqa(?:: ?[A-Z]+\d+(?:, ?[A-Z]+\d+)*)?", "", line.partition("#")[2])
    return len(re.findall(r"[^\W\d_]{2,}", comment)) >= 3


def left_over_marks(text: str) -> list[str]:
    """What is not done is an issue, not a mark in the code."""
    return matches(LEFT_OVER, text, "left-over mark: do it, or open an issue")


def evasions(text: str) -> list[str]:
    """A test that does not run, or runs against a mock, shows nothing."""
    return matches(EVASION, text, "a test either runs against the real thing or is not there")


def sleeps(text: str) -> list[str]:
    """Waiting is for an event, with a deadline."""
    return matches(SLEEP, text, "no sleeping in tests: virtual time, or wait for the event with a deadline")


def machine_places(text: str) -> list[str]:
    """Nothing names a folder or a package index of the machine where it was written."""
    return matches(MACHINE_PATH, text, "path of one machine") + matches(
        PACKAGE_HOST, text, "package index of one machine"
    )


def impurities(text: str) -> list[str]:
    """Pure layers get time and randomness as arguments."""
    code = re.sub(r"#.*|\"\"\"[\s\S]*?\"\"\"", lambda match: "\n" * match[0].count("\n"), text)
    return matches(IMPURE, code, "time and randomness are arguments here: take now_ms, or a port")


def matches(pattern: re.Pattern[str], text: str, what: str) -> list[str]:
    """Each line in which a pattern is found."""
    if pattern.search(text) is None:  # as nearly always
        return []
    return [
        f"{number}: {match[0].strip()!r}: {what}"
        for number, line in enumerate(text.splitlines(), 1)
        if (match := pattern.search(line))
    ]
