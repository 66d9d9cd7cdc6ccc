"""Brings pictures of any size and shape to the camera's: upright, scaled to cover, the middle cut out.

Law: pure; FFmpeg scales, numpy cuts.
"""

from __future__ import annotations

import math

import av
import numpy as np

from host_tools.emulator import scene_planes as planes


def fitted(frame: av.VideoFrame, width_px: int, height_px: int, pixel_aspect: float = 1.0) -> planes.Plane:
    """The frame as an I420 picture of exactly that size. ``pixel_aspect``: width of a source pixel by its height."""
    turns = round(frame.rotation / 90) % 4
    across, down = (height_px, width_px) if turns % 2 else (width_px, height_px)
    scale = max(across / (frame.width * pixel_aspect), down / frame.height)
    wide = _even_up(frame.width * pixel_aspect * scale, across)
    high = _even_up(frame.height * scale, down)
    scaled = frame.reformat(width=wide, height=high, format="yuv420p", dst_color_range="MPEG").to_ndarray()
    source = planes.split(np.ascontiguousarray(scaled, dtype=np.uint8), wide, high)
    picture = planes.blank(width_px, height_px)
    for whole, target, step in zip(source, planes.split(picture, width_px, height_px), (1, 2, 2), strict=True):
        left, top = (wide - across) // 4 * 2 // step, (high - down) // 4 * 2 // step
        middle = whole[top : top + down // step, left : left + across // step]
        target[:] = np.rot90(middle, turns)
    return picture


def _even_up(value: float, least: int) -> int:
    return max(least, math.ceil(value / 2 - 1e-6) * 2)
