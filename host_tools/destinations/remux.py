"""MP4 clips for a destination that wants MKV: the same coded pictures in another container, nothing encoded anew.

Law: a wrapper around a destination. The clip passes through twice, once to learn how long it becomes and once to be
sent, so that it is never whole in memory and never in the clear on a disk; it is written the same way each time. What
is signed inside the video stays as it was; that other bytes were stored shows in the receipt, for the ledger. PyAV
comes with the extra ``openbwc[video]``, and blocks a worker for as long as a clip takes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from host_tools.custody.blocking import Buffer, RunBlocking
from host_tools.destinations.encryption import StoredReceipt
from host_tools.destinations.interface import (
    Destination,
    DestinationRefused,
    DestinationUnavailable,
    Metadata,
    Receipt,
    Source,
)
from host_tools.destinations.receiving import Intake, reading
from host_tools.destinations.wrappers import Wrapper

if TYPE_CHECKING:
    from av.container import InputContainer

FROM_END, TO_END = ".mp4", ".mkv"
READ_BYTES = 1 << 20  # what FFmpeg is given at most at once
PIECES_WAITING_MAX = 4  # of output, between the worker and the network
OPTIONS = {"fflags": "+bitexact"}  # no random identities, no dates: the same bytes each time


class Remuxing(Wrapper):
    """``run_blocking`` must run in a thread: the loop feeds the worker while it works."""

    def __init__(self, inner: Destination, run_blocking: RunBlocking) -> None:
        super().__init__(inner)
        self._run_blocking = run_blocking

    async def put_object(
        self, container: str, name: str, source: Source, length_bytes: int, metadata: Metadata
    ) -> Receipt:
        """See Destination: an MP4 clip goes as ``<name>.mkv``, everything else as it is. A source that can be read only
        once is refused."""
        if not name.endswith(FROM_END):
            return await self._inner.put_object(container, name, source, length_bytes, metadata)
        if find_spec("av") is None:
            raise DestinationUnavailable("this destination wants mkv: install openbwc[video] on the controller")
        if isinstance(source, AsyncIterator):
            raise DestinationRefused(f"object {name}: its source can be read only once and mkv needs it twice")
        remuxed = _Remuxed(source, name, length_bytes, self._run_blocking)
        stored_bytes, digest = 0, hashlib.sha256()
        async for piece in remuxed:
            stored_bytes += len(piece)
            digest.update(piece)
        about = {key: ("mkv" if key.lower() == "containertype" else value) for key, value in metadata.items()}
        stored_name = name.removesuffix(FROM_END) + TO_END
        stored = await self._inner.put_object(container, stored_name, remuxed, stored_bytes, about)
        if stored.sha256 != digest.hexdigest():
            raise DestinationUnavailable(f"object {name}: became other bytes the second time: it is sent again")
        given = remuxed.receipt()
        if isinstance(stored, StoredReceipt):  # encrypted behind us
            kept_sha256, kept_bytes = stored.stored_sha256, stored.stored_bytes
        else:
            kept_sha256, kept_bytes = stored.sha256, stored.length_bytes
        return StoredReceipt(stored.etag, given.sha256, given.length_bytes, stored_name, kept_sha256, kept_bytes)


class _Remuxed:
    """A source in another container; each start begins again."""

    def __init__(self, source: Source, name: str, length_bytes: int, run_blocking: RunBlocking) -> None:
        self._source = source
        self._name = name
        self._length_bytes = length_bytes
        self._run_blocking = run_blocking
        self._intake = Intake(name, length_bytes)

    def receipt(self) -> Receipt:
        """What was given, of the last start. SourceMismatch."""
        return self._intake.receipt()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._intake = Intake(self._name, self._length_bytes)
        async with reading(self._source) as pieces:
            pipe = _Pipe(pieces, self._intake)
            work = asyncio.ensure_future(self._run_blocking(lambda: _remux(pipe, self._name)))
            try:
                while (piece := await pipe.next(work)) is not None:
                    yield piece
                await work
            except BaseException:
                if pipe.fault is not None:
                    raise pipe.fault from None  # the source's own word, not what FFmpeg makes of it
                raise
            finally:
                await pipe.stop(work)
            async for piece in pieces:  # what follows the last packet belongs to the clip too
                self._intake.feed(piece)
        self._intake.receipt()


class _Stopped(Exception):
    """The worker is not wanted any more."""


class _Pipe:
    """Between the loop and the worker. ``read`` and ``write`` are the worker's, and block; no seeking in either."""

    def __init__(self, pieces: AsyncIterator[Buffer], intake: Intake) -> None:
        self.fault: Exception | None = None
        self._pieces = pieces
        self._intake = intake
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(PIECES_WAITING_MAX)
        self._left = b""
        self._is_stopped = False

    async def next(self, work: asyncio.Future[None]) -> bytes | None:
        """A piece of output; None when the worker has ended and all was taken."""
        if self._waiting.empty() and not work.done():
            getting = asyncio.ensure_future(self._waiting.get())
            try:
                await asyncio.wait({getting, work}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not getting.done():
                    getting.cancel()
            if getting.done() and not getting.cancelled():
                return getting.result()
        return None if self._waiting.empty() else self._waiting.get_nowait()

    async def stop(self, work: asyncio.Future[None]) -> None:
        """Return when the worker has ended."""
        self._is_stopped = True
        while await self.next(work) is not None or not work.done():
            continue
        if not work.cancelled():
            work.exception()

    def read(self, count: int) -> bytes:
        """For FFmpeg: up to ``count`` bytes, none at the end."""
        if not self._left:
            self._left = self._call(self._take())
        part, self._left = self._left[:count], self._left[count:]
        return part

    def write(self, data: Buffer) -> int:
        """From FFmpeg."""
        self._call(self._waiting.put(bytes(data)))
        return len(data)

    def _call(self, coroutine: Any) -> Any:
        if self._is_stopped:
            coroutine.close()
            raise _Stopped
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _take(self) -> bytes:
        try:
            piece = await anext(self._pieces, None)
            if piece is None:
                return b""
            self._intake.feed(piece)
        except Exception as error:
            self.fault = error
            raise
        return bytes(piece)


def _remux(pipe: _Pipe, name: str) -> None:
    """In the worker: every packet of every stream, in order, into a new container."""
    import av
    from av.error import FFmpegError

    ends: Any = pipe
    try:
        with (
            av.open(ends, mode="r", format="mp4", buffer_size=READ_BYTES) as given,
            av.open(ends, mode="w", format="matroska", options=OPTIONS, buffer_size=READ_BYTES) as made,
        ):
            streams = {stream.index: made.add_stream_from_template(cast("Any", stream)) for stream in given.streams}
            for packet in cast("InputContainer", given).demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    made.mux(packet)
    except _Stopped:
        return
    except FFmpegError as error:
        raise DestinationRefused(f"object {name}: cannot become mkv ({error.strerror}): download it instead") from error
