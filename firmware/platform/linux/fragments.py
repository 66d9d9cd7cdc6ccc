"""Pictures that an encoder has made (H.264, Annex B) as fragments of MP4, one for each group of pictures.

Law: no camera here and no clock; PyAV (openbwc[video]) writes the boxes and is imported with this module. A fragment
is ready when the next key frame has come, or at the end.
"""

import io
from collections import deque
from fractions import Fraction
from typing import Any, NamedTuple

import av
from av.error import FFmpegError

from firmware.ports.errors import SensorFault
from firmware.ports.sensor import FRAGMENT_END, FRAGMENT_INIT, FRAGMENT_MEDIA, Fragment

MOV_FLAGS = "frag_keyframe+empty_moov+default_base_moof"
MICROSECONDS = Fraction(1, 1_000_000)
BOX_HEADER_BYTES = 8
INDEX_BOX = b"mfra"


class Picture(NamedTuple):
    """``data``: one access unit; a key frame brings its parameter sets with it. ``at_us``: from any zero."""

    data: bytes
    is_key: bool
    at_us: int


class _Sink(io.RawIOBase):
    """What the muxer writes, taken away piece by piece. It cannot be sought in, so nothing is ever gone back to."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


class FragmentMuxer:
    """One recording: pictures in, fragments out."""

    def __init__(self, frames_per_second: int) -> None:
        self._frame_us = 1_000_000 // frames_per_second
        self._sink = _Sink()
        self._container: Any = None
        self._stream: Any = None
        self._ready: deque[Fragment] = deque()
        self._ended = False
        self._frames = 0
        self._group_us = 0
        self._zero_us = 0
        self._last_us = -1

    def add(self, picture: Picture) -> None:
        """The next picture. Those before the first key frame show nothing and are left out. SensorFault for one that
        goes back in time, or bytes that are no H.264."""
        try:
            if self._container is None:
                if not picture.is_key:
                    return
                self._begin(picture)
            at_us = picture.at_us - self._zero_us
            if at_us <= self._last_us:
                raise SensorFault(f"the encoder goes back in time, from {self._last_us} to {at_us} us")
            self._mux(picture, at_us)
            if picture.is_key and self._frames:
                self._finish_group(at_us)
            self._frames += 1
            self._last_us = at_us
        except FFmpegError as error:
            raise SensorFault(f"the pictures cannot be put into MP4: {' '.join(str(error).split())}") from None

    def end(self) -> None:
        """There are no more pictures. Said twice, it is heard once."""
        if self._ended:
            return
        self._ended = True
        if self._container is not None:
            self._container.close()
            self._finish_group(self._last_us + self._frame_us)
        self._ready.append(Fragment(FRAGMENT_END, b"", 0, 0, 0))

    def poll(self) -> Fragment | None:
        """The next fragment that is ready."""
        return self._ready.popleft() if self._ready else None

    def _begin(self, first: Picture) -> None:
        self._zero_us = first.at_us
        with av.open(io.BytesIO(first.data), format="h264") as probe:
            self._container = av.open(self._sink, "w", format="mp4", options={"movflags": MOV_FLAGS})
            self._stream = self._container.add_stream_from_template(probe.streams.video[0])
            self._stream.time_base = MICROSECONDS
            self._container.start_encoding()
        self._ready.append(Fragment(FRAGMENT_INIT, self._sink.take(), 0, 0, 0))

    def _mux(self, picture: Picture, at_us: int) -> None:
        packet = av.Packet(picture.data)
        packet.stream = self._stream
        packet.time_base = MICROSECONDS
        packet.pts = packet.dts = at_us
        packet.duration = self._frame_us
        packet.is_keyframe = picture.is_key
        self._container.mux_one(packet)

    def _finish_group(self, end_us: int) -> None:
        """What the muxer has written by now is the group before ``end_us``."""
        start_ms = self._group_us // 1000
        data = media_boxes(self._sink.take())
        self._ready.append(Fragment(FRAGMENT_MEDIA, data, start_ms, end_us // 1000 - start_ms, self._frames))
        self._group_us = end_us
        self._frames = 0


def media_boxes(data: bytes) -> bytes:
    """Without the index that a closed file gets at its end: it would come once, and each fragment has its own."""
    at = 0
    while at + BOX_HEADER_BYTES <= len(data):
        if data[at + 4 : at + 8] == INDEX_BOX:
            return data[:at]
        at += int.from_bytes(data[at : at + 4], "big")
    return data
