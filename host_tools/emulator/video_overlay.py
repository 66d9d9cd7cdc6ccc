"""What is burnt into every picture: the clock above, wearer and camera below, light text on dark bands.

Law: draws on the luma and chroma planes of an I420 picture and knows nothing of scenes or encoders. Text is drawn by
Pillow once; a frame only pastes the characters of the clock that have changed.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from firmware.ports.sensor import SensorSettings
from host_tools.emulator import scene_planes as planes

Mask = NDArray[np.uint16]  # how much of a pixel is text, 0 to 256

TEXT_SHARE = 1 / 25  # height of text by height of the picture: legible, and little is covered
TEXT_PX_MIN = 10  # below this the font has no readable shapes
LUMA_TEXT = 235  # white, limited range
CLOCK_CHARACTERS = "0123456789-:.+# T"
JOINER = "   "  # between overlay lines


class Overlay:
    """Burns clock and lines into the pictures of one recording."""

    def __init__(self, settings: SensorSettings, utc_offset_min: int = 0) -> None:
        self._settings = settings
        self._zone = timezone(timedelta(minutes=utc_offset_min)) if utc_offset_min else UTC
        size_px = max(TEXT_PX_MIN, round(settings.height_px * TEXT_SHARE))
        self._font = ImageFont.load_default(size_px)
        self._band_px = size_px * 3 // 2 // 2 * 2
        self._margin_px = size_px // 2
        self._line = self._text_mask(fitting(joined(settings.overlay), self._room_px(), self._font))
        self._clock = _Clock(self._font, self._band_px)

    def draw(self, picture: planes.Plane, index: int) -> None:
        """Burn in what belongs to that frame."""
        settings = self._settings
        parts = planes.split(picture, settings.width_px, settings.height_px)
        half = self._band_px // 2
        _darken(parts.y[: self._band_px], parts.u[:half], parts.v[:half])
        _lighten(parts.y[: self._band_px, self._margin_px :], self._clock.mask(self.clock_text(index)))
        if settings.overlay:
            _darken(parts.y[-self._band_px :], parts.u[-half:], parts.v[-half:])
            _lighten(parts.y[-self._band_px :, self._margin_px :], self._line)

    def clock_text(self, index: int) -> str:
        """Wall time with its UTC offset and the frame's number; time since the start where the wall time is unknown."""
        settings = self._settings
        passed_ms = index * 1000 // settings.frames_per_second
        if settings.unix_ms == 0:
            minutes, ms = divmod(passed_ms, 60_000)
            hours, minutes = divmod(minutes, 60)
            return f"T+{hours:02}:{minutes:02}:{ms // 1000:02}.{ms % 1000:03}  #{index:06}"
        seconds, ms = divmod(settings.unix_ms + passed_ms, 1000)
        wall = datetime.fromtimestamp(seconds, self._zone)
        offset = wall.strftime("%z")
        return f"{wall:%Y-%m-%d %H:%M:%S}.{ms:03} {offset[:3]}:{offset[3:5]}  #{index:06}"

    def _room_px(self) -> int:
        return self._settings.width_px - 2 * self._margin_px

    def _text_mask(self, text: str) -> Mask:
        width_px = max(1, min(self._room_px(), round(self._font.getlength(text))))
        return drawn(text, self._font, width_px, self._band_px)


class _Clock:
    """The clock's characters, each in a cell of its own so that digits keep their places."""

    def __init__(self, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, band_px: int) -> None:
        digit_px = max(round(font.getlength(digit)) for digit in "0123456789")
        self._glyphs: dict[str, Mask] = {}
        for character in CLOCK_CHARACTERS:
            width_px = digit_px if character.isdigit() else max(2, round(font.getlength(character)))
            self._glyphs[character] = drawn(character, font, width_px, band_px)
        self._text = ""
        self._mask: Mask = np.zeros((band_px, 0), np.uint16)

    def mask(self, text: str) -> Mask:
        """The mask of the whole text."""
        if len(text) != len(self._text):
            self._mask = np.concatenate([self._glyphs[character] for character in text], axis=1)
        else:
            self._change(text)
        self._text = text
        return self._mask

    def _change(self, text: str) -> None:
        left = 0
        for old, new in zip(self._text, text, strict=True):
            glyph = self._glyphs[new]
            if old != new:
                self._mask[:, left : left + glyph.shape[1]] = glyph
            left += glyph.shape[1]


def drawn(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int, height_px: int) -> Mask:
    """The mask of a text, in the middle of its height."""
    image = Image.new("L", (width_px, height_px))
    ImageDraw.Draw(image).text((0, height_px / 2), text, fill=255, font=font, anchor="lm")
    mask: Mask = np.asarray(image, dtype=np.uint16)
    return mask + (mask >> np.uint16(7))  # 255 becomes 256, so that full text is the text colour


def joined(lines: tuple[str, ...]) -> str:
    """The lines in one, without characters that a line cannot have."""
    return JOINER.join(" ".join(line.split()) for line in lines)


def fitting(text: str, room_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """The text, or as much of it as fits with three points at the end."""
    if font.getlength(text) <= room_px:
        return text

    def length_px(count: int) -> float:
        return font.getlength(text[:count] + "...")

    return text[: max(0, bisect_right(range(len(text)), room_px, key=length_px) - 1)] + "..."


def _darken(luma: planes.Plane, u: planes.Plane, v: planes.Plane) -> None:
    luma >>= 2
    luma += 12
    for chroma in (u, v):
        chroma >>= 2
        chroma += 96


def _lighten(luma: planes.Plane, mask: Mask) -> None:
    room = luma[:, : mask.shape[1]]
    mask = mask[:, : room.shape[1]]
    room[:] = (room * (256 - mask) + LUMA_TEXT * mask) >> 8
