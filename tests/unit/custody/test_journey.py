"""After it is held: each step once in the ledger, whatever is repeated; counters only rise."""

import pytest

from firmware.formats import authorisation
from host_tools.custody.errors import CustodyRefused
from host_tools.custody.index import Index
from host_tools.custody.journey import Journey
from host_tools.custody.ledger import Ledger
from host_tools.custody.spool import Spool
from tests.unit.custody.recordings import Sample, sample


@pytest.fixture
def journey(index: Index) -> Journey:
    return Journey(index, lambda: 5_000)


def held(spool: Spool, seed: int = 1, camera: str = "CAM-0001") -> Sample:
    given = sample(seed, camera=camera)
    spool.accept(given.manifest_bytes, camera, given.digest, {"bay": 3})
    spool.write(given.recording, 0, given.chunks)
    assert spool.commit().held == [given.recording]
    return given


@pytest.mark.req("CTRL-24", "CTRL-09")
def test_the_whole_life_is_told_once(spool: Spool, index: Index, journey: Journey) -> None:
    given = held(spool)
    for _ in range(2):
        journey.start_delivery(given.recording, "box")
    for _ in range(2):
        journey.delivered(given.recording, "folder /evidence", [{"name": "a.mp4", "sha256": "00"}])
    leave = journey.authorise_erase(given.recording)
    for _ in range(2):
        journey.erased(given.recording, leave.counter)
    spool.remove(given.recording)
    entries = list(Ledger(index).entries(given.recording))
    assert [entry.word for entry in entries] == [
        "recorded",
        "sealed",
        "docked",
        "offloaded",
        "held",
        "delivered",
        "acknowledged",
        "erase_authorised",
        "erased",
    ]
    told = {entry.word: entry.details for entry in entries}
    assert told["recorded"]["started"]["source"] == "controller"
    assert told["sealed"]["manifest_sha256"] == given.digest.hex()
    assert told["docked"] == {"bay": 3, "camera": "CAM-0001"}
    assert told["delivered"]["objects"] == [{"name": "a.mp4", "sha256": "00"}]
    assert told["acknowledged"]["container"] == "box"
    assert told["erase_authorised"]["counter"] == leave.counter
    assert Ledger(index).verify().holds


def test_an_authorisation_fits_the_format_that_cameras_read(spool: Spool, journey: Journey) -> None:
    given = held(spool)
    journey.start_delivery(given.recording, "box")
    journey.delivered(given.recording, "memory", [])
    leave = journey.authorise_erase(given.recording)
    assert leave.manifest_sha256 == given.digest
    assert authorisation.decode(authorisation.encode(leave)) == leave


def test_nothing_may_be_erased_before_it_is_acknowledged(spool: Spool, index: Index, journey: Journey) -> None:
    given = held(spool)
    with pytest.raises(CustodyRefused, match="is held: 'erase_authorised' cannot follow"):
        journey.authorise_erase(given.recording)
    assert index.erase_counter("CAM-0001") == 0
    journey.start_delivery(given.recording, "box")
    with pytest.raises(CustodyRefused, match="is delivering"):
        journey.authorise_erase(given.recording)


def test_counters_rise_per_camera_and_above_what_the_camera_has_seen(
    spool: Spool, index: Index, journey: Journey
) -> None:
    first, second, other = held(spool, 1), held(spool, 2), held(spool, 3, "CAM-0002")
    for number, given in enumerate((first, second, other)):
        journey.start_delivery(given.recording, f"box-{number}")
        journey.delivered(given.recording, "memory", [])
    assert journey.authorise_erase(first.recording).counter == 1
    assert journey.authorise_erase(second.recording).counter == 2
    journey.erased(second.recording, 2)  # the camera has seen 2: what it was given before is worth nothing any more
    assert journey.authorise_erase(first.recording).counter == 3
    assert journey.authorise_erase(other.recording).counter == 1
    assert journey.authorise_erase(first.recording, counter_floor=40).counter == 41
    assert journey.authorise_erase(second.recording, counter_floor=5).counter == 42
    assert index.erase_counter("CAM-0001") == 42
    told = [entry for entry in Ledger(index).entries(first.recording) if entry.word == "erase_authorised"]
    assert [entry.details["counter"] for entry in told] == [1, 3, 41]


@pytest.mark.req("CTRL-24")
def test_leave_that_was_not_used_stands_and_is_told_once(spool: Spool, index: Index, journey: Journey) -> None:
    """A camera whose card takes nothing is asked again every few seconds, for as long as it stands in its bay."""
    first, second = held(spool, 1), held(spool, 2)
    for number, given in enumerate((first, second)):
        journey.start_delivery(given.recording, f"box-{number}")
        journey.delivered(given.recording, "memory", [])
    leaves = [journey.authorise_erase(given.recording) for given in (first, second)]
    head = index.ledger_head()
    for _ in range(3):  # as long as the camera has not seen more than the leave itself
        for given, leave in zip((first, second), leaves, strict=True):
            assert journey.authorise_erase(given.recording, counter_floor=leave.counter) == leave
    assert index.ledger_head() == head
    journey.erased(first.recording, leaves[0].counter)
    assert journey.authorise_erase(second.recording) == leaves[1]  # what was used came before it
    assert journey.authorise_erase(first.recording).counter == 3  # it turned up on a card once more


def test_an_erase_that_was_never_authorised_is_refused(spool: Spool, index: Index, journey: Journey) -> None:
    given = held(spool)
    journey.start_delivery(given.recording, "box")
    journey.delivered(given.recording, "memory", [])
    counter = journey.authorise_erase(given.recording).counter
    with pytest.raises(CustodyRefused, match="no erase was authorised under counter 9"):
        journey.erased(given.recording, 9)
    assert index.get(given.recording).state == "erase_authorised"
    journey.erased(given.recording, counter)
    assert index.get(given.recording).state == "erased"


def test_two_recordings_never_share_a_container(spool: Spool, index: Index, journey: Journey) -> None:
    first, second = held(spool, 1), held(spool, 2)
    journey.start_delivery(first.recording, "box")
    with pytest.raises(CustodyRefused, match="container box is already used"):
        journey.start_delivery(second.recording, "box")
    assert index.get(second.recording).state == "held"


@pytest.mark.req("CTRL-09")
def test_poison_and_trouble_are_kept_and_lifted(spool: Spool, index: Index, journey: Journey) -> None:
    given = held(spool)
    journey.poison(given.recording, "the destination refused it: no such wearer")
    journey.trouble(given.recording, "destination unreachable")
    row = index.get(given.recording)
    assert (row.poison, row.trouble) == ("the destination refused it: no such wearer", "destination unreachable")
    journey.retry(given.recording)
    assert (index.get(given.recording).poison, index.get(given.recording).trouble) == ("", "")
    with pytest.raises(CustodyRefused, match="unknown here"):
        journey.poison(bytes(16), "x")
