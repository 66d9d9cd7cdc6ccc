"""What the demo shows while it runs: one progress bar a camera."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from host_tools.controller.happenings import Happening

STEPS_RECORDING_HZ = 10


@dataclass(frozen=True)
class Rates:
    """Offload speeds in MB/s (10**6 bytes): by camera, and of all together."""

    by_camera: dict[str, float]
    total: float


class DemoView:
    """A context manager: bars are drawn inside it."""

    def __init__(self, console: Console, cameras: int) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("[bold]{task.fields[camera]}"),
            BarColumn(bar_width=36),
            TextColumn("{task.fields[stage]}"),
            console=console,
            transient=False,
        )
        self._bars: dict[str, TaskID] = {}
        for number in range(1, cameras + 1):
            self._bar(f"CAM-{number:04}")
        self._bytes: dict[str, int] = {}
        self._rates: dict[str, float] = {}
        self._first_s = 0.0
        self._last_s = 0.0

    def __enter__(self) -> DemoView:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def recording(self, camera: str, seconds: float) -> None:
        """A camera records from now on, for that long."""
        self._show(camera, f"recording {seconds:.0f} s of H.264 video, undocked", total=None, completed=0)

    def note(self, camera: str, stage: str) -> None:
        """A camera is doing something else."""
        self._show(camera, stage)

    def rates(self) -> Rates:
        """What the offload achieved."""
        seconds = self._last_s - self._first_s
        total = sum(self._bytes.values()) / seconds / 1e6 if seconds > 0 else 0.0
        return Rates(dict(self._rates), total)

    def take(self, happening: Happening) -> None:
        """Something happened in the controller."""
        what, camera = happening["what"], happening.get("camera", "")
        if what == "stranger":
            self._show(camera, happening["text"].partition(": ")[2])
        elif what == "added":
            self._show(camera, "added: it has a certificate of this system")
        elif what == "docked" and happening.get("bay"):
            self._show(camera, f"docked in bay {happening['bay']}, identified")
        elif what == "camera_ready":
            self._show(camera, f"assigned to {happening['wearer'] or 'nobody'}, contacts checked")
        elif what == "offload_started":
            self._first_s = self._first_s or time.monotonic()
            self._show(camera, "offloading", total=happening["bytes_whole"], completed=0)
        elif what == "progress":
            self._show(camera, "offloading", completed=happening["bytes_here"])
        elif what == "offloaded":
            self._last_s = time.monotonic()
            self._bytes[camera] = self._bytes.get(camera, 0) + happening["bytes_whole"]
            self._rates[camera] = happening["mb_per_s"]
            self._show(camera, f"held, every chunk verified ({happening['mb_per_s']:.1f} MB/s)",
                       completed=happening["bytes_whole"])  # fmt: skip
        elif what == "delivered":
            self._show(camera, f"delivered as {happening['container']}")
        elif what == "erased":
            self._show(camera, "[green]delivered, then erased from the camera")

    def _show(self, camera: str, stage: str, total: float | None = -1, completed: float | None = None) -> None:
        bar = self._bar(camera)
        if total != -1:
            self._progress.reset(bar, total=total, start=total is not None)
        self._progress.update(bar, stage=stage, completed=completed)

    def _bar(self, camera: str) -> TaskID:
        if camera not in self._bars:
            self._bars[camera] = self._progress.add_task("", total=1, camera=camera, stage="waiting", start=False)
        return self._bars[camera]
