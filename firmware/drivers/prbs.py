"""Pseudo-random bit sequences for the contact check, and what an error count is worth.

Law: pure. Polynomials as in ITU-T O.150 (PRBS9 x^9+x^5+1, PRBS15 x^15+x^14+1), seeded with all ones, most significant
bit of a byte first, not inverted. 511 and 32767 bits share no factor with 8, so the byte stream repeats after 511 and
32767 bytes: one table holds it all. PRBS15 costs a Pico 32 KB of its heap; PRBS9 is the default.

Over USB bulk transfers the controller's own check and retry hide bit errors: there these patterns show that bytes
arrive, in order and whole, not the error rate of the wire.
"""

from math import sqrt

PRBS9 = 9
PRBS15 = 15

# order -> (degree, tap)
_TAPS = {PRBS9: (9, 5), PRBS15: (15, 14)}

# Errors seen -> upper bound on the errors expected, Poisson, 95 % confidence; for zero errors it is -ln(1 - 0.95).
CONFIDENCE_PERCENT = 95
_BOUNDS = (2.996, 4.744, 6.296, 7.754, 9.154, 10.513)
_NORMAL_95 = 1.6449  # quantile of the normal distribution that 95 % lie below


def make_table(order: int = PRBS9) -> bytearray:
    """One whole period of the byte stream. KeyError for an order that is not PRBS9 or PRBS15."""
    degree, tap = _TAPS[order]
    period_bytes = (1 << degree) - 1
    mask = period_bytes
    register = mask
    # As many new bits at once as come from old ones alone, and fill a byte.
    width = 8 if tap >= 8 else 4
    from_degree, from_tap, new = degree - width, tap - width, (1 << width) - 1
    table = bytearray(period_bytes)
    for index in range(period_bytes):
        value = 0
        for _ in range(8 // width):
            bits = (register >> from_degree ^ register >> from_tap) & new
            register = (register << width | bits) & mask
            value = value << width | bits
        table[index] = value
    return table


def fill(table: "bytes | bytearray", phase_bytes: int, target: "bytearray | memoryview") -> None:
    """Write the byte stream into ``target``, from byte ``phase_bytes`` of the stream on."""
    period_bytes = len(table)
    start = phase_bytes % period_bytes
    done = 0
    while done < len(target):
        take = min(period_bytes - start, len(target) - done)
        target[done : done + take] = table[start : start + take]
        done += take
        start = 0


def count_bit_errors(table: "bytes | bytearray", phase_bytes: int, received: "bytes | bytearray | memoryview") -> int:
    """Bits of ``received`` that differ from the byte stream at ``phase_bytes``."""
    period_bytes = len(table)
    expected = memoryview(table)
    seen = memoryview(received)
    start = phase_bytes % period_bytes
    done = 0
    errors = 0
    while done < len(seen):
        take = min(period_bytes - start, len(seen) - done)
        errors += _count_difference(expected[start : start + take], seen[done : done + take])
        done += take
        start = 0
    return errors


def error_rate_bound(errors: int, bits: int) -> float:
    """The bit error rate that is not exceeded, with CONFIDENCE_PERCENT, after ``errors`` in ``bits`` (1 for no bits).

    Exact to 0.1 % up to five errors (Poisson table), beyond by Wilson and Hilferty's approximation of chi-squared.
    """
    if bits <= 0:
        return 1.0
    if errors < len(_BOUNDS):
        return min(1.0, _BOUNDS[errors] / bits)
    count = errors + 1
    root = 1 - 1 / (9 * count) + _NORMAL_95 / (3 * sqrt(count))
    return min(1.0, count * root * root * root / bits)


def _count_difference(left: memoryview, right: memoryview) -> int:
    if left == right:
        return 0
    errors = 0
    for index in range(len(left)):
        difference = left[index] ^ right[index]
        while difference:
            difference &= difference - 1
            errors += 1
    return errors
