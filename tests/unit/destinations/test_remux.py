"""MP4 becomes MKV on its way: the same packets, the same bytes each time, and faults of the source come through."""

import asyncio
import hashlib
from pathlib import Path

import av
import pytest

from host_tools.custody.blocking import run_in_thread
from host_tools.destinations.encryption import StoredReceipt
from host_tools.destinations.interface import DestinationRefused, Receipt, SourceMismatch
from host_tools.destinations.memory import MemoryDestination
from host_tools.destinations.remux import Remuxing
from host_tools.destinations.suite import BOX, CLIP, Pieces
from host_tools.evidence.media import inspect_clip
from tests.unit.evidence.test_media import write_clip

MKV = CLIP.replace("mp4", "mkv")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("remux") / "clip.mp4"
    write_clip(path, 60, True, True)
    return path


def put(source: Pieces, length: int, memory: MemoryDestination | None = None) -> Receipt:
    store = memory or MemoryDestination("mkv")

    async def run() -> Receipt:
        destination = Remuxing(store, run_in_thread)
        await destination.ensure_container(BOX, {})
        return await destination.put_object(
            BOX, CLIP, source, length, {"ContainerType": "mp4", "StartTime": "1767225600"}
        )

    return asyncio.run(run())


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as opened:
        return [bytes(packet) for packet in opened.demux() if packet.dts is not None]


@pytest.mark.req("DEST-02")
def test_the_same_packets_in_another_container(clip: Path, tmp_path: Path):
    content, memory = clip.read_bytes(), MemoryDestination("mkv")
    receipts = [put(Pieces(content), len(content), memory) for _ in range(2)]
    made = asyncio.run(memory.read_object(BOX, MKV))
    (tmp_path / "made.mkv").write_bytes(made)
    before, after = inspect_clip(clip), inspect_clip(tmp_path / "made.mkv")
    assert "matroska" in after.container
    assert (after.frames, after.video_codec, after.audio_codec) == (
        before.frames,
        before.video_codec,
        before.audio_codec,
    )
    assert after.decode_errors == 0
    assert sorted(packets(tmp_path / "made.mkv")) == sorted(packets(clip))
    container = asyncio.run(memory.read_container(BOX))
    assert container is not None
    assert list(container.objects) == [MKV]
    assert container.objects[MKV].metadata == {"ContainerType": "mkv", "StartTime": "1767225600"}
    for receipt in receipts:
        assert isinstance(receipt, StoredReceipt)
        assert receipt == receipts[0]
        assert receipt.sha256 == hashlib.sha256(content).hexdigest()
        assert (receipt.stored_name, receipt.stored_sha256) == (MKV, hashlib.sha256(made).hexdigest())


@pytest.mark.req("CTRL-09")
def test_faults_of_the_source_are_its_own(clip: Path):
    content = clip.read_bytes()
    with pytest.raises(LookupError, match="damaged"):
        put(Pieces(content[: len(content) // 2], fault=LookupError("a chunk is damaged")), len(content))
    with pytest.raises(SourceMismatch):
        put(Pieces(content), len(content) - 1)
    with pytest.raises(SourceMismatch):
        put(Pieces(content), len(content) + 1)
    with pytest.raises(DestinationRefused, match="cannot become mkv"):
        put(Pieces(b"no film at all" * 1000), 14_000)


def test_what_is_no_clip_goes_as_it_is():
    memory = MemoryDestination("mkv")

    async def run() -> None:
        destination = Remuxing(memory, run_in_thread)
        await destination.ensure_container(BOX, {})
        await destination.put_object(BOX, "bookmark_x_1", Pieces(b"note"), 4, {})
        with pytest.raises(DestinationRefused, match="only once"):
            await destination.put_object(BOX, CLIP, aiter(Pieces(b"x")), 1, {})

    asyncio.run(run())
    assert asyncio.run(memory.read_object(BOX, "bookmark_x_1")) == b"note"
