"""What holds a secret does not print it: dataclasses, named tuples and models say by ``repr`` what they hold, and so
does every log line, assertion and traceback that mentions one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house import tree

SECRETIVE = re.compile(r"(^|_)(key|pem|secret|secrets|seed|password|passphrase|phrase|token|master|credential)(_|$)")

# file, class, field: why anybody may see it
PUBLIC = {
    ("firmware/platform/linux/board.py", "Ports", "wrap_key"): "a function",
    ("host_tools/emulator/platform.py", "Ports", "wrap_key"): "a function",
    ("firmware/platform/linux/fragments.py", "Picture", "is_key"): "a picture that needs no other",
    ("firmware/secure/document.py", "EvidenceSigner", "key"): "a handle, whose own repr says no more than its slot",
    ("firmware/secure/hpke_wrapping.py", "WrappedKey", "key_id"): "a digest of a public key",
    ("host_tools/bench/bench_file.py", "SystemPart", "passphrase_file"): "a path",
    ("host_tools/bench/records.py", "Run", "seed"): "of what chance decides: it is to be repeated",
    ("host_tools/bench/report_html.py", "Scenario", "seed"): "likewise",
    ("host_tools/destinations/connection_file.py", "ConnectionFile", "public_key_id"): "a name",
    ("host_tools/destinations/people.py", "Wearer", "key"): "a row's key",
    ("host_tools/evidence/settings.py", "ServerSettings", "public_key"): "a path",
    ("host_tools/simulation/cuts/model.py", "Cut", "seed"): "of a trial's chance: it is to be repeated",
    ("host_tools/simulation/cuts/sweep.py", "Share", "seed"): "likewise",
    ("host_tools/simulation/plan.py", "Mishap", "seed"): "likewise",
    ("host_tools/simulation/plan.py", "Plan", "seed"): "likewise",
    ("host_tools/emulator/bench_file.py", "Bench", "seed"): "likewise",
    ("host_tools/system/store.py", "Row", "key"): "a row's key",
    ("host_tools/system/system.py", "Changed", "key"): "a row's key",
    ("host_tools/trust/record.py", "TrustRecord", "secrets"): "wrapped by the passphrase",
    ("host_tools/controller/live.py", "Change", "key"): "a row's key",
    ("host_tools/controller/notify_settings.py", "MailSettings", "mail_password_file"): "a path",
    ("host_tools/controller/telemetry_settings.py", "TelemetrySettings", "mqtt_key_file"): "a path",
    ("host_tools/controller/telemetry_settings.py", "TelemetrySettings", "mqtt_password_file"): "a path",
    ("host_tools/web_kit/certificate_folder.py", "Pair", "key"): "a path",
    ("host_tools/trust/report.py", "SealingLine", "key_id"): "a digest of a public key",
}


def shown_secrets(path: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Fields named as secrets are, in classes whose ``repr`` is made for them and shows them."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and _is_shown_by_itself(node):
            for row in node.body:
                if isinstance(row, ast.AnnAssign) and SECRETIVE.search(ast.unparse(row.target)) and not _is_hidden(row):
                    yield path, node.name, ast.unparse(row.target)


def _is_shown_by_itself(node: ast.ClassDef) -> bool:
    marks = [ast.unparse(each) for each in (*node.decorator_list, *node.bases)]
    has_own = any(isinstance(each, ast.FunctionDef) and each.name == "__repr__" for each in node.body)
    made = any(re.match(r"(dataclass|NamedTuple|BaseModel|Part)\b", mark) for mark in marks)
    return made and not has_own and not any("repr=False" in mark for mark in marks)


def _is_hidden(row: ast.AnnAssign) -> bool:
    said = ast.unparse(row)
    return "repr=False" in said or "SecretStr" in said or "PublicKey" in said


@cache
def found() -> set[tuple[str, str, str]]:
    return {
        each
        for path in tree.python_files("firmware", "host_tools")
        for each in shown_secrets(path.as_posix(), tree.read(path))
    }


def test_no_repr_shows_a_secret():
    tree.require_none(
        [f"{path}: {name}.{field} would be printed: field(repr=False)" for path, name, field in found() - set(PUBLIC)]
    )


def test_the_list_of_what_is_public_is_no_longer_than_needed():
    gone = [each for each in PUBLIC if Path(tree.ROOT, each[0]).exists() and each not in found()]
    tree.require_none([f"{'.'.join(each)}: is not there any more: take it from the list" for each in gone])


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("@dataclass\nclass A:\n    key: bytes\n", True),
        ("class A(NamedTuple):\n    key_pem: bytes\n", True),
        ("class A(BaseModel):\n    password: str = ''\n", True),
        ("@dataclass\nclass A:\n    key: bytes = field(repr=False)\n", False),
        ("@dataclass(repr=False)\nclass A:\n    key: bytes\n", False),
        ("class A(BaseModel):\n    password: SecretStr\n", False),
        ("class A:\n    key: bytes\n", False),
        ("@dataclass\nclass A:\n    monkey: bytes\n", False),
    ],
)
def test_it_can_fail(text: str, shows: bool):
    assert bool(list(shown_secrets("a.py", text))) == shows
