"""Each kind of leak fails the test that makes it, and only that one; run by a real pytest on files written here."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.patience import LIMIT_S

LEAKS = {
    "thread": """
import threading
stop = threading.Event()
def test_it():
    threading.Thread(target=stop.wait, daemon=True).start()
""",
    "open file": """
import os
def test_it(tmp_path):
    os.open(tmp_path, os.O_RDONLY)
""",
    "socket": """
import socket
kept = []
def test_it():
    kept.append(socket.socket())
""",
    "ptmx": """
import os
def test_it():
    os.openpty()
""",
    "child process": """
import subprocess, sys
kept = []
def test_it():
    kept.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
""",
    "task": """
import asyncio
async def main():
    global task
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
def test_it():
    asyncio.run(main())
""",
}

CLEAN = """
import asyncio, socket, subprocess, sys, threading

async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(int))

def test_it(tmp_path):
    thread = threading.Thread(target=int)
    thread.start()
    asyncio.run(main())
    subprocess.run([sys.executable, "-c", ""], check=True)
    with socket.socket(), (tmp_path / "file").open("w"):
        pass
"""


WIDE = """
import pytest, socket

@pytest.fixture(scope="module")
def line():
    with socket.socket() as it:
        yield it

def test_it(line):
    pass

def test_again(line):
    pass
"""

FOUND = "found.xml"

# What does not end at all need not be waited for as long as what a busy machine ends late.
IMPATIENT = "from host_tools.bench import leaks_plugin\nleaks_plugin.SETTLE_SECONDS_MAX = 0.5\n"


def run_pytest(folder: Path, **texts: str) -> tuple[int, str]:
    """Exit code and output of pytest with the plugin on files of these names; what became of which is in FOUND."""
    for name, text in texts.items():
        folder.joinpath(f"test_{name}.py").write_text(text)
    folder.joinpath("conftest.py").write_text(IMPATIENT)
    command = [sys.executable, "-m", "pytest", "-p", "host_tools.bench.leaks_plugin", "-p", "no:cacheprovider"]
    answer = subprocess.run(
        [*command, "--rootdir", str(folder), "-c", "/dev/null", f"--junitxml={folder / FOUND}", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return answer.returncode, answer.stdout


@pytest.fixture(scope="module")
def accused(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[str]]:
    """What each test of one run was accused of, by file and test; in each file a leak and then a test without."""
    folder = tmp_path_factory.mktemp("leaks")
    code, _ = run_pytest(folder, **{named(kind): text + "def test_next():\n    pass\n" for kind, text in LEAKS.items()})
    assert code == 1
    found: dict[tuple[str, str], list[str]] = {}
    for case in ElementTree.parse(folder / FOUND).getroot().iter("testcase"):
        told = found.setdefault((case.attrib["classname"], case.attrib["name"]), [])
        told += [f"{each.tag}: {each.text}" for each in case if each.tag in ("error", "failure")]
    return found


def named(kind: str) -> str:
    """The name of the file with that leak."""
    return kind.replace(" ", "_")


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_fails_the_test_that_makes_it(kind: str, accused: dict[tuple[str, str], list[str]]):
    (told,) = accused[f"test_{named(kind)}", "test_it"]
    assert told.startswith("error: left behind by this test")
    assert kind in told
    assert accused[f"test_{named(kind)}", "test_next"] == []


def test_what_is_tidied_up_passes(tmp_path: Path):
    code, output = run_pytest(tmp_path, sample=CLEAN)
    assert code == 0, output


def test_a_failing_test_is_not_accused_twice(tmp_path: Path):
    code, output = run_pytest(tmp_path, sample=LEAKS["socket"] + "    assert False\n")
    assert code == 1
    assert "left behind" not in output
    assert "1 failed" in output


def test_what_a_wider_fixture_holds_is_not_the_tests(tmp_path: Path):
    code, output = run_pytest(tmp_path, sample=WIDE)
    assert code == 0, output
