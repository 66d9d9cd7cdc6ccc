"""What controllers of any maker may send, as people see it: nothing in it keeps a page from opening or an export from
being seen to have failed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from fastapi.responses import JSONResponse

from host_tools.evidence import places, retention, viewing
from host_tools.evidence.certificates import Validity
from host_tools.evidence.errors import Refusal
from host_tools.evidence.export import export
from host_tools.evidence.health import health
from host_tools.evidence.streaming import span
from tests.unit.evidence.running import OPEN_HOUSE, running
from tests.unit.evidence.takers import taker
from tests.unit.evidence.test_complete_stays import ABOUT, BOX, DAY_MS, NOW_MS, opened, receive
from tests.unit.evidence.test_people_api import quick, with_people
from tests.unit.evidence.test_server import files

pytestmark = [pytest.mark.req("DEST-11"), pytest.mark.usefixtures("quick")]
__all__ = ("quick",)
ENTRY = '{"LocationWKT": "POINT(18 59)", "SecondsFromStart": %s, "Timestamp": "%s"}'
HUGE = "1" + "0" * 400
FILM = b"a film " * 400_000
LATE = json.dumps({"sequence": 1, "event": "x", "at_unix_ms": 1 << 90})
EARLY = json.dumps({"sequence": 2, "event": "x", "at_unix_ms": -5})


def test_whatever_stands_in_a_track_or_a_chain_the_recording_is_shown(tmp_path: Path) -> None:
    entries = [
        ENTRY % (seconds, time)
        for seconds in ("1.5", "NaN", "-Infinity", "1e400", HUGE, "true")
        for time in ("2026-01-01T00:00:00Z", "\\ud800")
    ]
    chain = [
        {"line": json.dumps({"sequence": 1, "event": "a\ud800", "at_unix_ms": 5})},
        {"line": '{"sequence": 2, "event": ["x"], "at_unix_ms": 1.5}'},
    ]
    with opened(tmp_path / "d") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        receive(made, "x_gpstrail.json", f'{{"CoordinateEntries": [{", ".join(entries)}]}}'.encode())
        receive(made, "custody_1.json", json.dumps({"entries": chain}).encode())
        shown = viewing.recording(made.store, made.store.required(BOX), made.settings)
        assert json.loads(bytes(JSONResponse(shown).body)) == shown
        assert [each["seconds"] for each in shown["track"]] == [1.5, 1.5] + [None] * 10
        assert {each["time"] for each in shown["track"]} == {"2026-01-01T00:00:00Z", ""}
        assert [each["event"] for each in shown["custody"]] == ["a?", "['x']"]
        nowhere = '{"sequence": NaN, "event": "x", "at_unix_ms": 5}'
        receive(made, "custody_1.json", json.dumps({"entries": [{"line": nowhere}]}).encode())
        assert viewing.recording(made.store, made.store.required(BOX), made.settings)["custody"] == []
        places.learn(made.store, made.store.required(BOX))
        assert made.store.catalogue.rows("SELECT latitude, longitude FROM places") == [(59.0, 18.0)]
        receive(made, "custody_1.json", b"[" * 100_000)
        with pytest.raises(Refusal, match="names no digest"):
            made.intake.update_container(BOX, {"Status": "Complete"})
    assert list(places.points(b"[" * 100_000)) == []


def test_every_time_that_is_shown_can_be_written_by_a_page_and_a_program(tmp_path: Path) -> None:
    """A browser throws where a time is beyond its calendar: one recording would keep a whole list from being seen."""
    times = {"StartTime": "8700000000000", "StopTime": "1e300"}
    with opened(tmp_path / "d", OPEN_HOUSE + "quarantine_days = 5\nkeep_days = 1\n") as (made, _):
        made.intake.put_container(BOX, {**ABOUT, **times})
        receive(made, "custody_1.json", json.dumps({"entries": [{"line": LATE}, {"line": EARLY}]}).encode())
        upload = made.store.begin(0)
        made.intake.finish_object(upload, BOX, "a.mp4", times, "video/mp4")
        shown = viewing.recording(made.store, made.store.required(BOX), made.settings)
        (clip,) = shown["clips"]
        assert (shown["started_unix_ms"], shown["duration_ms"]) == (None, None)
        assert (clip["started_unix_ms"], clip["stopped_unix_ms"]) == (None, None)
        assert all(0 <= each["at_unix_ms"] < 8_640_000_000_000_000 for each in shown["custody"])
        # Whatever is not named as a recording is not judged by its times; it is not removed by them either.
        made.intake.put_container("of 7", {**ABOUT, "StartTime": "5"})
        made.intake.update_container("of 7", {"Status": "Complete"})
        assert retention.clean_up(made.store, made.settings, NOW_MS + DAY_MS - 1) == []
        assert retention.clean_up(made.store, made.settings, NOW_MS + DAY_MS) == ["of 7"]


def test_what_is_taken_out_is_for_whoever_took_it(tmp_path: Path) -> None:
    with opened(tmp_path / "d") as (made, _):
        made.intake.put_container(BOX, ABOUT)
        receive(made, "a.mp4")
        export(made.store, BOX, tmp_path / "shared" / "out", taker())
        assert (tmp_path / "shared" / "out").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("bytes=0-" + "9" * 30, (0, 9)),
        ("bytes=" + "9" * 30 + "-", None),
        ("bytes=-" + "9" * 30, (0, 9)),
        ("bytes=8-8", (8, 1)),
        ("bytes=9-", None),
        ("bytes=0-0,1-1", None),
    ],
)
def test_a_range_beyond_all_numbers_ends_at_the_end(wanted: str, found: tuple[int, int] | None) -> None:
    assert span(wanted, 9) == found


def test_an_export_that_fails_is_seen_to_fail_and_one_of_any_alphabet_does_not(tmp_path: Path) -> None:
    """A browser that gets a whole answer with half an archive in it says that everything is there."""
    box = "用户_CAM-1_20260101T000000Z"

    async def run() -> None:
        async with running(tmp_path / "d", OPEN_HOUSE) as server, with_people(server) as enter:
            made = server.destination
            made.intake.put_container(box, ABOUT)
            receive(made, "a.mp4", FILM, box)
            root = await enter("root")
            answer = await root.get(f"/api/v1/recordings/{box}/export")
            assert (answer.status_code, answer.content[:2]) == (200, b"PK")
            assert answer.headers["content-disposition"].isascii()
            (path,) = files(server)
            path.write_bytes(FILM[:-1] + b"!")
            with pytest.raises(httpx.RemoteProtocolError):
                await root.get(f"/api/v1/recordings/{box}/export")

    asyncio.run(run())


@pytest.mark.req("DEST-08", "DEST-09")
def test_a_certificate_that_has_ended_is_red(tmp_path: Path) -> None:
    """Nobody delivers to it."""
    with opened(tmp_path / "d") as (made, _):
        for ends_ms, light in ((NOW_MS, "red"), (NOW_MS + 1, "amber"), (NOW_MS + 31 * DAY_MS, "green")):
            state = health(made.intake, Validity(("127.0.0.1",), ends_ms), NOW_MS)
            assert state.light == light, state.problems
