"""The sensor port on a Raspberry Pi: picamera2 and its hardware encoder, which are imported when a recording starts.

Law: the encoder's thread only puts pictures into a bounded queue; everything else happens in ``poll``. What is not
there yet: sound, and the overlay in the picture (the manifest has what the overlay would say).
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from firmware.platform.linux.fragments import FragmentMuxer, Picture
from firmware.ports.errors import SensorFault
from firmware.ports.sensor import FRAGMENT_END, Fragment, Sensor, SensorSettings

QUEUE_SECONDS_MAX = 4  # of pictures that wait for a busy card; at 9 Mbit/s that is 4.5 MB

Take = Callable[[Picture], None]
# Starts a camera that gives its pictures to ``Take`` until the function that it returns is called.
StartCamera = Callable[[SensorSettings, Take], Callable[[], None]]


def start_picamera(settings: SensorSettings, take: Take) -> "Callable[[], None]":
    """The camera on the board's CSI connector. SensorFault if the software or the camera is not there."""
    try:
        from picamera2 import Picamera2  # pyright: ignore[reportMissingImports]
        from picamera2.encoders import H264Encoder  # pyright: ignore[reportMissingImports]
        from picamera2.outputs import Output  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise SensorFault("no camera software: apt install python3-picamera2 --no-install-recommends") from None

    class Pictures(Output):  # pyright: ignore[reportUntypedBaseClass]
        """Where picamera2 puts what it has encoded."""

        def outputframe(
            self, frame: bytes, keyframe: bool = True, timestamp: Any = None, packet: Any = None, audio: bool = False
        ) -> None:
            if not audio:
                take(Picture(bytes(frame), keyframe, int(timestamp or 0)))

    try:
        camera: Any = Picamera2()
        size = (settings.width_px, settings.height_px)
        rate = settings.frames_per_second
        camera.configure(
            camera.create_video_configuration(main={"size": size, "format": "YUV420"}, controls={"FrameRate": rate})
        )
        # Parameter sets before every key frame, one key frame a second: each group of pictures stands alone.
        encoder = H264Encoder(bitrate=settings.bit_rate_bps, repeat=True, iperiod=rate, framerate=rate)
        camera.start_recording(encoder, Pictures())
    except (RuntimeError, IndexError, OSError) as error:
        raise SensorFault(f"the camera does not start: {' '.join(str(error).split())}; see `rpicam-hello`") from None

    def stop() -> None:
        camera.stop_recording()
        camera.close()

    return stop


class CameraSensor(Sensor):
    """``wake`` is called from the encoder's thread when ``poll`` may have something."""

    def __init__(self, wake: "Callable[[], None]" = lambda: None, start_camera: StartCamera = start_picamera) -> None:
        self._wake = wake
        self._start_camera = start_camera
        self._lock = threading.Lock()
        self._pictures: deque[Picture] = deque()
        self._pictures_max = 0
        self._lost = 0
        self._stop_camera: Callable[[], None] | None = None
        self._muxer: FragmentMuxer | None = None

    def start(self, settings: SensorSettings) -> None:
        """See Sensor."""
        if self._muxer is not None:
            raise SensorFault("the sensor is recording already: stop it and poll until FRAGMENT_END first")
        self._pictures.clear()
        self._lost = 0
        self._pictures_max = QUEUE_SECONDS_MAX * settings.frames_per_second
        self._stop_camera = self._start_camera(settings, self._take)
        self._muxer = FragmentMuxer(settings.frames_per_second)

    def stop(self) -> None:
        """See Sensor."""
        if self._stop_camera is not None:
            stop, self._stop_camera = self._stop_camera, None
            stop()

    def poll(self) -> "Fragment | None":
        """See Sensor."""
        if self._muxer is None:
            return None
        stopped = self._stop_camera is None
        try:
            self._feed(self._muxer)
            if stopped:
                self._muxer.end()
        except SensorFault:
            self._muxer = None
            self.stop()
            raise
        fragment = self._muxer.poll()
        if fragment is not None and fragment.kind == FRAGMENT_END:
            self._muxer = None
        return fragment

    def _feed(self, muxer: FragmentMuxer) -> None:
        with self._lock:
            pictures = list(self._pictures)
            self._pictures.clear()
            lost, self._lost = self._lost, 0
        if lost:
            raise SensorFault(f"{lost} pictures were lost: nobody took them for {QUEUE_SECONDS_MAX} s")
        for picture in pictures:
            muxer.add(picture)

    def _take(self, picture: Picture) -> None:
        with self._lock:
            if len(self._pictures) < self._pictures_max:
                self._pictures.append(picture)
            else:
                self._lost += 1
        self._wake()
