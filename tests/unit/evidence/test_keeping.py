"""Search, retention, health and export, over a store with recordings in it."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.platform.linux.files import LinuxFiles
from host_tools.evidence import folder, places, retention, rules, viewing
from host_tools.evidence.catalogue import Container
from host_tools.evidence.certificates import Validity, self_signed, validity
from host_tools.evidence.errors import EvidenceError
from host_tools.evidence.export import export
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import RUN_FREE_BYTES_MIN, START_FREE_BYTES_MIN, health, low_disk
from host_tools.evidence.search import Query, search
from host_tools.evidence.settings import CategoryRule, ServerSettings
from tests.unit.evidence.takers import taker

DAY_MS = 86_400_000
NOW_MS = 1_767_225_600_000 + 40 * DAY_MS
MALMO, SYDNEY = (55.605, 13.0), (-33.87, 151.21)
SETTINGS = """\
requires_known = false
keep_days = 30
quarantine_days = 5
[[category]]
id = "5"
name = "Traffic"
[[category]]
id = "4"
name = "Homicide"
retention_days = 3650
"""


class Filled:
    """A destination, and a hand that puts recordings into it."""

    def __init__(self, opened: Destination, told: list[str]) -> None:
        self.opened, self.told, self.now_ms = opened, told, NOW_MS

    def put(self, container: str, name: str, content: bytes, about: dict[str, str]) -> None:
        intake = self.opened.intake
        intake.check_object(container, name, about, len(content))
        upload = intake.store.begin(0)
        upload.feed(content)
        intake.finish_object(upload, container, name, about, "application/octet-stream")

    def recording(
        self, wearer: str, camera: str, day: int, category: str = "", at: tuple[float, float] | None = None,
        cause: str = "Button", complete: bool = True,
    ) -> str:  # fmt: skip
        start_s = 1_767_225_600 + day * 86_400
        name = f"{wearer}_{camera}_202601{day + 1:02}T000000Z"
        about = {"UserID": wearer, "BWCSerialNumber": camera, "StartTime": str(start_s), "TriggerOn": cause}
        self.opened.intake.put_container(name, about)
        self.put(name, "a.mp4", b"a film of " + name.encode(), {})
        if category:
            self.put(name, "bookmark_x_1", b"a note", {"CategoryID": category, "StartTime": ""})
        if at is not None:
            track = {"CoordinateEntries": [{"LocationWKT": f"POINT({at[1]} {at[0]})", "SecondsFromStart": 0}]}
            self.put(name, "x_gpstrail.json", json.dumps(track).encode(), {})
        if complete:
            self.opened.intake.update_container(name, {"Status": "Complete"})
        return name


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    place, told, names = tmp_path / "d", [], itertools.count()
    folder.create(place, SETTINGS, "secret", NOW_MS)
    with folder.opened(
        place, LinuxFiles(place), lambda: NOW_MS, lambda: f"{next(names):032x}"[::-1], told.append
    ) as opened:
        yield Filled(opened, told)


def found(filled: Filled, query: Query) -> list[str]:
    return [row.name for row in search(filled.opened.store.catalogue, query)]


@pytest.mark.req("DEST-11")
def test_recordings_are_found_by_whatever_is_known_of_them(filled: Filled):
    one = filled.recording("W-7", "CAM-1", 0, category="5", at=MALMO)
    two = filled.recording("W-8", "CAM-1", 1, at=SYDNEY, cause="FallDetection")
    three = filled.recording("W-7", "CAM-2", 2, category="4", complete=False)
    assert found(filled, Query()) == [three, two, one]
    assert found(filled, Query(wearer="w-7")) == [three, one]
    assert found(filled, Query(camera="CAM-1")) == [two, one]
    assert found(filled, Query(cause="falldetection")) == [two]
    assert found(filled, Query(category="4")) == [three]
    day_ms = 1_767_225_600_000 + DAY_MS
    assert found(filled, Query(after_ms=day_ms, before_ms=day_ms + 1)) == [two]
    assert found(filled, Query(near=(55.606, 13.0), radius_m=200)) == [one]
    assert found(filled, Query(near=(55.606, 13.0), radius_m=50)) == []
    assert found(filled, Query(state="arriving")) == [three]
    assert found(filled, Query(wearer="' OR 1 --")) == []
    assert len(search(filled.opened.store.catalogue, Query(), rows_max=1)) == 1


@pytest.mark.req("DEST-11", "DEST-03")
def test_people_are_found_by_what_they_are_called_where_controllers_name_them_otherwise(filled: Filled):
    for container, name, about in (
        ("Users", "0f7a", {"Name": "Zoë Lind", "UserID": "4711"}),
        ("Users", "0f7b", {"Name": "Zoë Lind"}),
        ("Devices", "CAM-1", {"Name": "Red 3"}),
    ):
        filled.opened.intake.put_container(container, {})
        filled.put(container, name, b"", about)
    one, two = filled.recording("0f7a", "CAM-1", 0), filled.recording("0f7b", "CAM-2", 1)
    assert found(filled, Query(wearer="4711")) == [one]
    assert found(filled, Query(wearer="zoë lind")) == [two, one]
    assert found(filled, Query(wearer="zoë lind", camera="red 3")) == [one]
    assert found(filled, Query(wearer="Zoë")) == []
    row = viewing.recording(filled.opened.store, filled.opened.store.required(one), filled.opened.settings)
    assert (row["wearer"], row["wearer_name"], row["wearer_key"]) == ("0f7a", "Zoë Lind", "4711")


@pytest.mark.req("DEST-11")
def test_places_are_near_across_the_date_line_and_at_the_pole(filled: Filled):
    line = filled.recording("W-7", "CAM-1", 0, at=(0.0, 179.9999))
    pole = filled.recording("W-7", "CAM-2", 1, at=(89.9999, 10.0))
    assert found(filled, Query(near=(0.0, -179.9999), radius_m=100)) == [line]
    assert found(filled, Query(near=(89.9999, -170.0), radius_m=100)) == [pole]


@given(st.binary(max_size=200))
def test_any_track_gives_places_or_nothing(data: bytes):
    assert all(abs(latitude) <= 90 for latitude, _ in places.points(data))


def test_a_degree_of_the_equator_is_111_km():
    assert places.distance_m((0, 0), (0, 1)) == pytest.approx(111_195, rel=1e-3)


@pytest.mark.req("DEST-06")
def test_what_is_kept_how_long(filled: Filled):
    old, traffic, locked, fresh, half = (
        filled.recording("W-7", "CAM-1", 0),
        filled.recording("W-7", "CAM-2", 1, category="5"),
        filled.recording("W-7", "CAM-3", 2, category="4"),
        filled.recording("W-7", "CAM-4", 20),
        filled.recording("W-7", "CAM-5", 3, complete=False),
    )
    store, settings = filled.opened.store, filled.opened.settings
    assert [name for text in filled.told for name in (old, traffic, locked, fresh, half) if name in text] == [
        old,
        traffic,
    ]
    assert sorted(retention.clean_up(store, settings, NOW_MS)) == [old, traffic]
    assert found(filled, Query()) == [fresh, half, locked]
    assert len([path for path in (filled.opened.folder / "objects").rglob("*") if path.is_file()]) == 4
    row = store.required(locked)
    assert retention.keeping(row, frozenset({"4"}), settings).locked == "Homicide"
    assert retention.clean_up(store, settings, NOW_MS + 11 * DAY_MS) == [fresh]
    assert retention.clean_up(store, settings, NOW_MS + 5_000 * DAY_MS) == [locked]


@pytest.mark.req("DEST-06")
def test_the_guarantee_counts_from_arrival_and_a_harsh_setting_is_told_before(filled: Filled):
    old = filled.recording("W-7", "CAM-1", 0)
    store = filled.opened.store
    guarded = ServerSettings(keep_days=7, keep_days_min=2)
    assert retention.clean_up(store, guarded, NOW_MS + DAY_MS) == []
    assert retention.clean_up(store, ServerSettings(), NOW_MS + 9_999 * DAY_MS) == []
    assert retention.clean_up(store, guarded, NOW_MS + 2 * DAY_MS) == [old]
    assert "7 days" in retention.shortest_warning(ServerSettings(keep_days=7))
    assert retention.shortest_warning(guarded) == retention.shortest_warning(ServerSettings()) == ""


@pytest.mark.req("DEST-07", "DEST-09")
def test_quarantine_is_red_and_ends(filled: Filled):
    good = filled.recording("W-7", "CAM-1", 38)
    bad = "W-7_CAM-1_20990101T000000Z"
    filled.opened.intake.put_container(bad, {"StartTime": "4070908800"})
    filled.put(bad, "a.mp4", b"x", {})
    state = health(filled.opened.intake, None, NOW_MS)
    assert state.light == "red"
    assert any(bad in problem for problem in state.problems)
    assert (state.recordings, state.receiving) == (1, 1)
    store, settings = filled.opened.store, filled.opened.settings
    assert retention.clean_up(store, settings, NOW_MS + 4 * DAY_MS) == []
    assert retention.clean_up(store, settings, NOW_MS + 5 * DAY_MS) == [bad]
    assert found(filled, Query()) == [good]


@pytest.mark.req("DEST-11", "CTRL-11")
def test_rejected_content_is_found_kept_and_taken_out_though_it_is_never_complete(filled: Filled, tmp_path: Path):
    good = filled.recording("W-7", "CAM-1", 38)
    box = "RejectedContent_20260210T000000Z_0f7a"
    about = {"UserID": "W-9", "BWCSerialNumber": "CAM-9", "StartTime": "5", "RejectedContentReason": "bad time"}
    filled.opened.intake.put_container(box, about)
    filled.put(box, "a.mp4", b"a film", {"StartTime": "7", "StopTime": "6"})
    bare = "RejectedContent_UnknownTime_0f7b"
    filled.opened.intake.put_container(bare, {"RejectedContentOriginalContainer": "W-8_CAM-8_20260101T000000Z"})
    nothing = "RejectedContent_UnknownTime_0f7c"
    filled.opened.intake.put_container(nothing, {"StartTime": "9" * 30})
    assert found(filled, Query()) == [good, box, bare, nothing]
    assert found(filled, Query(state="rejected")) == [box, bare, nothing]
    assert found(filled, Query(state="arriving")) == []
    assert found(filled, Query(wearer="W-8", camera="CAM-8")) == [bare]
    assert found(filled, Query(camera=rules.UNKNOWN_CAMERA)) == [nothing]
    store, settings = filled.opened.store, filled.opened.settings
    row = viewing.recording(store, store.required(box), settings)
    assert (row["state"], row["rejected"], [each["name"] for each in row["clips"]]) == (
        "rejected",
        "bad time",
        ["a.mp4"],
    )
    state = health(filled.opened.intake, None, NOW_MS + 2 * DAY_MS)
    assert (state.recordings, state.receiving, state.rejected) == (1, 0, 3)
    assert not any("RejectedContent" in problem for problem in state.problems), "it is no fault that somebody chose it"
    export(store, box, tmp_path / "out", taker())
    assert (tmp_path / "out" / "objects" / "a.mp4").read_bytes() == b"a film"
    assert retention.clean_up(store, settings, NOW_MS + 29 * DAY_MS) == [good], (
        "its own time is what it was refused for"
    )
    assert sorted(retention.clean_up(store, settings, NOW_MS + 30 * DAY_MS)) == [box, bare, nothing]


@pytest.mark.req("DEST-11")
def test_what_an_earlier_version_took_for_nothing_is_found_after_the_next_start(filled: Filled):
    rejected, old = "RejectedContent_UnknownTime_0f7a", "0f7a_B8A44F000001_20190101_090909"
    catalogue = filled.opened.store.catalogue
    about = {"BWCSerialNumber": "CAM-9"}
    for name in (rejected, old, "Users", "something"):
        catalogue.keep_container(Container(name, about, NOW_MS, NOW_MS, None))
    catalogue.keep_container(Container("notes", {"Owner": "CAM-9"}, NOW_MS, NOW_MS, None))
    assert found(filled, Query()) == []
    filled.opened.intake.declare()
    assert sorted(found(filled, Query(camera="CAM-9"))) == sorted((rejected, old, "something"))


@pytest.mark.req("DEST-02")
def test_containers_of_older_controllers_are_recordings(filled: Filled):
    box = "6f1c_B8A44F000001_20190101_090909"
    filled.opened.intake.put_container(box, {"StartTime": "1546333749", "TriggerOn": "Button"})
    assert found(filled, Query(wearer="6f1c", camera="B8A44F000001")) == [box]


@pytest.mark.req("DEST-02", "DEST-03")
def test_names_of_a_hundred_characters_of_any_alphabet_are_taken(filled: Filled):
    name = "山" * 100
    filled.opened.intake.put_container("Users", {})
    filled.put("Users", "W-7", b"", {"Active": "True", "Name": name})
    assert viewing.known_people(filled.opened.store).names["W-7"] == name


@pytest.mark.req("DEST-07")
@pytest.mark.parametrize("time", ["9" * 17, "9" * 30, "1e300", "-5", "253402300800"])
def test_a_time_beyond_all_numbers_goes_to_quarantine_and_is_found(filled: Filled, time: str):
    box = "W-7_CAM-1_20260101T000000Z"
    filled.opened.intake.put_container(box, {"StartTime": time})
    (row,) = search(filled.opened.store.catalogue, Query(state="quarantine"))
    assert (row.name, row.started_ms) == (box, None)


@pytest.mark.req("DEST-09")
def test_what_is_not_as_it_should_be_has_a_line(filled: Filled):
    intake = filled.opened.intake
    assert health(intake, None, NOW_MS).light == "green"
    ends = Validity(("h",), NOW_MS + 29 * DAY_MS)
    assert "certificate" in health(intake, ends, NOW_MS).problems[0]
    filled.recording("W-7", "CAM-1", 0, complete=False)
    assert health(intake, None, NOW_MS).light == "green"
    assert "not complete" in health(intake, None, NOW_MS + 2 * DAY_MS).problems[0]
    assert low_disk(START_FREE_BYTES_MIN, START_FREE_BYTES_MIN) == ""
    assert "4.0 GB are free" in low_disk(4 * 10**9, RUN_FREE_BYTES_MIN)
    for least, limit in ((START_FREE_BYTES_MIN, 10), (RUN_FREE_BYTES_MIN, 5)):
        assert low_disk(least, least) == ""
        assert low_disk(least - 1, least) == f"storage: {limit - 0.1} GB are free, {limit} GB should be: make room"
    assert (START_FREE_BYTES_MIN, RUN_FREE_BYTES_MIN) == (10**10, 5 * 10**9)


@pytest.mark.req("DEST-11")
def test_what_is_taken_out_is_what_was_received_and_says_so(filled: Filled, tmp_path: Path):
    name = filled.recording("W-7", "CAM-1", 0, category="5", complete=False)
    filled.opened.intake.update_container(name, {"LedgerHash": "ab" * 32, "Status": "Complete"})
    out = tmp_path / "out"
    export(filled.opened.store, name, out, taker())
    assert (out / "objects" / "a.mp4").read_bytes() == b"a film of " + name.encode()
    assert json.loads((out / "container.meta.json").read_text())["metadata"]["LedgerHash"] == "ab" * 32
    sums = [line.split("  ")[1] for line in (out / "SHA256SUMS").read_text().splitlines()]
    assert set(sums) == {"objects/a.mp4", "objects/bookmark_x_1", "README.txt", "container.meta.json", "verify.py"}
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=out, check=True, capture_output=True)
    with pytest.raises(EvidenceError, match="new folder"):
        export(filled.opened.store, name, out, taker())
    with pytest.raises(EvidenceError, match="no such recording"):
        export(filled.opened.store, "nothing", tmp_path / "other", taker())


@pytest.mark.req("DEST-11")
def test_bytes_that_changed_in_the_store_are_not_taken_out(filled: Filled, tmp_path: Path):
    name = filled.recording("W-7", "CAM-1", 0)
    (film,) = (path for path in (filled.opened.folder / "objects").rglob("*") if path.is_file())
    film.write_bytes(film.read_bytes().replace(b"film", b"fake"))
    with pytest.raises(EvidenceError, match="have changed"):
        export(filled.opened.store, name, tmp_path / "out", taker())
    assert not (tmp_path / "out" / "objects" / "a.mp4").exists()


@pytest.mark.req("DEST-08", "DEST-10")
def test_the_certificate_names_every_address_and_is_rotated(filled: Filled):
    issued = self_signed(("10.0.0.1", "evidence.example", "::1"), NOW_MS)
    assert set(validity(issued.certificate).hosts) == {"10.0.0.1", "evidence.example", "::1"}
    with pytest.raises(EvidenceError, match="no address"):
        self_signed(("börk.example",), NOW_MS)
    with pytest.raises(EvidenceError, match="certificate"):
        validity(b"nothing")
    before = filled.opened.certificate.read_bytes()
    old_file = folder.connection(filled.opened, 8443)
    folder.renew_certificate(filled.opened.folder, ("10.0.0.2",), NOW_MS)
    assert filled.opened.certificate.read_bytes() != before
    assert folder.connection(filled.opened, 8443).certificates != old_file.certificates
    for name in ("account.key", "certificate.key"):
        assert (filled.opened.folder / name).stat().st_mode & 0o077 == 0


def test_settings_that_do_not_hold_name_file_and_key(tmp_path: Path):
    for text, word in (
        ("mode = 'both'", "mode"),
        ("licences = -1", "licences"),
        ("unknown = 1", "unknown"),
        ('capabilities = ["ReadCategories"]', "StoreBookmarks"),
        ("[[category]]\nid='1'\nname='a'\n[[category]]\nid='1'\nname='b'", "same id"),
        ("x = ", "TOML"),
    ):
        place = tmp_path / word
        with pytest.raises(EvidenceError, match=word) as caught:
            folder.create(place, text, "secret", NOW_MS)
        assert "server.toml" in str(caught.value)
    with pytest.raises(EvidenceError, match="not empty"):
        folder.create(tmp_path, "", "secret", NOW_MS)
    assert CategoryRule(id="1", name="a").retention_days is None
