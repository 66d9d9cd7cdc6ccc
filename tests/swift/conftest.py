"""One Swift node for all of these tests; a container of its own for each.

The node's virtual environment is made below ``build/`` at the first run. What is missing for it is an error, never a
skip: whoever calls these tests wants Swift.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.swift_node import KEY, PACKAGES, USER, SwiftNode, made_environment
from host_tools.destinations.connection_file import ConnectionFile
from tests.destination_suite import subjects
from tests.swift.keystone_node import KEYSTONE_PACKAGES, KeystoneNode
from tests.swift.parts import ENVIRONMENT, Box, fresh_box, what_is_missing

PLAIN, BEHIND_OURS = "plain Swift", "ours on Swift"


@pytest.fixture(scope="package")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftNode]:
    """Running; a test that stops it starts it again."""
    with what_is_missing():
        environment = made_environment(ENVIRONMENT, PACKAGES + KEYSTONE_PACKAGES)
        made = SwiftNode(tmp_path_factory.mktemp("swift") / "node", environment)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="package")
def keystone(node: SwiftNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeystoneNode]:
    """Running, with a proxy of its own over the same node."""
    with what_is_missing():
        made = KeystoneNode(tmp_path_factory.mktemp("identity") / "keystone", node)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def box(node: SwiftNode) -> Box:
    """A container that nobody has used."""
    return fresh_box(node)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "subject" in metafunc.fixturenames:
        metafunc.parametrize("subject", [PLAIN, BEHIND_OURS], indirect=True, scope="package")


@pytest.fixture(scope="package")
def subject(
    request: pytest.FixtureRequest, node: SwiftNode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subjects.Subject]:
    """What the suite of destinations is about."""
    if request.param == PLAIN:
        yield subjects.Subject(PLAIN, ConnectionFile("suite", "suite", "1", (node.url,), USER, KEY, (), "mp4"))
        return
    folder = tmp_path_factory.mktemp("ours")
    with subjects.reference(folder, "--swift", str(fresh_box(node).keys(folder))) as made:
        yield made
