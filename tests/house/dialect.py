"""The portable dialect: what MicroPython refuses, lacks, or silently does differently.

Law: rules about syntax are literal; which names exist is asked of the real MicroPython (``Capabilities``), never kept
in a list. Code under ``if TYPE_CHECKING:`` is compiled but never run, so only the rules about syntax hold there.
"""

import ast
import builtins
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

VIEWS: Final = frozenset({"items", "keys", "values"})
ORDER_FREE_CALLS: Final = frozenset({"sorted", "set", "frozenset", "dict", "sum", "min", "max", "any", "all", "len"})
ORDER_FREE_COMMENT: Final = "any order"
# On the RP2 alone; its type stubs know what is in them, but for usb.device, which is from micropython-lib.
BOARD_MODULES: Final = frozenset({"machine", "rp2", "usb.device", "usb.device.cdc"})
EXAMPLES: Final = ("", b"", bytearray(), 1, 1.0, [], (), {}, set(), memoryview(b""), Exception(), hashlib.sha256())

Place = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the real MicroPython has. ``attributes``: of any built-in object; ``members``: of each module."""

    builtins: frozenset[str]
    attributes: frozenset[str]
    members: dict[str, frozenset[str]]


def syntax(text: str) -> list[str]:
    """What MicroPython cannot compile, or takes for something else."""
    tree = ast.parse(text)
    lines = text.splitlines()
    places = [place for node in ast.walk(tree) for place in syntax_of(node)]
    places += [place for place in order_reliance(tree) if ORDER_FREE_COMMENT not in lines[place[0] - 1]]
    return written(places)


def syntax_of(node: ast.AST) -> Iterator[Place]:
    """Rules that one node can break."""
    match node:
        case ast.Match():
            yield node.lineno, "match is not there: use if"
        case ast.TryStar():
            yield node.lineno, "except* is not there"
        case ast.arguments(posonlyargs=[first, *_]):
            yield first.lineno, "positional-only parameters are not there"
        case ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()) | ast.Set() if has_star(node.elts):
            yield node.lineno, "unpacking into a literal is not there: add the parts"
        case ast.Dict() if None in node.keys:
            yield node.lineno, "unpacking into a dict is not there: use update"
        case ast.Slice(step=ast.expr()):
            yield node.lineno, "a slice with a step is not there: use reversed or range"
        case ast.Raise(cause=ast.expr()):
            yield node.lineno, "the cause is silently dropped: put it into the text and raise alone"
        case ast.Assign(targets=[ast.Name(id="__slots__")]):
            yield node.lineno, "__slots__ silently has no effect"
        case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]) if "int" in names_in(kinds):
            yield node.lineno, "True is silently no int: ask for what you mean"
        case _:
            pass


def order_reliance(tree: ast.AST) -> Iterator[Place]:
    """Loops over dict views, unless what becomes of them does not depend on order."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_order_free(node))
    free = {id(argument) for call in calls for argument in call.args}
    for node in ast.walk(tree):
        match node:
            case ast.For(iter=source):
                ordered = is_view(source)
            case ast.ListComp(generators=[first, *_]) | ast.GeneratorExp(generators=[first, *_]):
                ordered = is_view(first.iter) and id(node) not in free
            case ast.Call(func=ast.Name(id="list" | "tuple" | "iter"), args=[source]):
                ordered = is_view(source) and id(node) not in free
            case _:
                continue
        if ordered:
            yield node.lineno, f"dict order is silently not insertion order: sort, or comment '{ORDER_FREE_COMMENT}'"


def absences(capabilities: Capabilities, own_names: frozenset[str]) -> Callable[[str], list[str]]:
    """The check for names that CPython has and MicroPython has not. ``own_names``: attributes that our code defines."""
    cpython_attributes = {name for example in EXAMPLES for name in dir(example) if not name.startswith("__")}
    attributes = cpython_attributes - capabilities.attributes - own_names
    functions = frozenset(dir(builtins)) - capabilities.builtins - {"True", "False", "None", "__debug__", "__doc__"}

    def check(text: str) -> list[str]:
        tree = ast.parse(text)
        modules = {alias: module for node in running(tree) for alias, module in imported_modules(node)}
        places: list[Place] = []
        for node in running(tree):
            places += absent_imports(node, capabilities)
            match node:
                case ast.Attribute(value=ast.Name(id=alias), attr=name) if alias in modules:
                    if not has_member(capabilities, modules[alias], name):
                        places.append((node.lineno, f"{modules[alias]}.{name} is not there"))
                case ast.Attribute(attr=name) if name in attributes:
                    places.append((node.lineno, f"no built-in object has .{name} there"))
                case ast.Name(id=name, ctx=ast.Load()) if name in functions:
                    places.append((node.lineno, f"{name} is not there"))
                case _:
                    pass
        return written(places)

    return check


def absent_imports(node: ast.AST, capabilities: Capabilities) -> Iterator[Place]:
    """Modules, and names of modules, that cannot be imported."""
    match node:
        case ast.Import():
            for alias in node.names:
                if not is_known(capabilities, alias.name):
                    yield node.lineno, f"module {alias.name} is not there"
        case ast.ImportFrom(module=str(module)):
            if not is_known(capabilities, module):
                yield node.lineno, f"module {module} is not there"
            for alias in node.names:
                if is_known(capabilities, module) and not has_member(capabilities, module, alias.name):
                    yield node.lineno, f"{module}.{alias.name} is not there"
        case _:
            pass


def imported_modules(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Names under which whole foreign modules are known in a file."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name, alias.name


def module_names(text: str) -> set[str]:
    """Foreign modules that a file needs when it runs."""
    nodes = list(running(ast.parse(text)))
    named = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name for name in named if not is_ours(name)} - BOARD_MODULES


def defined_names(text: str) -> set[str]:
    """Attributes that a file's own classes, functions and tuples may have."""
    tree = ast.parse(text)
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return names


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs under MicroPython: not what is for type checkers, not what a failed import replaces."""
    for child in ast.iter_child_nodes(tree):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                branches: list[ast.AST] = list(child.orelse)
            case ast.Try() if any(
                "ImportError" in names_in(handler.type) for handler in child.handlers if handler.type
            ):
                branches = [statement for handler in child.handlers for statement in handler.body]
            case ast.AnnAssign(annotation=_):
                branches = [part for part in (child.target, child.value) if part is not None]
            case ast.arg():
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                branches = [*child.decorator_list, child.args, *child.body]
            case _:
                branches = [child]
        for branch in branches:
            yield branch
            yield from running(branch)


def is_known(capabilities: Capabilities, module: str) -> bool:
    """Whether a module can be imported there."""
    return is_ours(module) or module in BOARD_MODULES or module in capabilities.members


def has_member(capabilities: Capabilities, module: str, name: str) -> bool:
    """Whether a module that can be imported there has a name."""
    return is_ours(module) or module in BOARD_MODULES or name in capabilities.members.get(module, frozenset())


def is_ours(module: str) -> bool:
    """Whether a module is part of the firmware."""
    return module.partition(".")[0] in {"boards", "firmware"}


def is_view(node: ast.AST) -> bool:
    """Whether an expression is a call such as ``table.items()``."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in VIEWS
        and not node.args
    )


def is_order_free(call: ast.Call) -> bool:
    """Whether a call gives the same for any order of what it is given."""
    return isinstance(call.func, ast.Name) and call.func.id in ORDER_FREE_CALLS


def has_star(elements: list[ast.expr]) -> bool:
    """Whether something is unpacked among the elements."""
    return any(isinstance(element, ast.Starred) for element in elements)


def names_in(node: ast.AST) -> set[str]:
    """Plain names inside an expression."""
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def written(places: list[Place]) -> list[str]:
    """Places in order of lines, as people read them."""
    return [f"{line}: {what}" for line, what in sorted(places)]
