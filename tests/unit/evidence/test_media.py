"""Clip inspection: whole clips pass, damage is seen, and what is no video gets one clear line."""

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from host_tools.evidence.media import ClipError, ClipReport, inspect_clip
from tests.patience import LIMIT_S

ROOT = Path(__file__).parents[3]
FRAGMENTED = "frag_keyframe+empty_moov+default_base_moof+skip_trailer"
MakeClip = Callable[..., Path]

pytestmark = pytest.mark.req("DEST-11")


def write_clip(
    path: Path, frames: int, audio: bool, fragmented: bool, width_px: int = 160, height_px: int = 96
) -> Path:
    """H.264 at 25 frames a second, a key frame each second, with texture so that damage cannot hide."""
    noise = np.random.default_rng(1).integers(16, 235, (height_px * 3 // 2, width_px), dtype=np.uint8)
    options = {"movflags": FRAGMENTED} if fragmented else {}
    with av.open(str(path), "w", options=options) as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": "25", "bf": "0"})
        video.width, video.height, video.pix_fmt = width_px, height_px, "yuv420p"
        sound = container.add_stream("aac", rate=48_000) if audio else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, number, axis=1), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            silence = np.zeros((1, 48_000 * frames // 25 * 2), np.int16)
            tone = av.AudioFrame.from_ndarray(silence, format="s16", layout="stereo")
            tone.sample_rate, tone.pts = 48_000, 1024  # so that AAC's run-up moves nothing
            container.mux(sound.encode(tone))
            container.mux(sound.encode(None))
    return path


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    def make(name: str = "clip.mp4", frames: int = 60, audio: bool = True, fragmented: bool = True) -> Path:
        return write_clip(tmp_path / name, frames, audio, fragmented)

    return make


@pytest.mark.parametrize("fragmented", [True, False])
@pytest.mark.parametrize("name", ["clip.mp4", "clip: odd & ünïcode.mp4"])
def test_a_whole_clip_is_described(make_clip: MakeClip, name: str, fragmented: bool) -> None:
    report = inspect_clip(make_clip(name, fragmented=fragmented))
    assert report.audio_ms == pytest.approx(2400, abs=45)
    assert report == ClipReport(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration_ms=2400,
        frames=60,
        width_px=160,
        height_px=96,
        frames_per_second=25.0,
        video_codec="h264",
        audio_codec="aac",
        audio_ms=report.audio_ms,
        decode_errors=0,
    )
    assert report.audio


def test_other_containers_and_silent_clips(make_clip: MakeClip) -> None:
    report = inspect_clip(make_clip("clip.mkv", audio=False, fragmented=False))
    assert (report.container, report.frames, report.audio, report.audio_ms) == ("matroska,webm", 60, False, 0)


@pytest.mark.req("CAM-19")
def test_a_clip_cut_between_fragments_is_whole_and_one_cut_inside_is_not(make_clip: MakeClip) -> None:
    path = make_clip(frames=75)
    data = path.read_bytes()
    second = data.index(b"moof", data.index(b"moof") + 4) - 4
    path.write_bytes(data[:second])
    report = inspect_clip(path)
    assert (report.frames, report.duration_ms, report.decode_errors) == (25, 1000, 0)
    path.write_bytes(data[: second + (len(data) - second) // 3])
    report = inspect_clip(path)
    assert 25 < report.frames < 75
    assert report.decode_errors > 0


def test_damage_inside_a_picture_is_seen(make_clip: MakeClip) -> None:
    path = make_clip()
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + 40_000
    data[middle : middle + 4000] = bytes(4000)
    path.write_bytes(data)
    report = inspect_clip(path)
    assert report.decode_errors > 0


@pytest.mark.parametrize(
    "name", ["missing.mp4", "folder", "notes.txt", "notes.mp4", "empty.mp4", "noise.mp4", "list.m3u8"]
)
def test_what_is_no_video_gets_one_clear_line(make_clip: MakeClip, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    contents = {
        "notes.txt": b"no video\n" * 200,
        "notes.mp4": b"no video\n" * 200,
        "empty.mp4": b"",
        "noise.mp4": np.random.default_rng(2).bytes(50_000),
        "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nclip.mp4\n#EXT-X-ENDLIST\n",
    }
    make_clip("clip.mp4")
    if name == "folder":
        path.mkdir()
    elif name in contents:
        path.write_bytes(contents[name])
    with pytest.raises(ClipError) as caught:
        inspect_clip(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert "; " in str(caught.value), "the remedy follows"


def test_a_clip_without_any_picture_is_no_clip(make_clip: MakeClip) -> None:
    path = make_clip()
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moof") - 4])
    with pytest.raises(ClipError, match="none of its pictures can be decoded; fetch the file again"):
        inspect_clip(path)


def test_memory_does_not_grow_with_the_clip(tmp_path: Path) -> None:
    """Frames of this clip would take 240 MiB if they were kept."""
    path = write_clip(tmp_path / "long.mp4", 250, audio=True, fragmented=True, width_px=960, height_px=704)
    program = (
        "import sys; from pathlib import Path; from host_tools.evidence.media import inspect_clip;"
        "report = inspect_clip(Path(sys.argv[1])); assert report.frames == 250;"
        "print(*[line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    assert int(ended.stdout) < 160 << 10, "KiB"


def test_the_extra_is_named_where_it_is_missing(make_clip: MakeClip) -> None:
    """A Python without its site-packages really has no PyAV."""
    program = "from host_tools.evidence.media import *; import sys; inspect_clip(Path(sys.argv[1]))"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", program, str(make_clip())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines()[-1].endswith("cannot be inspected without PyAV: install openbwc[video]")
