"""Alerts are raised once, several a device, cleared when they are over, and kept as a history."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.system.alerts import HISTORY_MS, KINDS, Alert, AlertBook, Named, remedies_of
from host_tools.system.sql_store import open_sql_store, sqlite_url
from host_tools.system.store import MemoryStore, Store
from tests.unit.system.parts import NOW_MS


def test_every_kind_says_what_it_means_and_what_to_do():
    for name, row in KINDS.items():
        assert row.kind == name
        assert row.severity in ("error", "warning", "note")
        assert row.meaning.endswith("."), name
        assert row.remedies, name
        assert all(remedy.endswith(".") for remedy in row.remedies), name


@pytest.mark.req("CTRL-12", "DOCK-03")
def test_remedies_are_in_the_order_of_the_catalogue():
    docking = KINDS["docking_issue"].remedies
    assert ["put it back" in docking[0], "Clean" in docking[1], "known to be good" in docking[2]] == [True] * 3
    assert KINDS["unable_to_charge"].remedies == docking
    slow = KINDS["slow_link"].remedies
    steps = ("off and on", "Check", "Swap", "good", "Restart")
    assert [word in remedy for word, remedy in zip(steps, slow, strict=True)] == [True] * 5
    assert "passphrase" in KINDS["safe_mode"].remedies[-1]


@pytest.mark.req("CTRL-12")
def test_remedies_fit_the_kind_of_destination():
    away, folder = "destination_failed", "directory evidence"
    assert any("network" in each.text() for each in remedies_of(away, "swift https://evidence.example"))
    of_folder = [each.text() for each in remedies_of(away, folder)]
    assert any("disk" in each for each in of_folder)
    assert not any("network" in each or "firewall" in each for each in of_folder)
    assert Alert(1, away, folder, "", NOW_MS).plain()["remedies"] == of_folder
    assert tuple(each.text() for each in remedies_of("destination_full", folder)) == KINDS["destination_full"].remedies


@pytest.mark.req("CTRL-12")
def test_several_a_device_each_raised_once_and_cleared_when_it_is_over():
    book, told = AlertBook(MemoryStore()), list[tuple[str, str, str]]()
    book.on_change = lambda alert, how: told.append((how, alert.kind, alert.device))
    found: dict[Named, str] = {("docking_issue", "CAM-1"): "1.2 ohm", ("unable_to_charge", "CAM-1"): ""}
    book.see(found, NOW_MS)
    book.see(found, NOW_MS + 1)
    assert told == [("raised", "docking_issue", "CAM-1"), ("raised", "unable_to_charge", "CAM-1")]
    assert not book.differs(found)
    book.see({("docking_issue", "CAM-1"): "1.5 ohm"}, NOW_MS + 2)
    assert told[2:] == [("cleared", "unable_to_charge", "CAM-1"), ("changed", "docking_issue", "CAM-1")]
    assert [(a.details, a.raised_unix_ms) for a in book.open()] == [("1.5 ohm", NOW_MS)], "it is still the same alert"
    book.see({}, NOW_MS + 3)
    assert book.open() == []
    assert [(a.kind, a.cleared_unix_ms) for a in book.history()] == [
        ("unable_to_charge", NOW_MS + 2),
        ("docking_issue", NOW_MS + 3),
    ]
    book.see(found, NOW_MS + 4)
    assert len(book.history()) == 4, "the next time it is another one"


def test_what_is_not_in_the_catalogue_is_an_error():
    with pytest.raises(KeyError):
        AlertBook(MemoryStore()).see({("nonsense", "CAM-1"): ""}, NOW_MS)


def test_alerts_outlive_a_restart_and_are_forgotten_after_a_quarter(tmp_path: Path):
    path = str(tmp_path / "system.sqlite")
    with (
        closing(open_sql_store(sqlite_url(path), path, b"k" * 32)) as store,
        closing(open_sql_store(sqlite_url(path), path, b"k" * 32)) as store_of_next,
    ):
        _outlives_a_restart(store, store_of_next)


def _outlives_a_restart(store: Store, store_of_next: Store) -> None:
    book = AlertBook(store)
    book.see({("safe_mode", "CAM-1"): "", ("storage_full", "controller"): "x"}, NOW_MS)
    book.see({("safe_mode", "CAM-1"): ""}, NOW_MS + 5)
    again = AlertBook(store_of_next)
    assert [alert.kind for alert in again.open()] == ["safe_mode"]
    again.see({("safe_mode", "CAM-1"): ""}, NOW_MS + 6)
    assert [alert.raised_unix_ms for alert in again.open()] == [NOW_MS], "nothing is raised a second time"
    again.see({("safe_mode", "CAM-1"): "", ("malfunctioning", "CAM-1"): ""}, NOW_MS + 7)
    assert len({alert.id for alert in again.history()}) == 3, "ids go on where they were"
    again.forget(NOW_MS + 5 + HISTORY_MS + 1)
    assert [alert.kind for alert in again.history()] == ["malfunctioning", "safe_mode"], "open ones stay"


SEEN = st.dictionaries(st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from("ABC")), st.sampled_from(["", "x"]))


@settings(max_examples=80)
@given(st.lists(SEEN, max_size=6))
def test_what_is_open_is_what_was_seen_last(looks: list[dict[Named, str]]):
    book = AlertBook(MemoryStore())
    for number, found in enumerate(looks):
        book.see(found, NOW_MS + number)
        assert {(a.kind, a.device): a.details for a in book.open()} == found
        assert not book.differs(found)
    everything = book.history()
    assert all(alert.cleared_unix_ms is None or alert.cleared_unix_ms >= alert.raised_unix_ms for alert in everything)
    assert {alert.id for alert in everything if alert.cleared_unix_ms is None} == {alert.id for alert in book.open()}


def test_an_alert_is_plain_data_with_its_remedies():
    plain = Alert(3, "storage_full", "controller", "9 MB", NOW_MS).plain()
    assert plain["title"] == "Storage full"
    assert plain["severity"] == "error"
    assert plain["remedies"] == list(KINDS["storage_full"].remedies)
