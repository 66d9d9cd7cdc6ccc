"""Pictures as Y, U and V planes: views into an I420 array, and conversion from Pillow's RGBA.

Law: numpy only; chroma is subsampled two by two (4:2:0), limited range (BT.601), as H.264 expects it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[np.uint8]

BAND_ROWS = 32  # rows converted at a time: floating point takes many times the memory of the picture

# Rows of the RGB to limited-range YCbCr matrix (ITU-R BT.601-7, 2.5.1), and what is added afterwards.
_MATRIX = np.array(
    [[0.2568, 0.5041, 0.0979], [-0.1482, -0.2910, 0.4392], [0.4392, -0.3678, -0.0714]],
    dtype=np.float32,
)
_OFFSET = np.array([16.0, 128.0, 128.0], dtype=np.float32)


class Planes(NamedTuple):
    """The three planes of one picture; ``u`` and ``v`` have half the rows and columns of ``y``."""

    y: Plane
    u: Plane
    v: Plane


class Sprite(NamedTuple):
    """A picture with soft edges: premultiplied planes, and what remains of the background (0 to 256)."""

    colour: Planes
    keep_luma: NDArray[np.uint16]
    keep_chroma: NDArray[np.uint16]


def split(picture: Plane, width_px: int, height_px: int) -> Planes:
    """The planes of an I420 picture, as views."""
    flat = picture.reshape(-1)
    luma = width_px * height_px
    half = (height_px // 2, width_px // 2)
    return Planes(
        flat[:luma].reshape(height_px, width_px),
        flat[luma : luma + luma // 4].reshape(half),
        flat[luma + luma // 4 :].reshape(half),
    )


def blank(width_px: int, height_px: int) -> Plane:
    """A black I420 picture of even size."""
    picture = np.full((height_px * 3 // 2, width_px), 128, dtype=np.uint8)
    picture[:height_px] = 16
    return picture


def planes_of(image: Image.Image) -> Planes:
    """The planes of an RGB image of even size."""
    picture = split(blank(image.width, image.height), image.width, image.height)
    for top in range(0, image.height, BAND_ROWS):
        bottom = min(image.height, top + BAND_ROWS)
        pixels = np.asarray(image.crop((0, top, image.width, bottom)).convert("RGB"), dtype=np.float32)
        ycc = pixels @ _MATRIX.T + _OFFSET
        half = _halved(ycc[:, :, 1:])
        picture.y[top:bottom] = _bytes(ycc[:, :, 0])
        picture.u[top // 2 : bottom // 2] = _bytes(half[:, :, 0])
        picture.v[top // 2 : bottom // 2] = _bytes(half[:, :, 1])
    return picture


def mask_of(image: Image.Image) -> NDArray[np.bool_]:
    """Where an RGBA image is more opaque than not."""
    return np.asarray(image.getchannel("A")) > 127


def sprite_of(image: Image.Image) -> Sprite:
    """A sprite from an RGBA image of even size."""
    pixels = np.asarray(image, dtype=np.float32)
    alpha = pixels[:, :, 3:] / np.float32(255)
    ycc = ((pixels[:, :, :3] @ _MATRIX.T + _OFFSET) * alpha).astype(np.float32)
    half = _halved(ycc[:, :, 1:])
    keep = (np.float32(256) * (np.float32(1) - alpha)).astype(np.float32)
    colour = Planes(_bytes(ycc[:, :, 0]), _bytes(half[:, :, 0]), _bytes(half[:, :, 1]))
    return Sprite(colour, keep[:, :, 0].astype(np.uint16), _halved(keep)[:, :, 0].astype(np.uint16))


def paste(target: Planes, sprite: Sprite, left_px: int, top_px: int) -> None:
    """Lay ``sprite`` over ``target`` with its corner there; what lies outside is cut off.

    Colour falls on the even place at or before the corner: half a pixel of it is not seen, and movement stays smooth.
    """
    _blend(target.y, sprite.colour.y, sprite.keep_luma, left_px, top_px)
    _blend(target.u, sprite.colour.u, sprite.keep_chroma, left_px // 2, top_px // 2)
    _blend(target.v, sprite.colour.v, sprite.keep_chroma, left_px // 2, top_px // 2)


def _blend(target: Plane, colour: Plane, keep: NDArray[np.uint16], left: int, top: int) -> None:
    rows, columns = colour.shape
    top_cut, left_cut = max(0, -top), max(0, -left)
    bottom, right = min(rows, target.shape[0] - top), min(columns, target.shape[1] - left)
    if top_cut >= bottom or left_cut >= right:
        return
    inside = np.s_[top_cut:bottom, left_cut:right]
    place = target[top + top_cut : top + bottom, left + left_cut : left + right]
    place[:] = ((place * keep[inside]) >> 8) + colour[inside]


def _halved(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    return (pixels[0::2, 0::2] + pixels[1::2, 0::2] + pixels[0::2, 1::2] + pixels[1::2, 1::2]) / np.float32(4)


def _bytes(values: NDArray[np.float32]) -> Plane:
    return np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8)
