"""What the page about lanes shows as Python runs as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "lanes.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.req("EMU-03")
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_page_runs_alone(example: str):
    assert "assert " in example
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_there_are_examples():
    assert len(EXAMPLES) >= 1


def test_a_fake_backend_is_usable_without_the_rest_of_the_emulator():
    program = (
        "import sys, host_tools.emulator.usb_backend as b; print(sorted(m for m in sys.modules if 'emulator.' in m))"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rooms = ["usb_backend", "usb_descriptors", "usb_device", "usb_layout"]
    assert said.strip() == str([f"host_tools.emulator.{name}" for name in rooms])
