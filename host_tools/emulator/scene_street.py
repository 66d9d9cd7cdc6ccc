"""The synthetic street in motion: layers and sprites laid over each other for one moment of media time.

Law: pure; the picture is a function of seed, size and time. World places are in steps (1/360 of the height) along the
houses; something on ground row r is seen at ``scale(r)`` times that, so that near things pass faster than far ones.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from host_tools.emulator import scene_paint as paint
from host_tools.emulator import scene_planes as planes
from host_tools.emulator.scene_planes import Planes, Sprite

PICTURE_STEPS = 360  # the height of a picture, by definition of a step
SWAY_STEPS = 6  # rows above and below the picture that a walking wearer's sway uncovers
WALL_STEPS = PICTURE_STEPS + 2 * SWAY_STEPS - paint.GROUND_STEPS  # rows of sky and houses
LOOP_PICTURES = 3  # the street repeats after this many picture widths
GROUND_GROWTH = 2.5  # how much larger things are at the lowest row of the ground than at the houses

WALK_STEPS_PER_S = 1.2 * paint.METRE_STEPS  # the wearer walks at 1.2 m/s
STRIDE_HZ = 1.8  # steps a second at that speed
TURN_STEPS, TURN_PERIOD_S = 46.0, 17.0  # the wearer looks left and right
SKY_SCALE = 0.12  # far things hardly move
DOUBLE_STEP_S = 1.1  # a walker's two steps
LANE_CARS = 4  # cars in one lane of the whole loop


class Mover(NamedTuple):
    """Something on the ground: its pictures, where it starts, how fast it goes (steps) and the row of its foot."""

    phases: tuple[Sprite, ...]
    start: float
    speed: float
    row: float


class Layer(NamedTuple):
    """A painting with its first picture repeated at the end, so that every window on it is one slice."""

    colour: Planes
    mask_luma: NDArray[np.bool_] | None
    mask_chroma: NDArray[np.bool_] | None
    loop_px: int


class Street:
    """Paints itself when made (tenths of a second); ``draw`` is cheap."""

    def __init__(self, seed: int, width_px: int, height_px: int) -> None:
        chance = random.Random(seed)
        self._width_px, self._height_px = width_px, height_px
        self._unit = height_px / PICTURE_STEPS  # pixels a step
        self._loop = LOOP_PICTURES * width_px / self._unit
        self._sway_px = paint.even(SWAY_STEPS * self._unit)
        self._wall_px = paint.even(WALL_STEPS * self._unit)
        self._canvas_px = height_px + 2 * self._sway_px
        self._canvas = planes.split(planes.blank(width_px, self._canvas_px), width_px, self._canvas_px)
        self._picture = planes.blank(width_px, height_px)
        self._sky = self._layer(paint.paint_sky(chance, self._loop, WALL_STEPS, self._unit), masked=False)
        self._houses = self._layer(paint.paint_houses(chance, self._loop, WALL_STEPS, self._unit), masked=True)
        self._ground = self._ground_rows(paint.paint_ground(chance, self._loop, self._unit))
        self._movers = sorted(self._things(chance), key=lambda mover: mover.row)
        self._phase_s = chance.uniform(0.0, 60.0)

    def draw(self, second: float) -> planes.Plane:
        """The I420 picture at that time; the array is used again by the next call."""
        second += self._phase_s
        walked = WALK_STEPS_PER_S * second
        turn = TURN_STEPS * math.sin(2 * math.pi * second / TURN_PERIOD_S)
        self._draw_walls(walked, turn)
        self._draw_ground(walked, turn)
        for mover in self._movers:
            self._draw_mover(mover, second, walked, turn)
        self._frame_with(self._sway_px * 0.6 * math.sin(2 * math.pi * STRIDE_HZ * second))
        return self._picture

    def _draw_walls(self, walked: float, turn: float) -> None:
        self._draw_layer(self._sky, self._pixels(walked * SKY_SCALE + turn))
        self._draw_layer(self._houses, self._pixels(walked + turn))

    def _draw_layer(self, layer: Layer, left_px: int) -> None:
        left = left_px % layer.loop_px
        wide = np.s_[:, left : left + self._width_px]
        half = np.s_[:, left // 2 : left // 2 + self._width_px // 2]
        for source, target, mask, window in (
            (layer.colour.y, self._canvas.y, layer.mask_luma, wide),
            (layer.colour.u, self._canvas.u, layer.mask_chroma, half),
            (layer.colour.v, self._canvas.v, layer.mask_chroma, half),
        ):
            place = target[: source.shape[0]]
            np.copyto(place, source[window], where=True if mask is None else mask[window])

    def _draw_ground(self, walked: float, turn: float) -> None:
        width, half = self._width_px, self._width_px // 2
        canvas, top = self._canvas, self._wall_px
        for number, (row_y, row_u, row_v, scale, loop_px) in enumerate(self._ground):
            left = (self._pixels(walked * scale + turn) - width // 2) % loop_px
            canvas.y[top + number] = row_y[left : left + width]
            if number % 2 == 0:
                left, row = left // 2, (top + number) // 2
                canvas.u[row] = row_u[left : left + half]
                canvas.v[row] = row_v[left : left + half]

    def _draw_mover(self, mover: Mover, second: float, walked: float, turn: float) -> None:
        scale = scale_of(mover.row)
        ahead = (mover.start + mover.speed * second - walked) % self._loop
        if ahead > self._loop / 2:
            ahead -= self._loop
        phase = int(second / DOUBLE_STEP_S * len(mover.phases)) % len(mover.phases)
        sprite = mover.phases[phase]
        rows, columns = sprite.keep_luma.shape
        left = self._pixels(ahead * scale - turn) + self._width_px // 2 - columns // 2
        planes.paste(self._canvas, sprite, left, self._pixels(WALL_STEPS + mover.row) - rows)

    def _frame_with(self, sway_px: float) -> None:
        top = self._sway_px + round(sway_px)
        half = self._height_px // 2
        target = planes.split(self._picture, self._width_px, self._height_px)
        target.y[:] = self._canvas.y[top : top + self._height_px]
        target.u[:] = self._canvas.u[top // 2 : top // 2 + half]
        target.v[:] = self._canvas.v[top // 2 : top // 2 + half]

    def _pixels(self, steps: float) -> int:
        return math.floor(steps * self._unit)

    def _layer(self, image: Image.Image, masked: bool) -> Layer:
        loop_px = image.width
        long = Image.new(image.mode, (loop_px + self._width_px, self._wall_px))
        fitted = image.resize((loop_px, self._wall_px)) if image.height != self._wall_px else image
        long.paste(fitted, (0, 0))
        long.paste(fitted, (loop_px, 0))
        mask = planes.mask_of(long) if masked else None
        return Layer(planes.planes_of(long), mask, None if mask is None else mask[::2, ::2].copy(), loop_px)

    def _ground_rows(self, image: Image.Image) -> list[tuple[planes.Plane, planes.Plane, planes.Plane, float, int]]:
        """Every row of the ground at its own scale, with its first picture repeated at the end."""
        rows_px = self._canvas_px - self._wall_px
        flat = planes.planes_of(image.resize((image.width, paint.even(rows_px))))
        rows: list[tuple[planes.Plane, planes.Plane, planes.Plane, float, int]] = []
        for number in range(rows_px):
            scale = scale_of(number / self._unit)
            loop_px = paint.even(image.width * scale)
            rows.append(
                (
                    _stretched(flat.y[number], loop_px, self._width_px),
                    _stretched(flat.u[number // 2], loop_px // 2, self._width_px // 2),
                    _stretched(flat.v[number // 2], loop_px // 2, self._width_px // 2),
                    scale,
                    loop_px,
                )
            )
        return rows

    def _things(self, chance: random.Random) -> list[Mover]:
        things: list[Mover] = []
        spacing = 200.0
        for number in range(int(self._loop / spacing)):
            row = 29.0
            image = (
                paint.paint_tree(chance, scale_of(row), self._unit)
                if number % 2
                else paint.paint_lamp(scale_of(row), self._unit)
            )
            things.append(Mover((planes.sprite_of(image),), number * spacing + chance.uniform(0, 50), 0.0, row))
        for row, speed in ((54.0, -6.0), (96.0, 7.0)):
            things.extend(self._lane(chance, row, speed * paint.METRE_STEPS))
        for row in (7.0, 11.0, 15.0, 20.0, 24.0, 12.0, 128.0):
            things.append(self._walker(chance, row))
        return things

    def _lane(self, chance: random.Random, row: float, speed: float) -> list[Mover]:
        """Cars of one lane, at one speed, so that none drives through another."""
        start, cars = chance.uniform(0, self._loop), list[Mover]()
        for number in range(LANE_CARS):
            image = paint.paint_car(chance, scale_of(row), self._unit)
            place = start + (number + chance.uniform(0.0, 0.6)) * self._loop / LANE_CARS
            cars.append(Mover((_facing(image, speed),), place, speed, row))
        return cars

    def _walker(self, chance: random.Random, row: float) -> Mover:
        direction = chance.choice((-1, 1))
        images = paint.paint_walker(chance, scale_of(row), self._unit)
        speed = direction * chance.uniform(1.0, 1.5) * paint.METRE_STEPS
        return Mover(tuple(_facing(i, direction) for i in images), chance.uniform(0, self._loop), speed, row)


def scale_of(row: float) -> float:
    """How large things on a row of the ground are seen, counted from the houses (1.0) down."""
    return 1.0 + GROUND_GROWTH * row / paint.GROUND_STEPS


def _facing(image: Image.Image, direction: float) -> Sprite:
    return planes.sprite_of(image if direction > 0 else image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def _stretched(row: planes.Plane, loop_px: int, extra_px: int) -> planes.Plane:
    places = np.arange(loop_px, dtype=np.float32) * (len(row) / loop_px)
    stretched = np.interp(places, np.arange(len(row)), row, period=len(row)).astype(np.uint8)
    return np.resize(stretched, loop_px + extra_px)
