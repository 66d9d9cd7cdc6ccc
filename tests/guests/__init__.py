"""Lanes in emulated computers, ``usb`` and ``pi``: the firmware's real ports on a real Linux kernel.

Law: a lane needs no root and leaves nothing outside ``build/guests`` (Debian packages, checked by their digests). What
it lacks it names, with the command that brings it, and fails: a lane is never skipped. ``make test`` starts none.
"""
