"""What a controller keeps is for its own user alone, whatever the umask is and whoever made the files before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from host_tools.cli.compose import INDEX_NAME, assemble_controller, open_own_index
from host_tools.cli.folders import make_folder
from host_tools.cli.people import opened_people
from host_tools.cli.trust_commands import is_running
from host_tools.controller.remote import SOCKET, controller_client
from host_tools.controller.settings import Settings, SettingsError
from host_tools.transports.local import LocalError, LocalServer, Peer
from tests.unit.cli.parts import system_in


@pytest.fixture
def careless() -> Iterator[None]:
    """The worst umask."""
    mask = os.umask(0)
    try:
        yield
    finally:
        os.umask(mask)


def open_to_others(folder: Path) -> list[str]:
    """What below a folder somebody else could read or write; a folder that nobody enters hides what is in it."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    )


@pytest.mark.req("CTRL-14")
@pytest.mark.usefixtures("careless")
def test_all_that_a_controller_makes_is_its_own(tmp_path: Path):
    system_in(tmp_path / "c")  # what comes first makes the folder
    folder = make_folder(tmp_path / "c")
    assert folder.stat().st_mode & 0o077 == 0
    assert make_folder(tmp_path / "other").stat().st_mode & 0o077 == 0
    settings = Settings(folder=folder, destination=tmp_path / "d", usb_root=None)
    make_folder(tmp_path / "d").joinpath("destination.toml").write_text('layout = 1\nid = "a"\n')
    with assemble_controller(settings), opened_people(folder):
        made = {path.name for path in folder.iterdir()}
        assert {"index.sqlite", "people.sqlite", "people.key", "trust", "spool"} <= made
        assert open_to_others(folder) == []


@pytest.mark.usefixtures("careless")
def test_an_index_that_others_could_read_is_so_no_more(tmp_path: Path):
    path = tmp_path / INDEX_NAME
    open_own_index(path).close()
    path.chmod(0o644)
    index = open_own_index(path)
    try:
        assert (tmp_path / (INDEX_NAME + "-wal")).exists()
        assert open_to_others(tmp_path) == []
    finally:
        index.close()


def test_an_index_that_is_a_folder_is_one_line(tmp_path: Path):
    (tmp_path / INDEX_NAME).mkdir()
    with pytest.raises(SettingsError, match=r"index\.sqlite: cannot be opened \(.+\); check its owner"):
        open_own_index(tmp_path / INDEX_NAME)


def test_a_controller_that_refuses_to_answer_is_running_all_the_same(tmp_path: Path):
    """Else its trust file would be written beside it, and overwritten by what it has in memory."""

    async def refuse(verb: str, arguments: dict[str, object], peer: Peer) -> None:
        raise LocalError("not now")

    async def scenario() -> None:
        assert not is_running(tmp_path)
        server = LocalServer(tmp_path / SOCKET, refuse)
        await server.start()
        try:
            assert await asyncio.to_thread(is_running, tmp_path)
            with pytest.raises(LocalError, match="not now"):  # and by then the first connection has been seen
                await controller_client(tmp_path).ask("status")
        finally:
            await server.close()
        assert not is_running(tmp_path)

    asyncio.run(scenario())
