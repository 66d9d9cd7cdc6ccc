"""The drivers on either interpreter: test patterns against their vectors, contacts, buttons, lamps, charge.

Portable.
"""

from binascii import crc32, hexlify

from firmware.drivers import battery, buttons, debounce, lamps, prbs
from firmware.link.schema import LAMP_PATTERNS
from tests.parity.line import Lcg

# First bytes (Fibonacci register, all ones, most significant bit first, not inverted), and the period.
PATTERNS = (
    (prbs.PRBS9, "07be2e64129da3cf9b15238dab898880", 511),
    (prbs.PRBS15, "0002000c002800f002200cc02a80ff02", 32767),
)


def patterns_are_those_of_their_polynomials():
    story = []
    for order, first, period in PATTERNS:
        table = prbs.make_table(order)
        assert hexlify(table[:16]).decode() == first
        assert len(table) == period
        story.append("%08x" % crc32(table))
    return str(story)


def every_flipped_bit_is_counted_once():
    table = prbs.make_table()
    random = Lcg(4)
    for phase in (0, 1, 510, 511, 40000):
        received = bytearray(1500)
        prbs.fill(table, phase, received)
        assert prbs.count_bit_errors(table, phase, received) == 0
        flipped = set()
        while len(flipped) < 37:
            flipped.add(random.below(12000))
        for bit in sorted(flipped):
            received[bit // 8] ^= 1 << bit % 8
        assert prbs.count_bit_errors(table, phase, received) == 37


def error_rates_are_bounded_alike():
    bounds = [prbs.error_rate_bound(errors, 1000000) for errors in (0, 1, 5, 6, 10, 40)]
    assert prbs.error_rate_bound(0, 0) == 1.0
    return str([round(bound * 1e9) for bound in bounds])


def a_clean_contact_rises_once_and_falls_once():
    contact = debounce.Debounce()
    edges = [(now, contact.feed(100 <= now < 300, now)) for now in range(0, 400, 5)]
    assert [edge for edge in edges if edge[1]] == [
        (100, debounce.TOUCHED),
        (150, debounce.ROSE),
        (305, debounce.FELL),
    ]


def a_bouncing_contact_tells_the_same_story():
    random = Lcg(11)
    contact = debounce.Debounce()
    story = []
    for now_ms in range(0, 4000, 5):
        closed = now_ms % 1500 > 400
        edge = contact.feed(closed and (now_ms % 1500 > 700 or random.below(10) > 2), now_ms)
        if edge:
            story.append((now_ms, edge, contact.settle_ms, contact.bounces))
    assert [edge for _, edge, _, _ in story].count(debounce.ROSE) >= 3, story
    return str(story)


def buttons_tell_the_same_words():
    random = Lcg(5)
    button = buttons.Button(1000, 300)
    story = []
    pressed = False
    for now_ms in range(0, 60000, 10):
        if random.below(40) == 0:
            pressed = not pressed
        story += [(now_ms, word) for word in button.feed(pressed, now_ms)]
    words = {word for _, word in story}
    assert words == {buttons.PRESS, buttons.DOUBLE_PRESS, buttons.HOLD}, words
    return "%08x %d" % (crc32(str(story).encode()), len(story))


def lamps_show_the_same_colours():
    story = []
    for number, word in LAMP_PATTERNS:
        colours = bytes([lamps.colour_at(number, now_ms) for now_ms in range(0, 6000, 25)])
        story.append("%s %08x %s" % (word, crc32(colours), lamps.next_change_ms(number, 12345)))
    return str(story)


def charge_follows_the_curve():
    assert [battery.percent_from_uv(uv) for uv, _ in battery.CURVE] == [percent for _, percent in battery.CURVE]
    return str([battery.percent_from_uv(uv) for uv in range(2500000, 4500000, 33333)])


CASES = tuple(
    (function.__name__, function)
    for function in (
        patterns_are_those_of_their_polynomials,
        every_flipped_bit_is_counted_once,
        error_rates_are_bounded_alike,
        a_clean_contact_rises_once_and_falls_once,
        a_bouncing_contact_tells_the_same_story,
        buttons_tell_the_same_words,
        lamps_show_the_same_colours,
        charge_follows_the_curve,
    )
)
