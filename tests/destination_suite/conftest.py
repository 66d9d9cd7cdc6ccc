"""One destination for all tests of this folder: the reference destination, or any other.

``BWC_DESTINATION``: a connection file, or the URL of authentication, then with ``BWC_DESTINATION_USER`` and
``BWC_DESTINATION_KEY`` (and ``BWC_DESTINATION_CERTIFICATE``, PEM, where it is not one that this machine trusts).
``BWC_SWIFT``: a virtual environment with PyPI's ``swift``; a plain OpenStack Swift node is then started beside it.
Nothing given: a reference destination is made, as a process of its own. At the end the parts that each destination
supports are printed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.destination_suite.subjects import MAKERS, STARTED, Subject, kinds


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames:
        metafunc.parametrize("subject", kinds(), indirect=True, scope="session")


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """The destination of a test."""
    folder = tmp_path_factory.mktemp(request.param)
    with MAKERS[request.param](folder) as made:
        STARTED.append(made)
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which parts of the API each destination supports."""
    for each in STARTED:
        if each.findings:
            terminalreporter.section(f"the API at {each.name}: {each.auth}")
            for finding in each.findings:
                word = {"yes": "supported", "no": "MISSING", "optional": "not there, need not be"}[finding.verdict]
                terminalreporter.write_line(f"{word:24} {finding.part}  {finding.remark}".rstrip())
