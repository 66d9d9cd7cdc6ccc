"""Ports on a Raspberry Pi Pico: MicroPython's machine module.

Law: portable dialect; as thin as it can be, for only a board can run it. What can be decided without one (which input
is behind which multiplexer, which bit of a chain is which output) is in firmware.drivers, where tests reach it.
"""
