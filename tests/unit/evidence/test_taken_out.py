"""Taking recordings out, setting them apart and removing them, all at once; under names that any computer takes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import IoFault
from firmware.ports.files import File
from host_tools.evidence import catalogue, export, quarantine, retention
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.plain_names import plain, plain_names
from host_tools.evidence.quarantine import TwoFolders
from host_tools.evidence.search import Query, search
from host_tools.evidence.settings import ServerSettings
from tests.patience import LIMIT_S
from tests.unit.evidence.takers import taker
from tests.unit.evidence.test_complete_stays import ABOUT, BOX, DAY_MS, NOW_MS, OPEN_HOUSE, opened, receive

pytestmark = pytest.mark.req("DEST-11", "DEST-07")
FILM = b"a film " * 1_000
ODD = ("..\\..\\autoexec.bat", "CON.mp4", "nul", "a:b.mp4", "A.mp4", "a.mp4", "x" * 900 + ".mp4", "ends.", "ä ö.json")


def packed(made: Destination, box: str = BOX) -> zipfile.ZipFile:
    store = made.store
    return zipfile.ZipFile(io.BytesIO(b"".join(export.as_zip(store, box, export.contents(store, box)))))


def read(made: Destination, name: str) -> bytes:
    row = made.store.catalogue.object(BOX, name)
    assert row is not None
    return b"".join(made.store.read(row, 0, row.length_bytes))


def is_plain(name: str) -> bool:
    stem = name.split(".")[0].lower()
    reserved = stem in {"con", "prn", "aux", "nul", *(f"{word}{n}" for word in ("com", "lpt") for n in range(10))}
    letters = name.isascii() and all(each.isalnum() or each in "._-" for each in name)
    return letters and not reserved and 0 < len(name) <= 120 and name.strip(".") == name


@given(st.sets(st.text(min_size=1, max_size=8), min_size=1, max_size=8))
def test_any_names_become_as_many_that_any_computer_takes(names: set[str]) -> None:
    made = plain_names(sorted(names), ("about.json",))
    assert len({each.lower() for each in (*made.values(), "about.json")}) == len(names) + 1
    assert all(map(is_plain, made.values()))


def test_a_name_that_looks_like_one_of_ours_is_not_taken_for_it() -> None:
    disguised = plain("A.mp4:")
    names = plain_names(["A.mp4", "a.mp4", "A.mp4:", disguised, plain_names(["A.mp4", "a.mp4"])["a.mp4"]])
    assert len({each.lower() for each in names.values()}) == 5
    assert plain(BOX) == BOX
    assert plain("20260101_120000_FB97.mp4") == "20260101_120000_FB97.mp4"


def test_what_controllers_have_called_oddly_leaves_under_plain_names_and_proves_itself(tmp_path: Path) -> None:
    """A backslash leads out of the folder on the computer of whoever unpacks it; others do not unpack at all."""
    box = "Å\\..\\x_CAM-1_20260101T000000Z"
    with opened(tmp_path / "d") as (made, _):
        made.intake.put_container(box, ABOUT)
        for name in ODD:
            receive(made, name, name.encode(), box)
        archive = packed(made, box)
        names = archive.namelist()
        assert all(is_plain(part) for name in names for part in name.split("/"))
        assert len({name.lower() for name in names}) == len(ODD) + 4
        archive.extractall(tmp_path / "unpacked")
        (unpacked,) = (tmp_path / "unpacked").iterdir()
        export.export(made.store, box, tmp_path / "by-hand", taker())
    for place in (unpacked, tmp_path / "by-hand"):
        about = json.loads((place / "container.meta.json").read_text())
        told = {each["name"]: (place / "objects" / each["file"]).read_bytes().decode() for each in about["objects"]}
        assert told == {name: name for name in ODD}
        done = subprocess.run([sys.executable, "-I", str(place / "verify.py")], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


def test_nothing_goes_while_somebody_takes_it_out(tmp_path: Path) -> None:
    with opened(tmp_path / "d", OPEN_HOUSE + "keep_days = 1\n") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        receive(made, "a.mp4", FILM)
        made.intake.update_container(BOX, {"Status": "Complete"})
        pieces = export.as_zip(made.store, BOX, export.contents(made.store, BOX))
        taken = next(pieces)
        assert retention.clean_up(made.store, made.settings, NOW_MS + 9 * DAY_MS) == []
        archive = zipfile.ZipFile(io.BytesIO(taken + b"".join(pieces)))
        assert archive.read(f"{BOX}/objects/a.mp4") == FILM
        broken_off = export.as_zip(made.store, BOX, export.contents(made.store, BOX))
        next(broken_off)
        broken_off.close()
        assert retention.clean_up(made.store, made.settings, NOW_MS + 9 * DAY_MS) == [BOX]
        with pytest.raises(EvidenceError, match="no such recording"):
            export.contents(made.store, BOX)


def test_what_is_moved_twice_at_once_is_still_there(tmp_path: Path) -> None:
    """A controller that waits too long for the answer to completion asks again, while gigabytes are being copied."""
    with opened(tmp_path / "d", OPEN_HOUSE + "quarantine_days = 5\n") as (made, told):
        made.intake.put_container(BOX, {**ABOUT, "StartTime": "5"})
        for name in ("a.mp4", "b.mp4"):
            receive(made, name, FILM)
        made.store.files = Meddled(tmp_path / "d", made)
        made.intake.update_container(BOX, {"Status": "Complete"})
        made.store.files.second.join()
        assert not [line for line in told if "stays where it is" in line], "neither met the other"
        assert {name: read(made, name) for name in ("a.mp4", "b.mp4")} == {"a.mp4": FILM, "b.mp4": FILM}
        assert sorted(each.name for each in (tmp_path / "d" / "quarantine" / BOX).iterdir()) == [
            "a.mp4", "about.json", "b.mp4",
        ]  # fmt: skip


class Meddled(TwoFolders):
    """The second comes while the first writes."""

    def __init__(self, place: Path, made: Destination) -> None:
        (place / "quarantine").mkdir()
        files = made.store.files
        super().__init__(files, LinuxFiles(place / "quarantine"))
        self.second = threading.Thread(target=made.store.set_apart, args=(made.store.required(BOX),))

    def create(self, path: str, reserve_bytes: int = 0) -> File:
        file = super().create(path, reserve_bytes)
        if path.endswith("a.mp4") and self.second.ident is None:
            self.second.start()
            self.second.join(LIMIT_S)  # it is through at once, and has done nothing
        return file


def test_a_place_in_which_an_object_lies_is_never_written(tmp_path: Path) -> None:
    with opened(tmp_path / "d", OPEN_HOUSE + "quarantine_days = 5\n") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        receive(made, "a.mp4", FILM)
        other = "W-8_CAM-1_20260101T000000Z"
        made.intake.put_container(other, ABOUT)
        receive(made, "b.mp4", b"another film", other)
        made.store.put_container(BOX, {}, "a fault")
        made.store.set_apart(made.store.required(BOX))
        # As a catalogue that was mended by hand may have it.
        place = f"{quarantine.folder_of(other)}/b.mp4"
        (tmp_path / "d" / place).parent.mkdir()
        (tmp_path / "d" / "quarantine" / BOX / "a.mp4").rename(tmp_path / "d" / place)
        made.store.catalogue._run("UPDATE objects SET file = ? WHERE container = ?", (place, BOX))
        with pytest.raises(IoFault, match="another object's place"):
            made.store.set_apart(made.store.required(other))
        assert read(made, "a.mp4") == FILM


def test_a_quarantine_whose_disk_is_not_mounted_is_red_and_takes_nothing(tmp_path: Path) -> None:
    """What was moved there then would be hidden as soon as it is mounted again."""
    other, apart = "W-8_CAM-1_20260101T000000Z", tmp_path / "d" / "quarantine"
    with opened(tmp_path / "d", OPEN_HOUSE + "quarantine_days = 5\n") as (made, told):
        assert health(made.intake, None, NOW_MS).light == "green"
        for box in (BOX, other):
            made.intake.put_container(box, {**ABOUT, "StartTime": "5"})
            receive(made, "a.mp4", FILM, box)
        made.intake.update_container(BOX, {"Status": "Complete"})
        assert not any("mount" in line for line in health(made.intake, None, NOW_MS).problems)
        apart.rename(tmp_path / "unmounted")
        apart.mkdir()
        made.intake.update_container(other, {"Status": "Complete"})
        assert list(apart.iterdir()) == []
        assert "mount its disk" in told[-1]
        assert "mount its disk" in health(made.intake, None, NOW_MS).problems[0]
        apart.rmdir()
        assert "mount its disk" in health(made.intake, None, NOW_MS).problems[0]
        assert retention.clean_up(made.store, made.settings, NOW_MS + 9 * DAY_MS) == [], "it would stay there for ever"
        (tmp_path / "unmounted").rename(apart)
        assert made.store.sweep(NOW_MS) == 0
        assert sorted(each.name for each in apart.iterdir()) == sorted([BOX, other])
        assert read(made, "a.mp4") == FILM


def test_a_recording_that_somebody_names_otherwise_is_found_and_taken_out(tmp_path: Path) -> None:
    box = "clip 2026-01-01T00:00:00Z of 7"
    with opened(tmp_path / "d", OPEN_HOUSE + "keep_days = 1\n") as (made, _):
        made.intake.put_container(box, ABOUT)
        receive(made, "a.mp4", FILM, box)
        made.intake.put_container("notes", {"Owner": "somebody"})
        found = search(made.store.catalogue, Query(wearer="W-7", camera="CAM-1", after_ms=NOW_MS))
        assert [row.name for row in found] == [box]
        assert [row.name for row in search(made.store.catalogue, Query())] == [box]
        made.intake.update_container(box, {"Status": "Complete"})
        assert len(packed(made, box).namelist()) == 5
        assert retention.clean_up(made.store, made.settings, NOW_MS + 9 * DAY_MS) == [box]


def test_a_lock_holds_in_quarantine_and_times_that_are_wrong_remove_nothing(tmp_path: Path) -> None:
    rules = '[[category]]\nid = "4"\nname = "Homicide"\nretention_days = 3650\n'
    with opened(tmp_path / "d", OPEN_HOUSE + "quarantine_days = 5\nkeep_days = 30\n" + rules) as (made, _):
        made.intake.put_container(BOX, {**ABOUT, "StartTime": "5"})
        receive(made, "a.mp4", FILM)
        row = made.store.required(BOX)
        assert row.quarantine
        assert retention.keeping(row, frozenset(), made.settings).until_ms == NOW_MS + 5 * DAY_MS
        locked = retention.keeping(row, frozenset({"4"}), made.settings)
        assert locked == (NOW_MS + 3_650 * DAY_MS, "Homicide")
        later = ServerSettings(keep_days=30)  # the quarantine was given up meanwhile
        assert retention.keeping(row, frozenset(), later).until_ms == NOW_MS + 30 * DAY_MS


def test_more_objects_than_a_listing_has_rows_are_all_taken_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "PAGE_ROWS_MAX", 3)
    with opened(tmp_path / "d", OPEN_HOUSE + "licences = 7\n") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        made.intake.put_container("Users", {})
        for number in range(7):
            receive(made, f"bookmark_{number}", b"")
            receive(made, f"W-{number}", b"", "Users")
        assert len(packed(made).namelist()) == 7 + 4
        assert made.intake.licences_used() == 7
