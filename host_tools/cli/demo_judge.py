"""Judges what arrived: bytes against the emulator's own witness, pictures by decoding every one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from host_tools.cli.demo_view import Rates
from host_tools.cli.show import plain_table, print_whole
from host_tools.custody.index import Recording
from host_tools.evidence.media import ClipReport, inspect_clip

FRAGMENT_MS = 1_000  # the most that a clip may be shorter than what was recorded
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Arrival:
    """One delivered recording. ``wrong``: what does not hold, empty if all does."""

    row: Recording
    path: Path
    clip: ClipReport
    wrong: str

    @property
    def is_right(self) -> bool:
        """Whether bytes and pictures are those that were recorded."""
        return not self.wrong


def judge(row: Recording, destination: Path, truth: list[dict[str, Any]]) -> Arrival:
    """Compare a delivered clip with what the encoder handed to the camera."""
    path = next((destination / row.container).glob("*.mp4"))
    digest = _sha256(path)
    witness = next((line for line in truth if line["sha256"] == digest), None)
    clip = inspect_clip(path)
    return Arrival(row, path, clip, _wrong(row, clip, witness))


def print_arrivals(console: Console, arrivals: list[Arrival], rates: Rates) -> None:
    """A table of what arrived, and how fast."""
    columns = ("Camera", "Wearer", "Length", "Pictures", "Size", "Offload", "As recorded")
    table = plain_table("Arrived at the destination", columns, columns[:-1])
    for arrival in sorted(arrivals, key=lambda arrival: arrival.row.camera_serial):
        clip, row = arrival.clip, arrival.row
        table.add_row(
            row.camera_serial,
            row.wearer_name,
            f"{clip.duration_ms / 1000:.1f} s",
            str(clip.frames),
            f"{arrival.path.stat().st_size / 1e6:.1f} MB",
            f"{rates.by_camera.get(row.camera_serial, 0):.1f} MB/s",
            Text(arrival.wrong, style="red") if arrival.wrong else Text("whole", style="green"),
        )
    print_whole(console, table)
    console.print("\nwhole: every byte and every picture as it was recorded", highlight=False)
    for form in sorted({_form(arrival.clip) for arrival in arrivals}):
        console.print(form, highlight=False)
    console.print(f"offload in total: {rates.total:.1f} MB/s", highlight=False)
    for arrival in arrivals:
        console.print(f"  {arrival.path}", soft_wrap=True, highlight=False)


def _form(clip: ClipReport) -> str:
    sound = f" with {clip.audio_codec}" if clip.audio_codec else ""
    return f"pictures of {clip.width_px}x{clip.height_px} in {clip.video_codec}{sound}"


def _wrong(row: Recording, clip: ClipReport, witness: dict[str, Any] | None) -> str:
    if witness is None:
        return "its bytes are not those that the camera's encoder made"
    if witness["camera"] != row.camera_serial:
        return f"it was recorded by {witness['camera']}"
    if clip.decode_errors or clip.frames != witness["frames"]:
        return f"{clip.frames} of {witness['frames']} pictures decode, {clip.decode_errors} errors"
    if abs(clip.duration_ms - witness["duration_ms"]) > FRAGMENT_MS:
        return f"{clip.duration_ms} ms play, {witness['duration_ms']} ms were recorded"
    return ""


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
