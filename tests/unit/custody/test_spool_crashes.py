"""Whatever order, repetition, damage and power cuts come: the content ends identical, and what was committed is never
asked for again."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_any
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware.ports.files import Files
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from host_tools.custody.index import Index, open_index
from host_tools.custody.journey import Journey
from host_tools.custody.ledger import Ledger
from host_tools.custody.spool import Spool
from tests.unit.custody.conftest import SPARE_BYTES, wall_ms
from tests.unit.custody.recordings import Sample, sample

SAMPLES = [sample(seed, fragments=3, chunks_each=2, chunk_bytes=120) for seed in (11, 12)]


def start(files: Files, index: Index) -> Spool:
    return Spool(files, index, wall_ms, spare_bytes=SPARE_BYTES)


def accept(spool: Spool, given: Sample) -> None:
    spool.accept(given.manifest_bytes, given.manifest.camera_serial, given.digest)


def content_of(spool: Spool, given: Sample) -> bytes:
    return b"".join(bytes(piece) for piece in spool.open_content(given.recording, given.opener))


class SpoolMachine(RuleBasedStateMachine):
    """Two recordings arrive while everything happens that may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.index = open_index(":memory:")
        self.files = MemoryFiles()
        self.spool = start(self.files, self.index)
        self.committed: set[tuple[bytes, int]] = set()
        self.accepted: list[Sample] = []

    @initialize()
    def first(self) -> None:
        self.accept_one(0)

    @rule(which=st.integers(0, 1))
    def accept_one(self, which: int) -> None:
        accept(self.spool, SAMPLES[which])
        if SAMPLES[which] not in self.accepted:
            self.accepted.append(SAMPLES[which])

    @rule(which=st.integers(0, 1), start_byte=st.integers(0, 1000), length=st.integers(1, 400))
    def piece(self, which: int, start_byte: int, length: int) -> None:
        self.send(self.accepted[which % len(self.accepted)], start_byte, length)

    @rule(which=st.integers(0, 1), chunk=st.integers(0, 5))
    def whole_chunk(self, which: int, chunk: int) -> None:
        given = self.accepted[which % len(self.accepted)]
        entry = given.manifest.chunks[chunk]
        self.send(given, entry.offset, entry.length)

    @rule(which=st.integers(0, 1), chunk=st.integers(0, 5), place=st.integers(0, 99))
    def spoilt_chunk(self, which: int, chunk: int, place: int) -> None:
        given = self.accepted[which % len(self.accepted)]
        spoilt = bytearray(given.sealed(chunk))
        spoilt[place] ^= 0x10
        self.spool.write(given.recording, given.manifest.chunks[chunk].offset, spoilt)

    @rule()
    def commit(self) -> None:
        self.committed.update(self.spool.commit().committed)

    @rule(which=st.integers(0, 1))
    def pause(self, which: int) -> None:
        self.spool.pause(SAMPLES[which].recording)

    @rule(keep_unsynced=st.booleans())
    def power_cut(self, keep_unsynced: bool) -> None:
        self.files = self.files.crash(keep_unsynced)
        self.spool = start(self.files, self.index)

    @precondition(lambda self: self.committed)
    @rule(data=st.data())
    def flip_a_bit_and_read(self, data: st.DataObject) -> None:
        recording, chunk = data.draw(st.sampled_from(sorted(self.committed)))
        if self.index.get(recording).state != "held":
            return
        given = next(one for one in SAMPLES if one.recording == recording)
        file = self.files.open(f"recordings/{recording.hex()}/chunks", writable=True)
        file.write_at(given.manifest.chunks[chunk].offset + 33, b"\x00\x00\x00\x00")
        with pytest.raises(Exception, match=f"chunk {chunk}"):
            content_of(self.spool, given)
        self.committed.discard((recording, chunk))

    @invariant()
    def what_is_committed_is_not_asked_for_again(self) -> None:
        for given in self.accepted:
            missing = {piece.chunk for piece in self.spool.missing(given.recording)}
            committed = {chunk for recording, chunk in self.committed if recording == given.recording}
            assert missing == set(range(6)) - committed

    @invariant()
    def space_is_accounted_for(self) -> None:
        storage = self.spool.storage()
        assert storage.used_bytes + storage.reserved_bytes == sum(len(given.chunks) for given in self.accepted)

    def teardown(self) -> None:
        self.commit()
        for given in self.accepted:
            for _ in range(2):  # the second round fetches what a spoilt piece, taken earlier, made wrong
                for _, offset, length in self.spool.missing(given.recording):
                    self.send(given, offset, length)
                self.commit()
            assert content_of(self.spool, given) == given.content
            assert self.index.get(given.recording).state == "held"
        assert Ledger(self.index).verify().holds
        self.index.close()

    def send(self, given: Sample, start_byte: int, length: int) -> None:
        start_byte = min(start_byte, len(given.chunks) - 1)
        self.spool.write(given.recording, start_byte, given.chunks[start_byte : start_byte + length])


TestSpoolMachine = pytest.mark.req("LINK-05")(SpoolMachine.TestCase)
TestSpoolMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, print_blob=True)


def life(files: Files, index: Index, given: Sample) -> None:
    """From docking to an emptied spool, as a controller does it; every step may be a repetition."""
    spool = start(files, index)
    journey = Journey(index, wall_ms)
    accept(spool, given)
    for number, (_, offset, length) in enumerate(spool.missing(given.recording)):
        spool.write(given.recording, offset, given.chunks[offset : offset + length])
        if number % 2:
            spool.commit()
    spool.commit()
    if index.get(given.recording).state in ("held", "delivering"):
        journey.start_delivery(given.recording, "container")
        assert content_of(spool, given) == given.content
        journey.delivered(given.recording, "memory", [])
    if index.get(given.recording).state != "erased":
        journey.erased(given.recording, journey.authorise_erase(given.recording).counter)
    spool.remove(given.recording)


def changes_of_a_life() -> int:
    counting = PowerCutFiles(MemoryFiles())
    index = open_index(":memory:")
    life(counting, index, SAMPLES[0])
    index.close()
    return counting.changes


@pytest.mark.req("LINK-05", "CTRL-09")
@pytest.mark.parametrize("keep_unsynced", [False, True])
def test_power_cut_before_every_change_of_the_medium(keep_unsynced: bool) -> None:
    total = changes_of_a_life()
    assert total > 20
    for cut in range(total):
        index = open_index(":memory:")
        medium = MemoryFiles()
        with pytest.raises(PowerCut):
            life(PowerCutFiles(medium, cut_before=cut), index, SAMPLES[0])
        after = medium.crash(keep_unsynced)
        rows = index.recordings()
        committed = index.committed_chunks(SAMPLES[0].recording) if rows else []
        survivor = start(after, index)
        if rows and rows[0].state == "offloading":
            assert [piece.chunk for piece in survivor.missing(SAMPLES[0].recording)] == [
                chunk for chunk in range(6) if chunk not in committed
            ], f"cut before change {cut}"
        life(after, index, SAMPLES[0])
        assert index.get(SAMPLES[0].recording).state == "erased", f"cut before change {cut}"
        assert after.list_folder("recordings") == [], f"cut before change {cut}"
        assert Ledger(index).verify().holds
        index.close()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@for_any(order=st.permutations(range(12)), piece_bytes=st.integers(20, 500))
def test_any_order_of_pieces_gives_the_same_content(order: list[int], piece_bytes: int) -> None:
    one = SAMPLES[0]
    index = open_index(":memory:")
    spool = start(MemoryFiles(), index)
    accept(spool, one)
    starts = list(range(0, len(one.chunks), piece_bytes))
    for place in (*order, *range(len(starts))):
        begin = starts[place % len(starts)]
        spool.write(one.recording, begin, one.chunks[begin : begin + piece_bytes])
    assert spool.commit().held == [one.recording]
    assert content_of(spool, one) == one.content
    index.close()
