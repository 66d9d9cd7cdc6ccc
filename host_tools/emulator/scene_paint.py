"""The synthetic street's paintings: sky, houses, ground, and what moves on it.

Law: pure; the same seed paints the same street. All measures are in *steps* of 1/360 of the picture's height, so that
a street looks the same at every size; only a Brush knows pixels. Sizes of things follow METRE_STEPS.
"""

from __future__ import annotations

import itertools
import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

Colour = tuple[int, int, int]

METRE_STEPS = 20.0  # a metre at the houses: three storeys and their roof then fill the upper two thirds of the picture
STOREY_STEPS = 58.0  # 2.9 m
GROUND_STEPS = 136  # rows of ground below the houses
WALK_PHASES = 8  # pictures of one double step
LARGE_PIXELS_PER_STEP = 1.5  # from 540 lines up, houses need no smoothing, and it would take too much memory

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((96, 148, 206), (206, 222, 234)),  # clear noon
    ((136, 156, 176), (208, 212, 214)),  # overcast
    ((104, 128, 182), (242, 202, 164)),  # evening
)
_WALLS: tuple[Colour, ...] = (
    (168, 92, 72),
    (196, 176, 146),
    (150, 154, 150),
    (214, 200, 178),
    (128, 84, 70),
    (178, 164, 120),
    (122, 138, 148),
)
_AWNINGS: tuple[Colour, ...] = ((176, 44, 44), (36, 96, 66), (34, 72, 128), (190, 130, 30))
_SHOPS = ("CAFE", "BOOKS", "BAKERY", "PHARMACY", "HOTEL", "CYCLES", "FLOWERS", "TAILOR", "MUSIC", "POST")
_CARS: tuple[Colour, ...] = ((178, 32, 36), (38, 74, 140), (222, 222, 220), (52, 56, 60), (196, 164, 40), (60, 108, 84))
_CLOTHES: tuple[Colour, ...] = ((46, 66, 110), (128, 46, 52), (64, 92, 66), (86, 80, 92), (186, 150, 60), (30, 34, 40))
_SKINS: tuple[Colour, ...] = ((236, 196, 168), (198, 146, 110), (134, 90, 64), (90, 60, 46))


class Brush:
    """Draws in steps on an RGBA image of whole, even pixels; shrinks it at the end, which smooths its edges."""

    def __init__(self, width_steps: float, height_steps: float, pixels_per_step: float, finer: int = 2) -> None:
        self.width_px = even(width_steps * pixels_per_step)
        self.height_px = even(height_steps * pixels_per_step)
        self._finer = finer
        self._scale = pixels_per_step * finer
        self.image = Image.new("RGBA", (self.width_px * finer, self.height_px * finer), (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)

    def box(self, left: float, top: float, width: float, height: float, colour: Colour, radius: float = 0.0) -> None:
        """A filled rectangle."""
        corners = self._scaled(left, top, left + width, top + height)
        if radius > 0:
            self.draw.rounded_rectangle(corners, radius * self._scale, fill=colour)
        elif corners[2] > corners[0] and corners[3] > corners[1]:
            self.draw.rectangle((corners[0], corners[1], corners[2] - 1, corners[3] - 1), fill=colour)

    def disc(self, x: float, y: float, radius_x: float, colour: Colour, radius_y: float | None = None) -> None:
        """A filled ellipse around a centre."""
        up = radius_x if radius_y is None else radius_y
        self.draw.ellipse(self._scaled(x - radius_x, y - up, x + radius_x, y + up), fill=colour)

    def shape(self, points: tuple[tuple[float, float], ...], colour: Colour) -> None:
        """A filled polygon."""
        self.draw.polygon([(x * self._scale, y * self._scale) for x, y in points], fill=colour)

    def stroke(self, points: tuple[tuple[float, float], ...], width: float, colour: Colour) -> None:
        """A line with round joints."""
        scaled = [(x * self._scale, y * self._scale) for x, y in points]
        self.draw.line(scaled, fill=colour, width=max(1, round(width * self._scale)), joint="curve")

    def text(self, x: float, y: float, height: float, text: str, colour: Colour) -> None:
        """Text centred at a place."""
        font = ImageFont.load_default(max(6.0, height * self._scale))
        self.draw.text((x * self._scale, y * self._scale), text, fill=colour, font=font, anchor="mm")

    def done(self) -> Image.Image:
        """The image at its final size."""
        return self.image.resize((self.width_px, self.height_px), Image.Resampling.BOX)

    def _scaled(self, left: float, top: float, right: float, bottom: float) -> tuple[int, int, int, int]:
        scale = self._scale
        return round(left * scale), round(top * scale), round(right * scale), round(bottom * scale)


def even(value: float) -> int:
    """The nearest even whole number, at least 2."""
    return max(2, round(value / 2) * 2)


def paint_sky(chance: random.Random, width: float, height: float, pixels_per_step: float) -> Image.Image:
    """Sky with clouds and a hazy skyline; left and right edges meet."""
    brush = Brush(width, height, pixels_per_step, finer=1)
    top, low = chance.choice(_SKIES)
    for row in range(brush.height_px):
        brush.draw.line((0, row, brush.width_px, row), fill=mixed(top, low, row / brush.height_px))
    clouds = Brush(width, height, pixels_per_step, finer=1)
    for _ in range(9):
        _cloud(clouds, chance, width, height * 0.5)
    cover = clouds.image.getchannel("A").filter(ImageFilter.GaussianBlur(5 * pixels_per_step))
    brush.image.paste((246, 247, 248), (0, 0), cover.point([value * 4 // 5 for value in range(256)]))
    haze = mixed(low, (90, 104, 122), 0.45)
    x = 0.0
    while x < width:
        step = min(chance.uniform(14, 44), width - x)
        brush.box(x, height - chance.uniform(40, 120), step, 120, mixed(haze, low, chance.uniform(0.0, 0.5)))
        x += step
    return brush.image


def paint_houses(chance: random.Random, width: float, height: float, pixels_per_step: float) -> Image.Image:
    """A row of houses with shops; nothing above the roofs. Left and right edges meet."""
    brush = Brush(width, height, pixels_per_step, finer=2 if pixels_per_step < LARGE_PIXELS_PER_STEP else 1)
    shops = itertools.cycle(chance.sample(_SHOPS, len(_SHOPS)))
    x = 0.0
    while x < width:
        step = chance.uniform(104, 176)
        if width - x - step < 104:
            step = width - x
        _house(brush, chance, (x, step, height), next(shops))
        x += step
        if chance.random() < 0.2 and width - x > 160:
            x += 26  # a side street: the sky shows
    return grained(brush.done(), chance, 7)


def paint_ground(chance: random.Random, width: float, pixels_per_step: float) -> Image.Image:
    """Pavement, kerb, road and the near pavement, seen from above; rows are GROUND_STEPS. Edges meet."""
    brush = Brush(width, GROUND_STEPS, pixels_per_step, finer=1)
    brush.box(0, 0, width, 28, (158, 154, 148))
    brush.box(0, 28, width, 3, (190, 188, 182))
    brush.box(0, 31, width, 76, (78, 80, 84))
    brush.box(0, 107, width, 4, (196, 194, 188))
    brush.box(0, 111, width, 25, (166, 160, 152))
    for row in (9, 18, 119):
        brush.box(0, row, width, 0.8, (128, 124, 120))
    for slab in range(0, round(width), 20):
        brush.box(slab, 0, 0.8, 28, (130, 126, 122))
        brush.box(slab, 111, 0.6, 25, (136, 130, 124))
    for dash in range(0, round(width), 60):
        brush.box(dash, 64, 26, 3.2, (214, 212, 204))
    for _ in range(round(width / 60)):
        tone = chance.randint(62, 92)
        brush.box(chance.uniform(0, width), chance.uniform(34, 98), chance.uniform(10, 60), 3, (tone, tone, tone + 3))
    for _ in range(round(width / 240)):
        brush.disc(chance.uniform(20, width - 20), chance.choice((50, 86)), 8, (50, 51, 54), 3)
    return grained(brush.image, chance, 9)


def paint_car(chance: random.Random, scale: float, pixels_per_step: float) -> Image.Image:
    """A car that drives to the right."""
    size = scale * METRE_STEPS
    brush = Brush(4.5 * size, 1.6 * size, pixels_per_step, finer=3)
    body = chance.choice(_CARS)
    dark, glass = mixed(body, (0, 0, 0), 0.45), (54, 66, 78)

    def at(*points: tuple[float, float]) -> tuple[tuple[float, float], ...]:
        return tuple((x * size, y * size) for x, y in points)

    brush.disc(2.25 * size, 1.5 * size, 2.1 * size, (40, 40, 42), 0.08 * size)
    brush.shape(at((0.75, 0.75), (1.25, 0.15), (2.75, 0.12), (3.45, 0.75)), body)
    brush.shape(at((0.98, 0.72), (1.36, 0.25), (2.0, 0.24), (2.0, 0.72)), glass)
    brush.shape(at((2.1, 0.72), (2.1, 0.24), (2.7, 0.23), (3.2, 0.72)), mixed(glass, (200, 220, 235), 0.25))
    brush.box(0.15 * size, 0.7 * size, 4.2 * size, 0.6 * size, body, 0.2 * size)
    brush.box(0.15 * size, 1.1 * size, 4.2 * size, 0.2 * size, dark, 0.08 * size)
    brush.box(0.5 * size, 0.82 * size, 3.4 * size, 0.05 * size, mixed(body, (255, 255, 255), 0.4))
    brush.box(4.15 * size, 0.82 * size, 0.2 * size, 0.16 * size, (250, 240, 190), 0.05 * size)
    brush.box(0.15 * size, 0.82 * size, 0.14 * size, 0.18 * size, (200, 30, 30), 0.04 * size)
    for wheel in (0.95, 3.5):
        brush.disc(wheel * size, 1.22 * size, 0.34 * size, (24, 24, 26))
        brush.disc(wheel * size, 1.22 * size, 0.19 * size, (150, 152, 156))
    return brush.done()


def paint_walker(chance: random.Random, scale: float, pixels_per_step: float) -> list[Image.Image]:
    """A person walking to the right: WALK_PHASES pictures."""
    coat, legs = chance.choice(_CLOTHES), mixed(chance.choice(_CLOTHES), (20, 20, 24), 0.5)
    skin, hair = chance.choice(_SKINS), chance.choice(((40, 28, 22), (92, 62, 36), (150, 150, 148), (28, 26, 26)))
    size = scale * METRE_STEPS * chance.uniform(0.94, 1.06)
    phases: list[Image.Image] = []
    for phase in range(WALK_PHASES):
        brush = Brush(1.1 * size, 1.9 * size, pixels_per_step, finer=3)
        _walker(brush, size, phase / WALK_PHASES, (coat, legs, skin, hair))
        phases.append(brush.done())
    return phases


def paint_tree(chance: random.Random, scale: float, pixels_per_step: float) -> Image.Image:
    """A street tree."""
    size = scale * METRE_STEPS
    brush = Brush(3.4 * size, 5.6 * size, pixels_per_step)
    brush.box(1.58 * size, 2.6 * size, 0.24 * size, 3.0 * size, (84, 66, 50))
    for _ in range(46):
        x, y = chance.gauss(1.7, 0.52), chance.gauss(1.75, 0.6)
        light = max(0.0, min(1.0, 0.75 - 0.22 * y + chance.uniform(-0.12, 0.12)))
        leaf = mixed((38, 66, 36), (122, 152, 74), light)
        brush.disc(min(2.9, max(0.5, x)) * size, min(3.0, max(0.5, y)) * size, chance.uniform(0.22, 0.46) * size, leaf)
    return brush.done()


def paint_lamp(scale: float, pixels_per_step: float) -> Image.Image:
    """A street lamp."""
    size = scale * METRE_STEPS
    brush = Brush(1.4 * size, 5.2 * size, pixels_per_step)
    iron = (52, 58, 60)
    brush.stroke(((0.3 * size, 5.2 * size), (0.3 * size, 0.5 * size), (1.0 * size, 0.2 * size)), 0.09 * size, iron)
    brush.box(0.18 * size, 4.5 * size, 0.24 * size, 0.7 * size, iron)
    brush.box(0.8 * size, 0.12 * size, 0.5 * size, 0.14 * size, (70, 76, 80), 0.05 * size)
    brush.box(0.88 * size, 0.25 * size, 0.34 * size, 0.06 * size, (250, 236, 190))
    return brush.done()


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """``share`` of the second colour in the first."""
    parts = [round(a + (b - a) * share) for a, b in zip(first, second, strict=True)]
    return parts[0], parts[1], parts[2]


def grained(image: Image.Image, chance: random.Random, strength: int) -> Image.Image:
    """The image with a seeded grain of ± ``strength`` levels: brick, plaster and asphalt are never one colour."""
    tile = 128
    noise = Image.frombytes("L", (tile, tile), chance.randbytes(tile * tile)).point(
        [128 - strength + value * 2 * strength // 255 for value in range(256)]
    )
    field = Image.new("L", image.size)
    for top in range(0, image.height, tile):
        for left in range(0, image.width, tile):
            field.paste(noise, (left, top))
    grain = Image.merge("RGB", (field, field, field))
    rgb = ImageChops.add(image.convert("RGB"), grain, 1, -128)
    rgb.putalpha(image.getchannel("A"))
    return rgb


def _cloud(brush: Brush, chance: random.Random, width: float, height: float) -> None:
    x, y = chance.uniform(60, max(61.0, width - 60)), chance.uniform(0.1, 0.8) * height
    for _ in range(7):
        brush.disc(x + chance.uniform(-34, 34), y + chance.uniform(-5, 5), chance.uniform(8, 24), (246, 247, 248), 7)


def _house(brush: Brush, chance: random.Random, place: tuple[float, float, float], shop: str) -> None:
    left, width, floor = place
    wall = chance.choice(_WALLS)
    storeys = chance.choice((2, 3, 3, 3))
    top = floor - storeys * STOREY_STEPS - 6
    brush.box(left, top, width, floor - top, wall)
    brush.box(left, top, width, 5, mixed(wall, (255, 255, 255), 0.35))
    brush.box(left, top + 5, width, 2, mixed(wall, (0, 0, 0), 0.35))
    brush.box(left, top, 1.2, floor - top, mixed(wall, (0, 0, 0), 0.4))
    _roof(brush, chance, left, width, top)
    for storey in range(storeys - 1):
        base = top + 9 + storey * STOREY_STEPS
        brush.box(left, base + STOREY_STEPS - 4, width, 2, mixed(wall, (0, 0, 0), 0.2))
        _windows(brush, chance, (left, base, width), wall)
    _shop(brush, chance, (left, floor - STOREY_STEPS + 3, width, STOREY_STEPS - 3), wall, shop)


def _roof(brush: Brush, chance: random.Random, left: float, width: float, top: float) -> None:
    for _ in range(chance.randint(0, 2)):
        x = left + chance.uniform(0.1, 0.85) * width
        brush.box(x, top - 14, 9, 14, (112, 74, 62))
        brush.box(x - 1, top - 16, 11, 3, (88, 60, 52))


def _windows(brush: Brush, chance: random.Random, place: tuple[float, float, float], wall: Colour) -> None:
    left, top, width = place
    count = max(2, round(width / 34))
    gap = width / count
    frame = mixed(wall, (255, 255, 255), 0.6)
    for number in range(count):
        x = left + gap * (number + 0.5) - 8
        lit = chance.random() < 0.18
        glass = (236, 206, 142) if lit else mixed((54, 66, 80), (150, 172, 190), chance.random() * 0.6)
        brush.box(x - 1.5, top + 7, 19, 33, frame)
        brush.box(x, top + 8.5, 16, 30, glass)
        brush.box(x, top + 8.5, 16, chance.choice((0, 0, 8, 14)), (214, 208, 194))
        brush.box(x + 7.3, top + 8.5, 1.4, 30, frame)
        brush.box(x, top + 21, 16, 1.4, frame)
        brush.box(x - 3, top + 39.5, 22, 2.5, mixed(wall, (0, 0, 0), 0.25))


def _shop(
    brush: Brush, chance: random.Random, place: tuple[float, float, float, float], wall: Colour, name: str
) -> None:
    left, top, width, height = place
    paint = chance.choice(_AWNINGS)
    dark = mixed(paint, (0, 0, 0), 0.5)
    brush.box(left + 5, top + 3, width - 10, 11, dark)
    brush.text(left + width / 2, top + 8.4, 8.5, name, (244, 236, 214))
    door = left + chance.choice((0.12, 0.72)) * width
    inside = mixed((70, 74, 78), (238, 208, 150), chance.uniform(0.1, 0.8))
    brush.box(left + 8, top + 16, width - 16, height - 22, inside)
    for _ in range(9):  # goods in the window
        tone = mixed(chance.choice(_AWNINGS), (220, 210, 190), chance.random())
        brush.box(left + chance.uniform(10, width - 22), top + height - chance.uniform(14, 24), 7, 12, tone)
    for bar in range(1, 4):
        brush.box(left + bar * width / 4, top + 16, 1.4, height - 22, dark)
    stripes = max(4, round((width - 10) / 9))
    for stripe in range(stripes):
        tint = paint if stripe % 2 == 0 else (238, 234, 224)
        x, step = left + 5 + stripe * (width - 10) / stripes, (width - 10) / stripes
        brush.shape(((x, top + 14), (x + step, top + 14), (x + step, top + 23), (x, top + 23)), tint)
    brush.box(door, top + 16, 17, height - 16, mixed(wall, (30, 20, 14), 0.6))
    brush.box(door + 3, top + 26, 11, 18, (96, 112, 122))


def _walker(brush: Brush, size: float, phase: float, colours: tuple[Colour, Colour, Colour, Colour]) -> None:
    coat, legs, skin, hair = colours
    swing = 1.0 - 4.0 * abs(phase - 0.5)  # a triangle wave, -1 to 1
    lift = 0.03 * abs(swing)
    middle, hip, shoulder = 0.5 * size, (1.0 + lift) * size, (0.52 + lift) * size

    def limb(top: float, reach: float, length: float, width: float, colour: Colour) -> None:
        knee = (middle + reach * 0.6 * size, top + length * 0.52 * size)
        brush.stroke(((middle, top), knee, (middle + reach * size, top + length * size)), width * size, colour)
        brush.disc(middle + reach * size, top + length * size, width * size / 2, colour)

    brush.disc(0.54 * size, 1.86 * size, 0.32 * size, (96, 94, 92), 0.03 * size)
    limb(hip, -0.26 * swing, 0.84, 0.15, mixed(legs, (0, 0, 0), 0.3))
    limb(shoulder, 0.2 * swing, 0.5, 0.1, mixed(coat, (0, 0, 0), 0.35))
    limb(hip, 0.26 * swing, 0.84, 0.16, legs)
    brush.box(middle - 0.16 * size, shoulder - 0.08 * size, 0.32 * size, hip - shoulder + 0.16 * size, coat, 0.1 * size)
    limb(shoulder, -0.2 * swing, 0.5, 0.11, mixed(coat, (255, 255, 255), 0.12))
    brush.disc(middle + 0.02 * size, (0.28 + lift) * size, 0.115 * size, skin, 0.14 * size)
    brush.disc(middle - 0.02 * size, (0.21 + lift) * size, 0.12 * size, hair, 0.09 * size)
