"""One office for the tests of a file."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.unit.web.office import Office, opened_office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Generator[Office]:
    """Opened once a file."""
    with opened_office(tmp_path_factory.mktemp("office")) as opened:
        yield opened
