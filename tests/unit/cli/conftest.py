"""The command for tests."""

import pytest

from tests.unit.cli.parts import Bwc


@pytest.fixture
def bwc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bwc:
    """``bwc("status")`` runs the command."""
    return Bwc(monkeypatch, capsys)
