"""Recordings that something is wrong with: in a folder of their own where one was chosen, else refused."""

import base64
import hashlib
import itertools
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import IoFault
from firmware.ports.files import Files
from host_tools.evidence import folder, retention
from host_tools.evidence.errors import EvidenceError, Refusal
from host_tools.evidence.export import export
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.quarantine import TwoFolders, plain, set_apart
from tests.unit.evidence.takers import taker

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000 + 40 * DAY_MS
BOX = "W-7_CAM-1_20260102T000000Z"
ABOUT = {"UserID": "W-7", "BWCSerialNumber": "CAM-1", "StartTime": "1767312000", "TriggerOn": "Button"}
FILM = b"a film " * 400_000  # longer than one piece of a copy
OPEN_HOUSE = "requires_known = false\n"


@contextmanager
def opened(place: Path, settings: str, told: list[str] | None = None) -> Generator[Destination]:
    names = itertools.count()
    if not place.exists():
        folder.create(place, OPEN_HOUSE + settings, "secret", NOW_MS)
    tell: Callable[[str], None] = told.append if told is not None else print
    with folder.opened(
        place, LinuxFiles(place), lambda: NOW_MS, lambda: f"{next(names):032x}"[::-1], tell, LinuxFiles
    ) as made:
        yield made


def put(made: Destination, name: str, content: bytes) -> None:
    made.intake.check_object(BOX, name, {}, len(content))
    upload = made.store.begin(0)
    upload.feed(content)
    made.intake.finish_object(upload, BOX, name, {}, "video/mp4")


def custody(content: bytes) -> bytes:
    """What travels along, as far as the clip goes."""
    line = json.dumps({"content_sha256": hashlib.sha256(content).hexdigest()}).encode()
    return json.dumps({"manifest": base64.b64encode(line + b"\n{}").decode()}).encode()


def receive(made: Destination, film: bytes = FILM, named: bytes = FILM, about: dict[str, str] | None = None) -> None:
    made.intake.put_container(BOX, about or ABOUT)
    put(made, "a.mp4", film)
    put(made, "custody_00112233.json", custody(named))
    made.intake.update_container(BOX, {"Status": "Complete"})


@pytest.mark.req("DEST-07")
@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_clip_that_is_not_what_its_camera_recorded_goes_to_the_chosen_folder(tmp_path: Path, elsewhere: bool):
    chosen = tmp_path / "apart" if elsewhere else tmp_path / "d" / "quarantine"
    where = f'quarantine_folder = "{chosen}"\n' if elsewhere else ""
    told: list[str] = []
    with opened(tmp_path / "d", "quarantine_days = 5\n" + where, told) as made:
        receive(made, film=FILM[:-1] + b"!")
        apart = chosen / BOX
        assert sorted(each.name for each in apart.iterdir()) == ["a.mp4", "about.json", "custody_00112233.json"]
        assert (apart / "a.mp4").read_bytes() == FILM[:-1] + b"!"
        assert "digest" in json.loads((apart / "about.json").read_text())["reason"]
        assert [path for path in (tmp_path / "d" / "objects").rglob("*") if path.is_file()] == []
        assert [BOX in text and "in quarantine" in text for text in told] == [True]
        state = health(made.intake, None, NOW_MS)
        assert state.light == "red"
        assert any(BOX in line and "digest" in line for line in state.problems)
        assert made.store.required(BOX).is_complete, "its controller need not keep it"
        export(made.store, BOX, tmp_path / "out", taker())
        assert (tmp_path / "out" / "objects" / "a.mp4").read_bytes() == FILM[:-1] + b"!"
        made.intake.update_container(BOX, {"Status": "Complete"})
        assert retention.clean_up(made.store, made.settings, NOW_MS + 5 * DAY_MS - 1) == []
        assert retention.clean_up(made.store, made.settings, NOW_MS + 5 * DAY_MS) == [BOX]
        assert list(chosen.iterdir()) == []


@pytest.mark.req("DEST-07")
def test_without_a_quarantine_it_is_an_error_and_not_complete(tmp_path: Path):
    told: list[str] = []
    with opened(tmp_path / "d", "", told) as made:
        with pytest.raises(Refusal, match="digest") as refusal:
            receive(made, film=b"x" * 9)
        assert refusal.value.status == 400
        assert not made.store.required(BOX).is_complete
        assert any(BOX in text for text in told)
        put(made, "a.mp4", FILM)
        made.intake.update_container(BOX, {"Status": "Complete"})
        assert made.store.required(BOX).is_complete, "sent again, and right"
        assert not (tmp_path / "d" / "quarantine").exists()


@pytest.mark.req("DEST-07")
def test_what_is_good_or_cannot_be_compared_stays_where_all_are(tmp_path: Path):
    with opened(tmp_path / "good", "quarantine_days = 5\n") as made:
        receive(made)
        assert made.store.required(BOX).quarantine == ""
    with opened(tmp_path / "encrypted", "quarantine_days = 5\n") as made:
        made.intake.put_container(BOX, ABOUT)
        put(made, "a.key", b"{}")
        receive(made, film=b"sealed bytes")
        assert made.store.required(BOX).quarantine == ""
    with opened(tmp_path / "mkv", "quarantine_days = 5\n") as made:
        made.intake.put_container(BOX, ABOUT)
        put(made, "a.mkv", b"another container")
        put(made, "custody_00112233.json", custody(FILM))
        made.intake.update_container(BOX, {"Status": "Complete"})
        assert made.store.required(BOX).quarantine == ""
    with opened(tmp_path / "broken", "quarantine_days = 5\n") as made:
        made.intake.put_container(BOX, ABOUT)
        put(made, "a.mp4", FILM)
        put(made, "custody_00112233.json", b"no document")
        made.intake.update_container(BOX, {"Status": "Complete"})
        assert "names no digest" in made.store.required(BOX).quarantine


@pytest.mark.req("DEST-07")
def test_bad_times_at_completion_are_bad_times(tmp_path: Path):
    with opened(tmp_path / "d", "quarantine_days = 5\n") as made:
        receive(made, about={**ABOUT, "StartTime": "4070908800"})
        assert (tmp_path / "d" / "quarantine" / BOX / "a.mp4").read_bytes() == FILM
    with opened(tmp_path / "late", "quarantine_days = 5\n") as made:
        made.intake.put_container(BOX, ABOUT)
        put(made, "a.mp4", FILM)
        made.intake.update_container(BOX, {"Status": "Complete", "StopTime": "12"})
        assert "StopTime" in made.store.required(BOX).quarantine


@pytest.mark.req("DEST-07")
def test_what_is_known_to_be_wrong_is_set_apart_once_it_is_whole_and_not_piece_by_piece(tmp_path: Path):
    with opened(tmp_path / "d", "quarantine_days = 5\n") as made:
        made.intake.put_container(BOX, {**ABOUT, "StartTime": "4070908800"})
        put(made, "a.mp4", FILM)
        assert made.store.required(BOX).quarantine
        made.intake.update_container(BOX, {"Label": "still coming"})
        assert not (tmp_path / "d" / "quarantine" / BOX).exists()
        put(made, "b.mp4", FILM)
        made.intake.update_container(BOX, {"Status": "Complete"})
        apart = tmp_path / "d" / "quarantine" / BOX
        assert sorted(each.name for each in apart.iterdir()) == ["a.mp4", "about.json", "b.mp4"]


def test_moving_goes_on_where_it_stopped_and_no_byte_is_ever_only_half_there(tmp_path: Path):
    with opened(tmp_path / "d", "quarantine_days = 5\n") as made:
        made.intake.put_container(BOX, ABOUT)
        for name in ("a.mp4", "b.mp4", "about.json"):
            put(made, name, FILM)
        made.store.put_container(BOX, {}, "its times are wrong")
        budget, is_done = 0, False
        while not is_done:
            budget += 1
            failing = Failing(tmp_path / "d", budget)
            try:
                set_apart(failing, made.store.catalogue, made.store.required(BOX), made.store)
            except IoFault:
                for row in made.store.catalogue.objects(BOX):
                    assert b"".join(made.store.read(row, 0, row.length_bytes)) == FILM
            else:
                is_done = True
        assert budget > 5, "each attempt goes on where the last one stopped"
        assert {row.file.partition("/")[0] for row in made.store.catalogue.objects(BOX)} == {"quarantine"}
        made.store.sweep(NOW_MS)
        assert [path for path in (tmp_path / "d" / "objects").rglob("*") if path.is_file()] == []


@pytest.mark.req("DEST-07")
def test_a_folder_that_cannot_be_used_is_said_at_the_start(tmp_path: Path):
    for settings, word in (
        ('quarantine_folder = "/tmp"\n', "quarantine_days"),
        (f'quarantine_days = 5\nquarantine_folder = "{tmp_path}/no/such"\n', "choose another"),
        ('quarantine_days = 5\nquarantine_folder = "here"\n', "whole path"),
    ):
        place = tmp_path / f"d{len(settings)}"
        with pytest.raises(EvidenceError, match=word), opened(place, settings):
            pass


def test_names_are_plain_and_never_the_same() -> None:
    names = [BOX, "a b", "a_b", ".hidden", "..", "ä" * 200, "ä" * 201, "about.json", "a:b"]
    made = [plain(name) for name in names]
    assert made[0] == BOX
    assert len({name.lower() for name in made}) == len(names)
    assert all(len(name) <= 120 and name.isascii() and not name.startswith(".") for name in made)


class Failing(TwoFolders):
    """Breaks after so many changes."""

    def __init__(self, place: Path, budget: int) -> None:
        (place / "quarantine").mkdir(exist_ok=True)
        super().__init__(LinuxFiles(place), LinuxFiles(place / "quarantine"))
        self._left = budget

    def _where(self, path: str) -> tuple[Files, str]:
        self._left -= 1  # every call of the port asks where
        if self._left < 0:
            raise IoFault(f"{path}: the disk failed")
        return super()._where(path)
