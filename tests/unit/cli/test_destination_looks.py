"""What a running destination looks at by itself, with a store that does not always answer."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import IoFault, NoSpace
from host_tools.cli.destination_looks import CLEAN_UP_LOOKS, Looks
from host_tools.cli.people import wall_ms
from host_tools.evidence import folder
from host_tools.evidence.errors import StoreAway
from host_tools.evidence.folder import Destination
from tests.unit.evidence.running import OPEN_HOUSE, SECRET
from tests.unit.evidence.swift_like import KEY, USER, SwiftLike, swift_like

OLD = "W-7_CAM-1_20200101T000000Z"


@contextmanager
def opened(store: SwiftLike, place: Path, told: list[str]) -> Generator[Destination]:
    folder.create(place, f"{OPEN_HOUSE}keep_days = 1\n", SECRET, wall_ms())
    (place / "swift.toml").write_text(f'auth = "{store.url}/auth/v1.0"\nuser = "{USER}"\nkey = "{KEY}"\n')
    with folder.opened(place, LinuxFiles(place), wall_ms, lambda: secrets.token_hex(16), told.append) as made:
        yield made


@pytest.mark.req("DEST-02", "DEST-06")
def test_a_store_that_is_full_gets_room_by_what_may_go(tmp_path: Path) -> None:
    with swift_like() as store, opened(store, tmp_path / "d", []) as made:
        receive(made)
        store.answers["PUT"] = [507]
        upload = made.store.begin(0)
        upload.feed(b"a film")
        with pytest.raises(NoSpace):
            made.store.settle(upload)
        made.store.discard(upload)
        told: list[str] = []
        Looks(made, told.append).look()
        assert "takes no more" in told[0]
        assert made.store.catalogue.container(OLD) is None
        assert store.boxes["openbwc-evidence"] == {}


@pytest.mark.req("DEST-02")
def test_a_disk_that_fails_is_told_and_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with swift_like() as store, opened(store, tmp_path / "d", []) as made:
        told: list[str] = []

        def failing(*_: object) -> list[str]:
            raise IoFault("cannot remove objects/00: input/output error")

        monkeypatch.setattr(made.store.catalogue, "containers", failing)
        Looks(made, told.append).look()
        assert told[-1:] == ["cannot remove objects/00: input/output error"]


def receive(made: Destination) -> None:
    made.intake.put_container(OLD, {"StartTime": "1577836800"})
    upload = made.store.begin(0)
    upload.feed(b"a film")
    made.intake.finish_object(upload, OLD, "a.mp4", {}, "video/mp4")
    made.intake.update_container(OLD, {"Status": "Complete"})


@pytest.mark.req("DEST-02", "DEST-06")
def test_a_trouble_is_told_once_and_what_may_go_waits_for_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    with swift_like() as store, opened(store, tmp_path / "d", []) as made:
        receive(made)
        looks = Looks(made, told.append)
        store.answers["HEAD"] = [503, 503]
        looks.look()
        looks.look()
        assert [line for line in told if "answers 503" in line] == told
        assert len(told) == 1
        assert made.store.catalogue.container(OLD) is not None
        with monkeypatch.context() as patched:

            def away(*_: object) -> list[tuple[object, ...]]:
                raise StoreAway("database here/one: takes nothing now")

            patched.setattr(made.store.catalogue, "rows", away)
            looks.look()
        assert told[1:] == ["database here/one: takes nothing now"]
        looks.look()
        assert made.store.catalogue.container(OLD) is None
        assert store.boxes["openbwc-evidence"] == {}
        assert "1 recordings were kept as long as they were to be, and are removed" in told
        for _ in range(CLEAN_UP_LOOKS):
            looks.look()
        assert len(told) == 3
